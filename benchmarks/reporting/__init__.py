"""Tables, pictures and pages of measurements."""

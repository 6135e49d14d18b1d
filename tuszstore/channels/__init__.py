"""Names of channels, and what they are made of; known to all modules."""

"""From windows to arrays."""

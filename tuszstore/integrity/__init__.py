"""Verifying and repairing stores."""

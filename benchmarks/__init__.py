"""Benchmarks of tuszstore against the ways it replaces."""

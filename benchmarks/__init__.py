"""Benchmarks of tuszstore against other ways of storing and reading windows."""

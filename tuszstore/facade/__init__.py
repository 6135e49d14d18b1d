"""Stores, and other collections of windows that are read like one."""

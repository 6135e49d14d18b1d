"""Stores whose signal lies in another way than the fast path reads it."""

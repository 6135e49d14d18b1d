"""Printing of plans, reports, stores and checks, one module for each kind."""

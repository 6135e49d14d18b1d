"""Stores as xarray Datasets."""

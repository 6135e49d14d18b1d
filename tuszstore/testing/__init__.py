"""A test of an installation, for users: ``python -m pytest --pyargs tuszstore.testing``.

It takes less than a minute, needs pytest but no data, and skips missing optional dependencies.
"""

"""A test of an installation, for users: ``python -m pytest --pyargs tuszstore.testing``.

It takes less than a minute, needs pytest and no data, and skips what is not installed.
"""

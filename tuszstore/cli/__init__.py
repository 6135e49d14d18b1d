"""The command line."""

from tuszstore.cli.app import main

__all__ = ["main"]

"""Tests of tuszstore, in the folders of the package that they are about."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The checkout."""

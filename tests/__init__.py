"""Tests of tuszstore, in the folders of the package that they are about."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The checkout."""


def name_of(value: object) -> str:
    """Return an id of a parameter that is the same in every process: no address stands in it."""
    text = str(value)
    return type(value).__name__ if " object at 0x" in text else text

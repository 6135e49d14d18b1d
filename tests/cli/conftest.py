"""A build that is over quickly."""

from pathlib import Path

import pytest


@pytest.fixture
def small(own_corpus: Path, tmp_path: Path) -> list[object]:
    """Arguments of a build that is over quickly."""
    return [
        "build",
        "--split",
        "train",
        "--data",
        own_corpus,
        "--store",
        tmp_path / "stores",
        "--workers",
        0,
    ]

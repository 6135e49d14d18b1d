"""A small corpus and its stores, made once for all tests."""

from pathlib import Path

import pytest

import tuszstore
from tuszstore.corpus.synthetic import write_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a synthetic corpus."""
    root = tmp_path_factory.mktemp("corpus")
    write_corpus(root, patients=3, files=2, minutes=2, seed=3, quirks=False)
    return root


@pytest.fixture(scope="session")
def store(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> "tuszstore.Store":
    """Return the train split of the corpus."""
    root = tmp_path_factory.mktemp("stores")
    report = tuszstore.build(split="train", data=corpus, store=root, workers=0)
    assert report.status == "built"
    return tuszstore.open(report.store)

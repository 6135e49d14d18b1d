import functools
import gc
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import tuszstore
from tests import ROOT
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.read import decode

RANDOM = "TUSZSTORE_TEST_RANDOM"
"""Environment variable which, if set, makes property tests try more examples, new in each run."""

# The same examples in each run, so that what fails does so for the change and not by chance; half
# of Hypothesis's hundred, for the same ones find nothing new the next time. And machines are
# shared: how long an example takes says nothing.
settings.register_profile("tuszstore", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("further", deadline=None, derandomize=False, max_examples=200)
settings.load_profile("further" if RANDOM in os.environ else "tuszstore")


def pytest_collection_finish() -> None:
    """Take the modules and the tests, a million objects, out of each later garbage collection."""
    gc.collect()
    gc.freeze()


DATA = "TUSZSTORE_TEST_DATA"
"""Environment variable with the folder of real recordings; by default one beside the checkout."""


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic corpus with every quirk; not to be changed."""
    root = tmp_path_factory.mktemp("corpus")
    write_corpus(root, patients=6, files=4, minutes=3, seed=0)
    return root


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus without quirks; not to be changed."""
    root = tmp_path_factory.mktemp("small")
    write_corpus(root, patients=2, files=3, minutes=3, seed=1, quirks=False)
    return root


@pytest.fixture
def own_corpus(small_corpus: Path, tmp_path: Path) -> Path:
    """A copy of `small_corpus` of one test's own."""
    return Path(shutil.copytree(small_corpus, tmp_path / "corpus"))


@pytest.fixture(scope="session")
def train(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> "tuszstore.Store":
    """The train split of `corpus`, built with the default configuration."""
    root = tmp_path_factory.mktemp("stores")
    report = tuszstore.build(split="train", data=corpus, store=root, workers=0)
    return tuszstore.open(report.store)


@pytest.fixture(scope="session")
def built_as(
    small_corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[dict[str, Any]], Path]:
    """Return the train store of two recordings of a configuration; not to be changed."""

    @functools.cache
    def build(config: str) -> Path:
        root = tmp_path_factory.mktemp("built")
        report = tuszstore.build(
            json.loads(config), split="train", data=small_corpus, store=root, workers=0, limit=2
        )
        return report.store

    return lambda config: build(json.dumps(config))


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """A folder for what must not lie in memory, as `tmp_path` does under `make test`."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def own_store(train: "tuszstore.Store", tmp_path: Path) -> Path:
    """A copy of `train` that a test may damage."""
    path = tmp_path / "train.zarr"
    shutil.copytree(train.path, path)
    return path


@pytest.fixture(params=["compiled", "numpy"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What decodes the blocks of readers that are made in the test."""
    if request.param == "numpy":
        monkeypatch.setattr(decode, "_kernel", None)
    elif decode._kernel is None:
        pytest.skip("installed without a compiler")
    return str(request.param)


@pytest.fixture(scope="session")
def eegmat() -> Path:
    """Real EEG, where it is there."""
    folder = os.environ.get(DATA) or ROOT.parent / "shared" / "data"
    path = Path(folder, "eegmat")
    if not any(path.glob("*.edf")):
        pytest.skip(
            f"{path} holds no EDF files. Put the recordings Subject00, 03, 07 and 12 (_1.edf and "
            "_2.edf) of https://physionet.org/content/eegmat/1.0.0/ into a folder eegmat, and "
            f"name the folder around it in {DATA}"
        )
    return path

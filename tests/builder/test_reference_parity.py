"""`configs/reference.yaml` against an independent implementation of the NPZ pipeline."""

from pathlib import Path

import numpy as np
import pytest

import tuszstore
from tests.builder import reference_oracle as oracle
from tuszstore.store.categories import CATEGORIES


@pytest.fixture(scope="module", params=["train", "dev"])
def pair(
    request: pytest.FixtureRequest, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple["tuszstore.Store", list[oracle.OracleRecording]]:
    files = oracle.list_files(corpus / "edf" / "train")
    train, dev = oracle.split_file_order(files)
    expected = oracle.build(train if request.param == "train" else dev)
    report = tuszstore.build(
        "reference",
        split=request.param,
        data=corpus,
        store=tmp_path_factory.mktemp("reference"),
        workers=0,
    )
    return tuszstore.open(report.store), expected


def test_recordings_are_the_same_in_the_same_order(pair: tuple) -> None:
    store, expected = pair
    stems = [Path(id_).stem for id_ in store.recordings["id"].values]
    assert stems == [recording.path.stem for recording in expected]
    assert len(stems) > 1


def test_every_window_is_bit_exact(pair: tuple) -> None:
    store, expected = pair
    first = 0
    for recording in expected:
        numbers = np.arange(first, first + len(recording.windows))
        np.testing.assert_array_equal(store.read(numbers), recording.windows)
        first += len(recording.windows)
    assert first == len(store) > 0


def test_every_label_is_the_same(pair: tuple) -> None:
    store, expected = pair
    labels = np.concatenate([recording.labels for recording in expected]) > 0
    bits = store.spec.seizure_bits
    np.testing.assert_array_equal((store.labels[:] & bits) > 0, labels)


def test_every_category_is_the_same(pair: tuple) -> None:
    store, expected = pair
    categories = [name for recording in expected for name in recording.categories]
    assert [CATEGORIES[code] for code in store.index["category"].values] == categories
    assert {"no_seizure", "partial_seizure"} <= set(categories)
    for name in CATEGORIES:
        np.testing.assert_array_equal(store.mask(name), np.array(categories) == name)

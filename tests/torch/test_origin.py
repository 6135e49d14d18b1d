"""A sampler is used on the windows whose numbers it draws, and on no others."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tuszstore.sampling import (
    Balanced,
    Mixed,
    Sampler,
    SamplingError,
    Shuffled,
    Stratified,
    Weighted,
)

pytest.importorskip("torch")

from tuszstore.torch import WindowLoader

MAKERS: dict[str, Callable[[Any], Sampler]] = {
    "balanced": Balanced,
    "weighted": Weighted.equal,
    "shares": lambda index: Weighted.in_shares(index, by="category"),
    "by event": Weighted.by_event,
    "stratified": lambda index: Stratified(index, range(8), 4),
    "groups": lambda index: Mixed.of_groups(index, "category"),
    "parts": lambda index: Mixed([Balanced(index), Shuffled([0, 1])], shares=[0.5, 0.5]),
}


@pytest.fixture(scope="module")
def dev(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuszstore.Store:
    root = tmp_path_factory.mktemp("dev")
    return tuszstore.open(tuszstore.build(split="dev", data=corpus, store=root, workers=0).store)


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Callable[[Any], Sampler]:
    return MAKERS[request.param]


def test_of_the_same_windows(
    train: tuszstore.Store, own_store: Path, make: Callable[[Any], Sampler]
) -> None:
    sampler = pickle.loads(pickle.dumps(make(train.index)))
    size = sampler.batch_size or 64
    shown_otherwise = train.view(units="uV")
    for windows in (train, tuszstore.open(own_store), shown_otherwise):
        assert len(WindowLoader(windows, sampler, size))


def test_of_another_geometry(train: tuszstore.Store, make: Callable[[Any], Sampler]) -> None:
    view = train.view(length=60, stride=5)
    told = "draws from the windows of another view or version of it, .*with other indices"
    with pytest.raises(SamplingError, match=told):
        WindowLoader(train, make(view.index), 4)
    with pytest.raises(SamplingError, match=told):
        WindowLoader(view, make(train.index), 4)


def test_of_another_store(
    train: tuszstore.Store, dev: tuszstore.Store, make: Callable[[Any], Sampler]
) -> None:
    with pytest.raises(SamplingError, match=r"from the windows of .*train\.zarr.*/dev\.zarr"):
        WindowLoader(dev, make(train.index), 4)
    both = tuszstore.concat([train, dev])
    with pytest.raises(SamplingError, match=r"of .*dev\.zarr.* of .*train\.zarr \+ .*dev\.zarr"):
        WindowLoader(both, make(dev.index), 4)
    assert len(WindowLoader(both, make(both.index), 4))
    with pytest.raises(SamplingError, match=r"part 'a' .*train\.zarr, and 'b' .*dev\.zarr"):
        Mixed({"a": make(train.index), "b": make(dev.index)})


def test_of_a_part_of_the_index(train: tuszstore.Store) -> None:
    part = train.index.isel(window=train.mask("partial_seizure"))
    sampler = Balanced(part)
    with pytest.raises(SamplingError, match=f"{len(part['category'])} rows of an index.*indices"):
        WindowLoader(train, sampler, 4)


def test_columns_that_say_nothing_of_their_store(train: tuszstore.Store) -> None:
    columns = {name: train.index[name].values for name in ("category", "recording")}
    sampler = Balanced(columns)
    assert sampler.origin is None
    np.testing.assert_array_equal(sampler.epoch(3), Balanced(train.index).epoch(3))
    assert len(WindowLoader(train, sampler, 4))

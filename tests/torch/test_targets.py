"""What loaders and datasets give as labels, of stores and of views alike."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tests.store.made_stores import make_store

torch = pytest.importorskip("torch")

from tuszstore.torch import WindowDataset, WindowLoader  # noqa: E402

OPTIONS: list[dict[str, Any]] = [
    {},
    {"label": "classes"},
    {"label": "onset", "interval": 2},
    {"label": "preictal", "horizon": 1, "interval": 20},
    {"label": "channels"},
    {"label": "channels", "rule": "any"},
    {"rule": "soft", "ignore": (1, 0.5)},
]


@pytest.fixture
def store(tmp_path: Path) -> "tuszstore.Store":
    return tuszstore.open(make_store(tmp_path / "train.zarr").path)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "seizure")
def test_labels_are_those_of_targets(store: "tuszstore.Store", options: dict[str, Any]) -> None:
    for windows in (store, store.view(["Fp1-F7", "Fz-Cz"], "uV", 4, 2)):
        expected = windows.targets(slice(None), **options)
        loader = WindowLoader(windows, shuffle=False, batch_size=5, **options)
        signal, label = (torch.cat(parts).numpy() for parts in zip(*loader, strict=True))
        np.testing.assert_array_equal(label, expected)
        np.testing.assert_array_equal(signal, windows.windows[:])
        dataset = WindowDataset(windows, [3, 1], **options)
        np.testing.assert_array_equal(dataset[[0, 1]][1].numpy(), expected[[3, 1]])
        np.testing.assert_array_equal(dataset[1][1].numpy(), expected[1])


def test_options_are_checked_where_they_are_given(store: "tuszstore.Store") -> None:
    for maker in (WindowLoader, WindowDataset):
        with pytest.raises(ValueError, match="needs interval"):
            maker(store, label="preictal")


def test_a_state_belongs_to_its_labels_and_its_view(store: "tuszstore.Store") -> None:
    view = store.view(["Fp1-F7"], "uV")
    state = WindowLoader(view, batch_size=4).state_dict()
    WindowLoader(view, batch_size=4).load_state_dict(state)
    for other in (
        WindowLoader(store.view(["F7-T3"], "uV"), batch_size=4),
        WindowLoader(view, batch_size=4, rule="any"),
    ):
        with pytest.raises(ValueError, match="belongs to"):
            other.load_state_dict(state)

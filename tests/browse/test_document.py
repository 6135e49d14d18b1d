"""What a page does when it cannot do what it is asked, without a browser."""

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tests.store.made_stores import make_store

pytest.importorskip("bokeh")

from tuszstore.browse.document import Browser, Contents
from tuszstore.browse.montages import montages
from tuszstore.browse.places import seizures


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A store of 100 s, of 8 s, of half a second, and of 60 s that nobody annotated."""
    make_store(tmp_path / "name-of-a-patient.zarr", lengths=(1600, 130, 8, 960))
    return tmp_path / "name-of-a-patient.zarr"


def open_page(store: Any, **changes: Any) -> Browser:
    names = [f"recording {k}" for k in range(len(store.metadata.recordings["id"]))]
    listed = {"seizures": lambda: seizures(store)}
    return Browser(Contents("title", montages(store), names, listed, **changes))


def test_every_recording_is_shown(place: Path) -> None:
    page = open_page(tuszstore.open(place))
    for row, told in enumerate(("0:10 of 1:40", "0:08 of 0:08", "of 0:00", "0:10 of 1:00")):
        page._recording.value = str(row)
        assert told in page._status.text
    assert page._traces.data["xs"]


def test_a_start_past_the_end_is_the_last_page(place: Path) -> None:
    page = open_page(tuszstore.open(place), start=(0, 1e6))
    assert "1:30 to 1:40 of 1:40" in page._status.text
    page._press("first")
    page._press("last")
    assert "1:30 to 1:40 of 1:40" in page._status.text


def shards(place: Path) -> list[Path]:
    return [p for p in (place / "signal").rglob("*") if p.is_file() and p.name != "zarr.json"]


def damage(place: Path) -> None:
    """Change all bits of the signals."""
    for shard in shards(place):
        shard.write_bytes(bytes(255 ^ byte for byte in shard.read_bytes()))


@pytest.mark.parametrize("fault", ["closed", "removed", "replaced", "damaged"])
@pytest.mark.parametrize("hidden", [False, True])
def test_what_cannot_be_read_is_said_in_the_page(
    place: Path, fault: str, hidden: bool, caplog: pytest.LogCaptureFixture
) -> None:
    store = tuszstore.open(place)
    page = open_page(store, hidden=hidden)
    if fault == "closed":
        store.close()
    elif fault == "damaged":
        damage(place)
    else:
        shutil.rmtree(place)
        if fault == "replaced":
            make_store(place, lengths=(300, 300), seed=9)
    with caplog.at_level(logging.ERROR):
        page._press("next")
        page._recording.value = "1"
        page._recording.value = "0"
    shown = page._status.text
    assert page._traces.data["xs"] == []
    assert ("patient" in shown or "p0" in shown) != hidden
    if hidden:
        assert "cannot be shown" in shown
        assert str(place) in caplog.text or "p0" in caplog.text


def test_a_page_that_is_damaged_does_not_keep_from_the_others(place: Path) -> None:
    store = tuszstore.open(place)
    page = open_page(store)
    kept = {path: path.read_bytes() for path in shards(place)}
    damage(place)
    page._press("next")
    assert "recording 0, from 0:10: " in page._status.text
    assert "damaged" in page._status.text
    assert page._plot.x_range.start == 10
    for path, content in kept.items():
        path.write_bytes(content)
    page._press("next")
    assert "0:20 to 0:30" in page._status.text
    assert len(page._traces.data["xs"]) == len(store.channels)


def test_a_list_that_cannot_be_made_is_empty(place: Path) -> None:
    store = tuszstore.open(place)
    store.close()
    other = tuszstore.open(place)
    contents = Contents("t", montages(other), ["a"] * 4, {"seizures": lambda: seizures(store)})
    page = Browser(contents)
    assert "closed" in page._status.text
    page._press("next place")
    page._press("next")
    assert "0:10 to 0:20" in page._status.text


def test_flat_channels_are_lines(place: Path) -> None:
    store = tuszstore.open(place)
    page = open_page(store)
    assert page._page is not None
    page._page.traces[3] = 0
    page._draw()
    assert np.ptp(page._traces.data["ys"][3]) == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"port": 70000}, "port must be within 0 to 65535"),
        ({"port": -1}, "port must be"),
        ({"at": float("nan")}, "at must be"),
        ({"at": float("inf")}, "at must be"),
    ],
)
def test_arguments_that_are_none_are_refused(place: Path, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        tuszstore.open(place).browse(**wrong)


def test_people_are_hidden_in_views_and_in_rows_of_stores(tmp_path: Path) -> None:
    make_store(tmp_path / "a.zarr", attributes={"pseudonyms": {"key": "x"}})
    make_store(tmp_path / "b.zarr", seed=1)
    first, second = (tuszstore.open(tmp_path / name) for name in ("a.zarr", "b.zarr"))
    both = tuszstore.concat({"a": second.view(units="uV"), "b": first.view(units="uV")})
    for shown in (first, first.view(units="uV"), both):
        with shown.browse() as browsing:
            contents = browsing._contents
        assert contents.hidden
        assert set(contents.names) == {f"recording {k}" for k in range(len(contents.names))}
        assert "zarr" not in contents.title
    with second.browse() as browsing:
        assert not browsing._contents.hidden

"""What a notebook shows: whole HTML, right numbers, nothing read, nothing run."""

import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tuszstore.read.windows import WindowReader
from tuszstore.sampling import Balanced, Sequential, Shuffled, Stratified, Weighted

VOID = {"meta", "img", "source", "br", "input"}


class Page(HTMLParser):
    """A parser that refuses what does not close as it opened, and keeps text and tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += data + " "

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def widths(page: Page) -> list[float]:
    styles = [value or "" for name, value in page.attributes if name == "style"]
    return [float(style[6:].partition("%")[0]) for style in styles if style.startswith("width:")]


@pytest.fixture
def unread(train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch) -> tuszstore.Store:
    """A store whose signal is not to be read."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a signal was read")

    monkeypatch.setattr(WindowReader, "__init__", refuse)
    return tuszstore.open(train.path)


def test_a_store(unread: tuszstore.Store) -> None:
    page = Page(unread._repr_html_())
    assert "script" not in page.tags
    for category in ("no_seizure", "partial_seizure", "full_seizure"):
        assert f"{category} {unread.mask(category).sum()}" in page.words
    hours = unread.recordings["n_samples"].values.sum() / 256 / 3600
    n_patients = len(set(unread.recordings["patient"].values))
    n = unread.recordings.sizes["recording"]
    for told in (
        f"{hours:.2f} hours",
        f"{n} recordings",
        f"{n_patients} patients",
        f"{len(unread)} windows of 60 s",
        unread.attrs["config_hash"],
        unread.attrs["created"],
        str(unread.path),
    ):
        assert told in page.words
    for id_ in unread.recordings["id"].values:
        assert Path(id_).stem in page.words
    shares = [unread.mask(name).mean() * 100 for name in ("no_seizure", "partial_seizure")]
    assert widths(page)[:2] == pytest.approx(shares, abs=0.01)


def test_a_hostile_name_is_text(own_corpus: Path, tmp_path: Path) -> None:
    patient = next((own_corpus / "edf" / "train").iterdir())
    for path in sorted(patient.rglob("*.*")):
        shutil.move(path, path.with_name("<script>alert(1)<!--_" + path.name))
    report = tuszstore.build(None, data=own_corpus, store=tmp_path / "s&<b>", workers=0, limit=1)
    store = tuszstore.open(report.store)
    page = Page(store._repr_html_())
    assert "script" not in page.tags
    assert "<script>alert(1)<!--" in page.words
    strata = Stratified(store.index, np.arange(len(store)), 2, "patient")
    assert "<script>alert(1)<!--" in Page(strata._repr_html_()).words


def test_a_store_of_many_recordings_names_some(
    train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuszstore.plotting.reprs.SHOWN", 3)
    page = Page(train._repr_html_())
    rest = train.recordings.sizes["recording"] - 3
    assert f"and {rest} more" in page.words


def test_arrays(train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert train.reader
    monkeypatch.setattr(WindowReader, "signal", lambda *_: 1 / 0)
    page = Page(train.windows._repr_html_())
    n = len(train)
    for told in (
        f"({n}, 19, 15360)",
        "float32",
        f"{n * 19 * 15360 * 4 / 1e6:.3g} MB",
        "1.17 MB per window",
        "(1, 19, 2560)",
    ):
        assert told in page.words
    assert f"({n}, 15360)" in Page(train.labels._repr_html_()).words
    assert "computed from the events" in Page(train.labels._repr_html_()).words


samplers: list[tuple[str, Callable[[Any], Any]]] = [
    ("balanced", Balanced),
    ("weighted", Weighted.equal),
    ("stratified", lambda index: Stratified(index, np.arange(index.sizes["window"]), 16)),
    ("patients", lambda i: Stratified(i, np.arange(i.sizes["window"]), 16, by="patient")),
    ("recordings", lambda i: Stratified(i, np.arange(i.sizes["window"]), 16, by="recording")),
]


@pytest.mark.parametrize("make", [make for _, make in samplers], ids=[name for name, _ in samplers])
def test_samplers(train: tuszstore.Store, make: Callable[[Any], Any]) -> None:
    sampler = make(train.index)
    page = Page(sampler._repr_html_())
    assert f"{type(sampler).__name__} {len(sampler)} windows per epoch" in page.words
    groups = sampler.composition()
    assert sum(groups.values()) == pytest.approx(len(sampler))
    largest = max(groups, key=groups.__getitem__)
    assert f"{largest} {groups[largest]:.0f}" in page.words
    assert sum(widths(page)) == pytest.approx(100, abs=0.01)


def test_composition_is_what_is_drawn(train: tuszstore.Store) -> None:
    sampler = Balanced(train.index)
    category = train.index["category"].values[sampler.epoch(3)]
    names = ("no_seizure", "partial_seizure", "full_seizure")
    drawn = {name: int((category == code).sum()) for code, name in enumerate(names)}
    assert sampler.composition() == drawn
    weighted = Weighted(train.index, {"full_seizure": 3, "no_seizure": 1}, n=4000)
    category = train.index["category"].values[weighted.epoch(0)]
    for name, expected in weighted.composition().items():
        assert (category == names.index(name)).sum() == pytest.approx(expected, abs=150)
    for unknowing in (Sequential(5), Shuffled(5)):
        assert unknowing.composition() == {}
        assert "5 windows per epoch" in Page(unknowing._repr_html_()).words


def test_no_group_is_lost_among_many(train: tuszstore.Store) -> None:
    by_recording = Stratified(train.index, np.arange(len(train)), 16, by="recording")
    assert len(by_recording.composition()) > 7
    assert " more " in Page(by_recording._repr_html_()).words

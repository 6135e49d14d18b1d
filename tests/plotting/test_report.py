"""The report of a store: its numbers, against counts made in other ways, and the page."""

import base64
import dataclasses
import io
import re
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import signal

import tuszstore
from tests.plotting.test_reprs import Page
from tuszstore.cli import main
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.plotting.clipping import estimate_clipping
from tuszstore.plotting.facts import Facts, gather
from tuszstore.plotting.report import choose_examples, make_report
from tuszstore.plotting.signals import measure, sample_windows
from tuszstore.plotting.spans import Span, event_spans, merge, merge_all
from tuszstore.plotting.splits import find_overlaps, gather_splits
from tuszstore.reasons import all_notes

NAMES = ("no_seizure", "partial_seizure", "full_seizure")


def labels_of(store: tuszstore.Store, row: int) -> Any:
    """Labels of one recording as they are stored."""
    first, n_blocks, n = (
        int(store.recordings[name][row]) for name in ("first_block", "n_blocks", "n_samples")
    )
    return np.asarray(store.metadata.group["label"][first : first + n_blocks]).reshape(-1)[:n]


def runs(mask: Any) -> int:
    return int((np.diff(np.concatenate([[0], mask.astype(int)])) == 1).sum())


@pytest.fixture(scope="module")
def facts(train: tuszstore.Store) -> Facts:
    return gather(train)


@pytest.fixture(scope="module")
def page(train: tuszstore.Store) -> str:
    return make_report(train)


@pytest.fixture(autouse=True)
def small(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that are made within a test have small pictures of few windows."""
    monkeypatch.setattr("tuszstore.plotting.figures._EXAMPLE_DPI", 30)
    monkeypatch.setattr("tuszstore.plotting.report.sample_windows", lambda s: sample_windows(s, 2))


class TestFacts:
    def test_seizures_are_those_of_the_labels(self, train: tuszstore.Store, facts: Facts) -> None:
        bits = train.spec.seizure_bits
        labels = [labels_of(train, row) for row in range(train.recordings.sizes["recording"])]
        seconds = sum(np.count_nonzero(label & bits) for label in labels) / 256
        assert facts.total.seizure_hours * 3600 == pytest.approx(seconds)
        assert facts.total.seizures == sum(runs(label & bits > 0) for label in labels)
        assert facts.total.hours == pytest.approx(sum(map(len, labels)) / 256 / 3600)
        assert facts.unlabelled_hours == 0
        by_name = {entry.name: entry for entry in facts.classes}
        for bit, name in enumerate(train.spec.classes):
            marked = [(label >> bit) & 1 > 0 for label in labels]
            if (n := sum(mask.sum() for mask in marked)) == 0:
                assert name not in by_name
                continue
            entry = by_name[name]
            assert entry.seizure
            assert entry.hours * 3600 * 256 == pytest.approx(n)
            assert entry.events == sum(map(runs, marked))
            assert entry.recordings == sum(mask.any() for mask in marked)

    def test_parts_add_up(self, train: tuszstore.Store, facts: Facts) -> None:
        for parts in (facts.patients, facts.montages, facts.rates):
            for name in ("recordings", "hours", "seizures", "seizure_hours", "n_windows"):
                total = getattr(facts.total, name)
                assert sum(getattr(part, name) for part in parts) == pytest.approx(total)
        assert facts.total.windows == {name: train.mask(name).sum() for name in NAMES}

    def test_parts_are_selections(self, train: tuszstore.Store, facts: Facts) -> None:
        for part in facts.patients:
            for category, count in part.windows.items():
                assert count == len(train.select(patient=part.name, category=category))
        for part in facts.montages:
            assert part.n_windows == len(train.select(montage=part.name))
        rates = train.recordings["source_sfreq"].values
        assert {part.name: part.recordings for part in facts.rates} == {
            f"{rate:g} Hz": (rates == rate).sum() for rate in np.unique(rates)
        }

    def test_left_out_and_notes_are_all_there(self, train: tuszstore.Store, facts: Facts) -> None:
        assert sum(reason.count for reason in facts.left_out) == train.left_out.sizes["left_out"]
        assert {reason.kind for reason in facts.left_out} == set(train.left_out["kind"].values)
        columns = (train.recordings[name].values for name in ("notes", "interpolated"))
        notes = [note for note in all_notes(*columns, train.channels) if note]
        assert facts.noted == len(notes) > 0
        assert any("interpolated: Fz, Pz" in note for note in notes)
        assert sum(reason.count for reason in facts.notes) == sum(
            len(note.split("; ")) for note in notes
        )

    def test_classes_are_counted_apart(self, train: tuszstore.Store, facts: Facts) -> None:
        """Against one class at a time, of which one recording at a time."""
        spans = event_spans(train)
        patients = train.recordings["patient"].values
        for entry in facts.classes:
            own = [span for span in spans if span.label == entry.name]
            rows = {span.recording for span in own}
            merged = [i for row in rows for i in merge(s for s in own if s.recording == row)]
            seconds = [(stop - start) / train.sfreq for start, stop in merged]
            assert entry.events == len(seconds)
            assert entry.median_seconds == statistics.median(seconds)
            assert entry.patients == len({patients[row] for row in rows})
        assert [entry.hours for entry in facts.classes] == sorted(
            (entry.hours for entry in facts.classes), reverse=True
        )

    @given(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(-5, 40), st.integers(1, 12))
            | st.just((1, 2**62, 2**62 - 1))
        )
    )
    def test_recordings_are_merged_together_as_one_by_one(
        self, spans: list[tuple[int, int, int]]
    ) -> None:
        columns = np.array([(row, first, first + n) for row, first, n in spans], np.int64)
        found = zip(*(c.tolist() for c in merge_all(*columns.reshape(-1, 3).T)), strict=True)
        assert list(found) == [
            (row, *interval)
            for row in range(4)
            for interval in merge(
                Span("", first, first + n, "", True, row) for r, first, n in spans if r == row
            )
        ]

    def test_patients_are_grouped_not_looked_for_one_by_one(
        self, train: tuszstore.Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So that the work grows with the store and not with its square."""
        compared = 0

        class Name(str):
            __slots__ = ()
            __hash__ = str.__hash__

            def __eq__(self, other: object) -> bool:
                nonlocal compared
                compared += 1
                return str.__eq__(self, other)

            def __lt__(self, other: str) -> bool:
                nonlocal compared
                compared += 1
                return str.__lt__(self, other)

        store = tuszstore.open(train.path)
        table = store.metadata.recordings
        rows = np.arange(1000) % len(table["id"])
        names = np.array([Name(f"patient {k}") for k in range(len(rows))], object)

        class Many(dict[str, Any]):
            variables = table.variables

            def or_blank(self, name: str) -> Any:
                return self[name]

        many = Many({name: table.or_blank(name)[rows] for name in table.variables})
        many["patient"] = names
        dataset = store.recordings.isel(recording=rows).assign(patient=("recording", names))
        vars(store)["recordings"] = dataset
        monkeypatch.setitem(vars(store.metadata), "recordings", many)
        found = gather(store)
        assert len(found.patients) == len(rows)
        assert compared < 100 * len(rows)


@pytest.mark.slow
class TestSplits:
    @pytest.fixture
    def beside(self, corpus: Path, train: tuszstore.Store, tmp_path: Path) -> tuszstore.Store:
        """The train store beside that of dev."""
        shutil.copytree(train.path, tmp_path / "train.zarr")
        tuszstore.build(None, split="dev", data=corpus, store=tmp_path, workers=0)
        return tuszstore.open(tmp_path / "train.zarr")

    def test_beside_each_other(self, beside: tuszstore.Store) -> None:
        own, dev = gather_splits(beside)
        assert (own.name, own.own, dev.name, dev.own) == ("train", True, "dev", False)
        other = tuszstore.open(beside.path.parent / "dev.zarr")
        assert dev.share
        assert dev.share.n_windows == len(other)
        assert dev.patients == set(other.recordings["patient"].values)
        assert find_overlaps([own, dev]) == []
        assert [split.own for split in gather_splits(other)] == [False, True]
        assert "No patient is in two of these splits" in Page(make_report(beside)).words

    def test_shared_patients_are_called_out(self, tmp_path: Path) -> None:
        write_corpus(tmp_path / "c", patients=2, files=3, minutes=2, seed=3, quirks=False)
        config = {"corpus": {"split_policy": "file_order", "val_fraction": 0.4}}
        for split in ("train", "dev"):
            tuszstore.build(config, split=split, data=tmp_path / "c", store=tmp_path, workers=0)
        store = tuszstore.open(tmp_path / "train.zarr")
        other = tuszstore.open(tmp_path / "dev.zarr")
        shared = set(store.recordings["patient"].values) & set(other.recordings["patient"].values)
        (overlap,) = find_overlaps(gather_splits(store))
        assert set(overlap.patients) == shared != set()
        assert f"1 patient in both train and dev: {shared.pop()}" in Page(make_report(store)).words

    def test_one_that_does_not_open_is_told(self, beside: tuszstore.Store) -> None:
        (beside.path.parent / "dev.zarr" / "zarr.json").write_text("{}")
        _, dev = gather_splits(beside)
        assert dev.share is None
        assert "not a store of tuszstore" in Page(make_report(beside)).words


class TestSignals:
    def test_the_sample_is_of_every_category(self, train: tuszstore.Store) -> None:
        chosen = sample_windows(train, 4)
        assert {name: len(windows) for name, windows in chosen.items()} == dict.fromkeys(NAMES, 4)
        for name, windows in chosen.items():
            assert train.mask(name)[windows].all()
            assert len(set(windows.tolist())) == 4

    def test_amplitudes_and_spectra_are_microvolts(self, train: tuszstore.Store) -> None:
        rows = train.index["recording"].values
        interpolated = train.recordings["interpolated"].values
        number = int(np.flatnonzero(interpolated[rows].any(axis=1))[0])
        windows = np.array([0, number])
        measured = measure(train, windows)
        for k, window in enumerate(windows):
            row, start = rows[window], float(train.index["start_time"].values[window])
            values = train.read_recording(int(row), start, start + 60, microvolts=True)
            expected = np.where(interpolated[row], np.nan, values.std(axis=1))
            np.testing.assert_allclose(measured.rms[k], expected, rtol=1e-4)
            frequencies, power = signal.welch(values, 256, nperseg=1024)
            np.testing.assert_allclose(measured.frequencies, frequencies)
            usable = np.median(power[~interpolated[row]], axis=0)
            np.testing.assert_allclose(measured.power[k][2:400], usable[2:400], rtol=1e-2)

    def test_clipping_is_weighted_by_category(self, train: tuszstore.Store) -> None:
        spec = dataclasses.replace(train.spec, clip=2.0)  # many values of a z-score are beyond
        store = tuszstore.Store(dataclasses.replace(train.metadata, spec=spec))
        chosen = sample_windows(store, 10**6)  # all windows: no estimate
        sampled = {name: measure(store, windows) for name, windows in chosen.items()}
        found = estimate_clipping(store, sampled)
        assert found is not None
        beyond = np.abs(train.read(np.arange(len(train)))) >= 2 - 2**-11
        seizure = train.mask("partial_seizure") | train.mask("full_seizure")
        assert found.limit == 2
        assert found.total == pytest.approx(beyond.mean())
        assert found.seizure == pytest.approx(beyond[seizure].mean())
        assert found.seizure > found.total > 0
        few = {name: entry for name, entry in sampled.items() if name == "no_seizure"}
        alone = estimate_clipping(store, few)
        assert alone is not None
        assert alone.seizure is None

    def test_without_clipping_no_share_is_told(self, train: tuszstore.Store) -> None:
        spec = dataclasses.replace(train.spec, clip=None)
        store = tuszstore.Store(dataclasses.replace(train.metadata, spec=spec))
        sampled = {"no_seizure": measure(store, np.arange(1))}
        assert sampled["no_seizure"].clipped.tolist() == [0]
        assert estimate_clipping(store, sampled) is None

    def test_the_page_tells_the_share(self, page: str) -> None:
        words = Page(page).words
        assert re.search(r"[\d.<]+ % of the samples lie at the clip value of ±10 ", words)
        assert re.search(r"signal.clip ?\) ?, [\d.<]+ % in windows with a seizure", words)


class TestPage:
    def test_it_is_whole_and_holds_everything(self, page: str) -> None:
        parsed = Page(page)
        assert "script" not in parsed.tags
        assert "link" not in parsed.tags
        references = [value for name, value in parsed.attributes if name in ("src", "srcset")]
        assert len(references) == 2 * 6
        assert all(value and value.startswith("data:image/") for value in references)
        assert "url(" not in page
        assert "http:" not in page.replace("http://www.w3.org", "")
        assert "prefers-color-scheme: dark" in page
        assert len(page) < 5e6

    def test_numbers(self, train: tuszstore.Store, facts: Facts, page: str) -> None:
        words = Page(page).words
        for name in NAMES:
            assert f"{name} {train.mask(name).sum()} (" in words
        seconds = round(facts.total.seizure_hours * 3600)
        for told in (
            f"hours {facts.total.hours:.2f}",
            f"seizures {facts.total.seizures} ",
            f"{seconds // 60}:{seconds % 60:02}",
            train.attrs["config_hash"],
            f"tuszstore {tuszstore.__version__}",
            train.attrs["created"],
        ):
            assert told in words
        for part in (*facts.patients, *facts.montages, *facts.rates):
            assert f"{part.name} " in words
        for entry in facts.classes:
            assert f"{entry.name} {entry.events} " in words
        for id_ in train.left_out["id"].values:
            assert id_ in words
        row = int(np.flatnonzero(train.recordings["notes"].values)[0])
        assert train.recordings["id"].values[row] in words

    def test_nobody_learns_where_the_corpus_was(self, train: tuszstore.Store, page: str) -> None:
        assert str(train.attrs["data"]) not in page
        assert str(train.path) not in page

    def test_pictures_are_pictures(self, page: str) -> None:
        sources = re.findall(r"data:image/(png|svg\+xml);base64,([^\"]+)", page)
        assert [kind for kind, _ in sources].count("png") == 2 * 3
        for kind, text in sources:
            content = base64.b64decode(text)
            if kind == "png":
                assert Image.open(io.BytesIO(content)).size[0] == 1272
            else:
                assert content.startswith(b"<?xml")
                assert b"<text" not in content

    def test_examples(self, train: tuszstore.Store) -> None:
        chosen = choose_examples(train)
        assert list(chosen) == list(NAMES)
        fraction = train.index["seizure_fraction"].values
        for name, number in chosen.items():
            assert train.mask(name)[number]
        partial = fraction[train.mask("partial_seizure")]
        nearest = fraction[chosen["partial_seizure"]]
        assert abs(nearest - 0.5) == np.abs(partial - 0.5).min()

    @pytest.mark.slow
    def test_names_are_text(self, own_corpus: Path, tmp_path: Path) -> None:
        patient = next((own_corpus / "edf" / "train").iterdir())
        for path in sorted(patient.rglob("*.*")):
            shutil.move(path, path.with_name("<script>alert(1)<!--_" + path.name))
        report = tuszstore.build(None, data=own_corpus, store=tmp_path, workers=0, limit=1)
        parsed = Page(make_report(tuszstore.open(report.store)))
        assert "script" not in parsed.tags
        assert "<script>alert(1)<!--" in parsed.words


@pytest.mark.slow
class TestOddStores:
    def words(self, corpus: Path, root: Path, config: dict[str, Any]) -> str:
        report = tuszstore.build(config, data=corpus, store=root, workers=0, limit=1)
        return Page(make_report(tuszstore.open(report.store))).words

    def test_unlabelled(self, own_corpus: Path, tmp_path: Path) -> None:
        for annotation in own_corpus.rglob("*.csv*"):
            annotation.unlink()
        words = self.words(own_corpus, tmp_path, {"labels": {"unlabelled": "keep"}})
        assert "No event is annotated" in words
        assert "have no annotation: unlabelled" in words
        assert "EEG of" not in words

    def test_without_seizures(self, own_corpus: Path, tmp_path: Path) -> None:
        for annotation in own_corpus.rglob("*.csv"):
            annotation.write_text(
                "channel,start_time,stop_time,label,confidence\nTERM,0,1,bckg,1\n"
            )
        words = self.words(own_corpus, tmp_path, {})
        assert "No event is annotated" in words
        assert "seizures 0" in words
        assert "unlabelled" not in words.partition("Windows")[2].partition("Event classes")[0]

    def test_without_windows(self, own_corpus: Path, tmp_path: Path) -> None:
        words = self.words(own_corpus, tmp_path, {"windows": {"length": 600}})
        assert "Every recording is shorter than a window" in words

    def test_flat_and_bare(self, own_corpus: Path, tmp_path: Path) -> None:
        """No normalisation, no filters, events that do not count as seizure."""
        config = {
            "signal": {"normalise": "none", "clip": 3000, "bandpass": None, "notch": None},
            "storage": {"scale": 0.1},
            "labels": {"seizure": ["nesz"]},
        }
        words = self.words(own_corpus, tmp_path, config)
        assert "(no seizure)" in words
        assert "no band-pass" in words


class TestCommand:
    def run(self, *args: object) -> Result:
        return CliRunner().invoke(main, ["report", *(str(arg) for arg in args)])

    def test_writes_the_page(self, own_corpus: Path, tmp_path: Path) -> None:
        report = tuszstore.build(None, data=own_corpus, store=tmp_path, workers=0, limit=1)
        output = tmp_path / "report.html"
        result = self.run(report.store, "-o", output)
        assert result.exit_code == 0, result.output
        assert f"{output}: " in result.output
        written = Page(output.read_text(encoding="utf-8"))
        assert "train.zarr" in written.words
        assert tuszstore.open(report.store).attrs["config_hash"] in written.words

    def test_bad_input_is_told_in_a_line(self, train: tuszstore.Store, tmp_path: Path) -> None:
        for args, told in [
            ((tmp_path / "no.zarr", "-o", "a.html"), "no store here"),
            ((train.path, "-o", tmp_path / "a.pdf"), "must end in .html"),
            ((train.path, "-o", tmp_path / "no" / "a.html"), "cannot be written"),
            ((train.path,), "Missing option '-o'"),
        ]:
            result = self.run(*args)
            assert result.exit_code == 1
            assert told in result.output
            assert "Traceback" not in result.output

    def test_the_share_of_a_class_is_of_all_events(self, train: tuszstore.Store) -> None:
        words = Page(make_report(train)).words
        assert "share of the time of all events" in words
        assert "full if there is only one" in words

    def test_without_jinja(
        self, train: tuszstore.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(sys.modules, "tuszstore.plotting.report")
        monkeypatch.setitem(sys.modules, "jinja2", None)
        result = self.run(train.path, "-o", tmp_path / "a.html")
        assert result.exit_code == 1
        assert "jinja2 is missing: install tuszstore with its extra 'view'" in result.output

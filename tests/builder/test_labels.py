"""What becomes of annotations in a store: raters, ignored samples, what cannot be true."""

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from click.testing import CliRunner

import tuszstore
from tuszstore.builder.reindex import reindex
from tuszstore.cli.app import main
from tuszstore.corpus.annotations import WHOLE_MONTAGE, Annotation, Event, Looked
from tuszstore.corpus.base import Recording
from tuszstore.corpus.tusz import Tusz
from tuszstore.errors import CorpusError
from tuszstore.facade.patients import persons_in
from tuszstore.store.labels import UNLABELLED, paint
from tuszstore.store.raters import decide

SMALL = {"windows": {"length": 10, "stride": 5}, "storage": {"shard_seconds": 60}}
SFREQ = 256
RATERS = ("A", "B", "C")
EVENTS = (
    ("A", 10, 30, "seiz"), ("B", 20, 40, "seiz"), ("C", 25, 45, "fnsz"), ("A", 60, 70, "impd"),
    ("B", 65, 80, "seiz"), ("C", 100, 101, "sz_foc"),
)  # fmt: skip
LOOKED = (Looked("C", 5, math.inf),)


def annotate(monkeypatch: pytest.MonkeyPatch, **keys: Any) -> None:
    """Let every recording of TUSZ have been annotated as given, instead of what its file says."""

    def annotation(self: Tusz, recording: Recording) -> Annotation:
        digest = f"{recording.id} {sorted(keys.items())!r}"
        return Annotation(seconds=None, digest=digest, **keys)

    monkeypatch.setattr(Tusz, "annotation", annotation)


def events(*rows: tuple[str, float, float, str]) -> tuple[Event, ...]:
    return tuple(
        Event(WHOLE_MONTAGE, onset, offset, label, 1.0, row, rater)
        for row, (rater, onset, offset, label) in enumerate(rows, start=2)
    )


@pytest.fixture
def rated(monkeypatch: pytest.MonkeyPatch) -> None:
    annotate(monkeypatch, events=events(*EVENTS), raters=RATERS, looked=LOOKED)


def build(data: Path, root: Path, labels: dict[str, Any], **more: Any) -> Any:
    config = {**SMALL, "corpus": {"name": "tusz"}, "labels": labels, **more}
    return tuszstore.build(config, split="train", data=data, store=root, workers=0)


def second_by_second(rule: str, seconds: int) -> list[int]:
    """Say what the labels of a recording are, a second at a time."""
    out = []
    bits = {"seiz": 1, "fnsz": 2, "sz_foc": 1}
    for second in range(seconds):
        opinions = []
        for rater in RATERS if rule not in RATERS else (rule,):
            said = {c for r, a, b, c in EVENTS if r == rater and a <= second < b}
            if "impd" not in said and not (rater == "C" and second < 5):
                opinions.append({bits[label] for label in said})
        mark = 0
        for bit in (1, 2):
            votes = sum(bit in said for said in opinions)
            least = {"any": 1, "all": len(opinions)}.get(rule, len(opinions) // 2 + 1)
            mark |= bit * (votes >= least)
        out.append(mark if opinions else UNLABELLED)
    return out


def labels_of(store: Any, row: int) -> list[int]:
    """Return the labels of a recording as they lie in the store, one for each second."""
    table = store.metadata.recordings
    first, n_blocks = int(table["first_block"][row]), int(table["n_blocks"][row])
    label = zarr.open_array(store.path / "label", mode="r")[first : first + n_blocks]
    flat = np.asarray(label).reshape(-1)[: int(table["n_samples"][row])]
    seconds = flat[: len(flat) // SFREQ * SFREQ].reshape(-1, SFREQ)
    assert (seconds == seconds[:, :1]).all()
    return [int(value) for value in seconds[:, 0]]


@pytest.mark.usefixtures("rated")
class TestRaters:
    @pytest.mark.parametrize(
        "rule",
        [
            "any",
            "C",
            pytest.param("majority", marks=pytest.mark.slow),
            pytest.param("all", marks=pytest.mark.slow),
        ],
    )
    def test_whose_annotation_decides(self, small_corpus: Path, tmp_path: Path, rule: str) -> None:
        report = build(small_corpus, tmp_path, {"rater": rule})
        store = tuszstore.open(report.store)
        expected = second_by_second(rule, 600)
        for row in range(len(store.recordings["id"])):
            found = labels_of(store, row)
            assert len(found) > 110
            assert found == expected[: len(found)]
        assert store.spec.rater == rule
        assert set(store.recordings["raters"].values) == {"A,B,C"}
        # all that was annotated is there
        table = store.events
        first = table["recording"].values == 0
        rows = zip(
            *(table[n].values[first] for n in ("rater", "onset", "offset", "class")), strict=True
        )
        assert [row for row in rows if row[0] in RATERS and row[3] != "unlabelled"] == list(EVENTS)
        # and what reads labels agrees with them
        mask = store.targets(slice(None))
        stored = store.labels[:]
        seizure = (stored & store.spec.seizure_bits) > 0
        np.testing.assert_array_equal(mask, np.where(stored == UNLABELLED, np.nan, seizure))
        unlabelled = (stored & UNLABELLED).any(axis=1)
        np.testing.assert_array_equal(store.index["category"].values < 0, unlabelled)
        # each stretch counts once, whoever saw it
        seconds = np.array([*expected, 0])
        onsets = np.diff((seconds & store.spec.seizure_bits & 0x7FFF) > 0, prepend=False)
        assert report.seizures == len(store.recordings["id"]) * (onsets.sum() // 2)
        found = tuszstore.verify(report.store, deep=True, against=small_corpus, workers=0)
        assert found.ok, found.findings
        assert build(small_corpus, tmp_path, {"rater": rule}).status == "unchanged"

    def test_a_store_can_be_decided_anew(self, small_corpus: Path, tmp_path: Path) -> None:
        store = tuszstore.open(build(small_corpus, tmp_path, {"rater": "all"}).store).metadata
        for rule in ("any", "majority", "all", *RATERS):
            found = decide(store.recordings, store.events, rule)
            for row, n_samples in enumerate(store.recordings["n_samples"].tolist()):
                mine = found.recording == row
                label = np.zeros(n_samples, np.uint16)
                paint(found.first_sample[mine], found.stop_sample[mine], found.bit[mine], label)
                assert label[::SFREQ].tolist() == second_by_second(rule, -(-n_samples // SFREQ))
        with pytest.raises(ValueError, match=r"no rater 'D' in this store: known are A, B, C; or"):
            decide(store.recordings, store.events, "D")

    @pytest.mark.parametrize("rule", ["any", "majority", "B"])
    def test_a_view_under_another_rater(
        self, small_corpus: Path, tmp_path: Path, rule: str
    ) -> None:
        store = tuszstore.open(build(small_corpus, tmp_path / "all", {"rater": "all"}).store)
        windows = {"length": 7, "stride": 3}
        for view, name in (
            (store.view(rater=rule), "same"),
            (store.view(rater=rule, **windows), "other"),
        ):
            more = {"windows": windows} if name == "other" else {}
            root = tmp_path / name
            built = tuszstore.open(build(small_corpus, root, {"rater": rule}, **more).store)
            assert view.spec.rater == rule
            columns = built.metadata.windows
            for column in set(columns) - {"start_block"}:
                found = view.metadata.windows[column]
                np.testing.assert_array_equal(found, columns[column], err_msg=column)
            np.testing.assert_array_equal(view.labels[:], built.labels[:])
            np.testing.assert_array_equal(view.targets(slice(None)), built.targets(slice(None)))
            np.testing.assert_array_equal(
                view.metadata.recordings["labelled"], built.metadata.recordings["labelled"]
            )
            kept = [name in RATERS for name in view.events["rater"].values]
            assert sum(kept) == sum(name in RATERS for name in built.events["rater"].values)

    def test_an_index_under_another_rater(self, small_corpus: Path, tmp_path: Path) -> None:
        path = build(small_corpus, tmp_path / "a", {"rater": "all"}).store
        fresh = tuszstore.open(build(small_corpus, tmp_path / "b", {"rater": "B"}).store)
        reindex(path, {"labels.rater": "B"}, reread_annotations=True)
        assert tuszstore.open(path).attrs["content_digest"] == fresh.attrs["content_digest"]
        assert tuszstore.verify(path, workers=0).ok

    def test_a_rater_that_nobody_is(self, small_corpus: Path, tmp_path: Path) -> None:
        with pytest.raises(
            CorpusError, match=r"labels.rater: no rater 'D' in .*: known are A, B, C"
        ):
            build(small_corpus, tmp_path, {"rater": "D"})


def test_one_rater_without_a_name_needs_no_columns(small_corpus: Path, tmp_path: Path) -> None:
    report = build(small_corpus, tmp_path, {})
    assert not (report.store / "events" / "class_bit").exists()
    assert not (report.store / "recordings" / "raters").exists()
    found = tuszstore.verify(report.store, against=small_corpus, workers=0)
    assert found.ok, found.findings
    store = tuszstore.open(report.store)
    assert "rater" not in store.attrs["spec"]
    assert set(store.metadata.recordings["raters"]) == {"?"}
    assert store.metadata.events["class_bit"].tolist() == store.events["bit"].values.tolist()
    with pytest.raises(CorpusError, match=r"no rater 'A' in .*: its raters have no names"):
        build(small_corpus, tmp_path, {"rater": "A"})


def test_recordings_that_a_rater_did_not_look_at(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter(range(1000))
    order: dict[str, int] = {}

    def annotation(self: Tusz, recording: Recording) -> Annotation:
        number = order.setdefault(recording.id, next(seen))
        raters = ("A", "B") if number % 2 else ("A",)
        return Annotation(events(("A", 10, 20, "seiz")), None, recording.id, raters=raters)

    monkeypatch.setattr(Tusz, "annotation", annotation)
    report = build(small_corpus, tmp_path, {"rater": "B"})
    assert {entry.kind for entry in report.left_out} == {"unlabelled"}
    assert all("B (labels.rater) did not review it, but A" in e.reason for e in report.left_out)
    kept = tuszstore.open(build(small_corpus, tmp_path, {"rater": "B", "unlabelled": "keep"}).store)
    assert kept.recordings.sizes["recording"] == report.recordings + len(report.left_out)
    looked = [raters == "A,B" for raters in kept.recordings["raters"].values]
    assert kept.recordings["labelled"].values.tolist() == looked
    assert {True, False} == set(looked)
    assert set(kept.events["class_bit"].values.tolist()) == {1}
    assert not kept.events["bit"].values.any()
    for row, known in enumerate(looked):
        assert set(labels_of(kept, row)) == ({0} if known else {UNLABELLED})
    assert tuszstore.verify(kept.path, deep=True, workers=0).ok


def test_ignored_samples_are_of_no_category_and_in_no_distance(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    annotate(monkeypatch, events=events(("", 40, 60, "seiz"), ("", 50, 70, "artefact")))
    report = build(small_corpus, tmp_path, {"ignore": ["art*"]})
    store = tuszstore.open(report.store)
    index = store.index.isel(window=store.index["recording"].values == 0)
    starts, fraction = index["start_time"].values, index["seizure_fraction"].values
    ignored = (starts + 10 > 50) & (starts < 70)
    assert np.isnan(fraction[ignored]).all()
    assert (fraction[~ignored & (starts + 10 <= 40)] == 0).all()
    assert fraction[starts == 40] == 1
    assert report.events == {"seiz": report.recordings, "artefact": report.recordings}
    after, before = (index[f"seizure_free_{w}"].values for w in ("after", "before"))
    to = index["time_to_seizure"].values
    assert to[starts == 20] == 10
    assert after[starts == 20] == 10
    assert np.isnan(after[ignored]).all()
    assert np.isnan(to[starts == 80])
    assert before[starts == 80] == 10  # known again from 70 s on
    assert tuszstore.verify(store.path, deep=True, workers=0).ok


def test_what_cannot_be_true_is_counted_in_the_summary(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        ("", 10, math.nan, "seiz"),
        ("", 50, 60, "seiz"),
        ("", 55, 65, "seiz"),
        ("", 5, 5, "seiz"),
    ]
    annotate(monkeypatch, events=events(*rows, ("", 0, 9e4, "fnsz")))
    (tmp_path / "c.yaml").write_text("windows: {length: 10, stride: 5}\nbuild: {workers: 0}\n")
    result = CliRunner().invoke(
        main,
        ["build", "--split", "train", "--data", str(small_corpus), "--store", str(tmp_path / "s"),
         "--config", str(tmp_path / "c.yaml")],
    )  # fmt: skip
    text = " ".join(result.output.split())
    n = tuszstore.open(tmp_path / "s" / "train.zarr").recordings.sizes["recording"]
    for told in (
        f"{n} without an end",
        f"{n} past the recording's end by more than 10 s",
        f"{n} longer than the recording",
        f"{n} overlapping another one of the same class",
        f"{n} without duration",
    ):
        assert f"impossible events: {told}, such as " in text
    assert "t001.edf" in text.partition("impossible events")[2]
    annotate(monkeypatch, events=events(("", 5, 5, "seiz")))
    reindex(tmp_path / "s" / "train.zarr", reread_annotations=True)
    warnings = tuszstore.open(tmp_path / "s" / "train.zarr").attrs["warnings"]
    (told,) = (text for text in warnings if "impossible events" in text)
    assert told.startswith(f"impossible events: {n} without duration, such as ")
    annotate(monkeypatch, events=events(*rows, ("", 0, 9e4, "fnsz")))
    reindex(tmp_path / "s" / "train.zarr", reread_annotations=True)
    store = tuszstore.open(tmp_path / "s" / "train.zarr")
    open_ = np.isnan(store.events["offset"].values)
    stop = store.events["stop_sample"].values[open_]
    assert set(stop.tolist()) == {40 * SFREQ}
    report = build(small_corpus, tmp_path / "t", {"suspicious": "leave_out"})
    assert report.status == "nothing built"
    assert all("impossible annotation: an event" in entry.reason for entry in report.left_out)
    report = build(small_corpus, tmp_path / "t", {"open_end": "leave_out"})
    assert all("event 'seiz' has no end" in entry.reason for entry in report.left_out)


class TestNeighbours:
    """Corpora whose patients have one namespace, built side by side."""

    @pytest.fixture
    def moved(self, small_corpus: Path, tmp_path: Path) -> Path:
        """Another corpus of TUH, with the patients of `small_corpus` in another split."""
        data = tmp_path / "other"
        shutil.copytree(small_corpus, data)
        (data / "edf" / "dev").rename(data / "edf" / "was_dev")
        (data / "edf" / "train").rename(data / "edf" / "dev")
        return data

    def test_a_patient_in_both_is_refused_by_name(
        self, small_corpus: Path, moved: Path, tmp_path: Path
    ) -> None:
        root = tmp_path / "stores"
        report = build(small_corpus, root, {})
        store = tuszstore.open(report.store)
        assert store.attrs["patient_namespaces"] == {"tusz": "tuh"}
        (patient, *_) = sorted(set(store.recordings["patient"].values))
        told = rf"patients in two splits: {patient}.* in dev and in train.zarr beside it.*\(tuh\)"
        config = {**SMALL, "corpus": {"name": "tusz"}}
        with pytest.raises(CorpusError, match=told):
            tuszstore.build(config, split="dev", data=moved, store=root, workers=0)
        assert not (root / "dev.zarr").exists()
        elsewhere = tmp_path / "elsewhere"
        other = tuszstore.build(config, split="dev", data=moved, store=elsewhere, workers=0)
        both = tuszstore.open(other.store)
        shared = {*persons_in(store, "")} & {*persons_in(both, "")}
        assert ("tuh", patient) in shared

    def test_splits_of_one_corpus_and_of_others_are_built(
        self, small_corpus: Path, moved: Path, tmp_path: Path
    ) -> None:
        root = tmp_path / "stores"
        build(small_corpus, root, {})
        config = {**SMALL, "corpus": {"name": "tusz"}}
        assert tuszstore.build(
            config, split="dev", data=small_corpus, store=root, workers=0
        ).recordings
        plain = {**SMALL, "corpus": {"name": "folder", "split_policy": "official"}}
        shutil.rmtree(root / "dev.zarr", ignore_errors=True)
        (root / "val.zarr").unlink(missing_ok=True)
        assert tuszstore.build(plain, split="dev", data=moved, store=root, workers=0).recordings

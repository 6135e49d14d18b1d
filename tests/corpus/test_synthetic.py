import csv
import filecmp
import math
import shutil
from itertools import pairwise
from pathlib import Path

import edfio
import mne
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import signal

from tuszstore.corpus.synthetic import SyntheticRecording, write_corpus
from tuszstore.corpus.synthetic_edf import Trace, write_records
from tuszstore.corpus.synthetic_eeg import SCALP
from tuszstore.corpus.synthetic_layout import QUIRKS
from tuszstore.errors import CorpusError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    return root, write_corpus(root, minutes=3)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    root = tmp_path_factory.mktemp("plain")
    return root, write_corpus(root, patients=5, files=2, minutes=3, quirks=False)


def with_quirk(corpus, name: str) -> tuple[Path, SyntheticRecording]:
    root, recordings = corpus
    recording = next(r for r in recordings if name in r.quirks)
    return root / recording.path, recording


def read_raw(path: Path) -> mne.io.BaseRaw:
    return mne.io.read_raw_edf(path, preload=True, verbose="error")


def rows(path: Path) -> list[tuple[str, float, float, str]]:
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return [
        (row["channel"], float(row["start_time"]), float(row["stop_time"]), row["label"])
        for row in csv.DictReader(lines)
    ]


def header(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.startswith("#")]


def electrodes(raw: mne.io.BaseRaw) -> list[str]:
    return [name.removeprefix("EEG ").rsplit("-", 1)[0] for name in raw.ch_names]


def window_kinds(recording: SyntheticRecording) -> set[str]:
    marked = np.zeros(round(recording.seconds * 256), bool)
    for onset, offset, _ in recording.events:
        marked[int(onset * 256) : int(offset * 256)] = True
    kinds = set()
    for first in range(0, marked.size - 15360 + 1, 2560):
        share = marked[first : first + 15360].mean()
        kinds.add("none" if share == 0 else "full" if share >= 0.99 else "partial")
    return kinds


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_same_seed_gives_same_bytes(tmp_path):
    sizes = {"patients": 3, "files": 2, "minutes": 0.5}
    first = write_corpus(tmp_path / "a", seed=7, **sizes)
    again = write_corpus(tmp_path / "b", seed=7, **sizes)
    other = write_corpus(tmp_path / "c", seed=8, **sizes)
    assert first == again
    assert snapshot(tmp_path / "a") == snapshot(tmp_path / "b")
    assert {r.patient for r in first} != {r.patient for r in other}
    assert not set(snapshot(tmp_path / "a").values()) & set(snapshot(tmp_path / "c").values())


def test_every_quirk_occurs(corpus):
    _, recordings = corpus
    assert {name for r in recordings for name in r.quirks} == set(QUIRKS)


def test_later_recordings_are_ordinary(tmp_path):
    recordings = write_corpus(tmp_path, patients=10, files=4, minutes=0.1)
    once = ["no_annotation", "header_only_annotation", "duplicate", "sfreq_1000", "colon_date"]
    assert [sum(name in r.quirks for r in recordings) for name in once] == [1] * len(once)
    assert {name for r in recordings for name in r.quirks} == set(QUIRKS)


def test_layout(corpus):
    root, recordings = corpus
    assert sorted(r.path for r in recordings) == sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*.edf")
    )
    splits: dict[str, set[str]] = {}
    for r in recordings:
        _, split, patient, session, montage, name = r.path.split("/")
        assert (split, patient) == (r.split, r.patient)
        assert len(patient) == 8
        assert patient.startswith("aaaaa")
        assert montage in ("01_tcp_ar", "02_tcp_le", "03_tcp_ar_a")
        assert name.startswith(f"{patient}_{session[:4]}_t")
        splits.setdefault(split, set()).add(patient)
    assert {split: len(patients) for split, patients in splits.items()} == {
        "train": 4,
        "dev": 1,
        "eval": 1,
    }
    assert len(set.union(*splits.values())) == 6


@pytest.mark.parametrize(
    ("patients", "splits"),
    [(1, "train"), (2, "train dev"), (3, "train dev eval"), (4, "train train dev eval")],
)
def test_splits_of_few_patients(tmp_path, patients, splits):
    recordings = write_corpus(tmp_path, patients=patients, files=1, minutes=0.1)
    assert [r.split for r in recordings] == splits.split()


def test_files_are_as_told(corpus):
    root, recordings = corpus
    for r in recordings:
        raw = read_raw(root / r.path)
        assert raw.info["sfreq"] == r.sfreq, r.path
        assert raw.n_times == r.seconds * r.sfreq, r.path
        microvolts = 1e6 * raw.get_data([c for c in raw.ch_names if c.startswith("EEG O")])
        assert (microvolts.std(axis=1) > 5).all(), r.path
        assert (microvolts.std(axis=1) < 120).all(), r.path


def test_plain_corpus(plain):
    root, recordings = plain
    assert len(recordings) == 10
    for r in recordings:
        raw = read_raw(root / r.path)
        assert (r.sfreq, r.quirks) == (256, ())
        assert electrodes(raw)[:19] == list(SCALP)
        assert electrodes(raw)[19:] == ["A1", "A2", "EKG1"]
        assert all(name.endswith("-REF") for name in raw.ch_names)
        assert 3 * 60 * 0.85 <= r.seconds <= 3 * 60 * 1.15 + 1
        assert (root / r.path).with_suffix(".csv").exists()
        assert (root / r.path).with_suffix(".csv_bi").exists()


@pytest.mark.parametrize("which", ["corpus", "plain"])
def test_each_split_has_windows_of_all_kinds(which, request):
    _, recordings = request.getfixturevalue(which)
    for split in ("train", "dev", "eval"):
        first = next(r for r in recordings if r.split == split)
        assert window_kinds(first) == {"none", "partial", "full"}
    assert 0.3 <= np.mean([bool(r.events) for r in recordings]) <= 0.5


def test_events_are_what_the_csv_says(corpus):
    root, recordings = corpus
    for r in recordings:
        if {"no_annotation", "header_only_annotation"} & set(r.quirks):
            assert not r.events
            continue
        written = rows((root / r.path).with_suffix(".csv"))
        seizures = {(on, off, label) for _, on, off, label in written if label != "bckg"}
        assert seizures == set(r.events)
        if not r.events:
            length = r.seconds + ("truncated_record" in r.quirks)
            assert {(on, off) for _, on, off, _ in written} == {(0.0, length)}


def test_terms_are_the_union_of_the_channels(corpus):
    root, recordings = corpus
    for r in recordings:
        path = (root / r.path).with_suffix(".csv_bi")
        if not r.events:
            continue
        terms = rows(path)
        assert {(channel, label) for channel, _, _, label in terms} == {("TERM", "seiz")}
        assert all(a[2] < b[1] for a, b in pairwise(terms))
        edges = sorted({edge for on, off, _ in r.events for edge in (on, off)})
        assert {edge for _, on, off, _ in terms for edge in (on, off)} <= set(edges)
        for middle in (np.array(edges[1:]) + np.array(edges[:-1])) / 2:
            inside = any(on <= middle < off for on, off, _ in r.events)
            assert inside == any(on <= middle < off for _, on, off, _ in terms)


def test_focal_seizures_are_annotated_on_one_side(corpus):
    root, recordings = corpus
    for r in recordings:
        labels = {label for *_, label in r.events}
        if not labels & {"fnsz", "cpsz"}:
            continue
        channels = {
            channel
            for channel, *_, label in rows((root / r.path).with_suffix(".csv"))
            if label in ("fnsz", "cpsz")
        }
        odd = {int(digit) % 2 for channel in channels for digit in channel if digit.isdigit()}
        assert len(odd) == 1
        assert len(channels) in (10, 11)


def test_seizures_are_rhythmic(plain):
    root, recordings = plain
    for r in (r for r in recordings if r.events):
        raw = read_raw(root / r.path)
        data = 1e6 * raw.get_data(raw.ch_names[:19])
        freqs, times, power = signal.spectrogram(data, r.sfreq, nperseg=512)
        rhythm = power[:, (freqs >= 2.5) & (freqs <= 7.5)].mean(axis=1).max(axis=0)
        (onset, offset, _), *_ = r.events
        late = (times > onset + 0.6 * (offset - onset)) & (times < offset - 3)
        calm = (times < onset - 3) | (times > offset + 3)
        assert np.median(rhythm[late]) > 10 * np.median(rhythm[calm])


def test_background_falls_like_one_over_f(plain):
    root, recordings = plain
    raw = read_raw(root / next(r for r in recordings if not r.events).path)
    data = 1e6 * raw.get_data(raw.ch_names[:19])
    freqs, power = signal.welch(data, 256, nperseg=1024)
    fit = ((freqs > 2) & (freqs < 7)) | ((freqs > 14) & (freqs < 50))
    slope = np.polyfit(np.log(freqs[fit]), np.log(power[:, fit].mean(axis=0)), 1)[0]
    assert -1.5 < slope < -0.9
    occipital, frontal = electrodes(raw).index("O1"), electrodes(raw).index("F3")
    alpha = (freqs > 8) & (freqs < 12)
    assert power[occipital, alpha].mean() > 3 * power[frontal, alpha].mean()
    assert power[:, freqs == 60].mean() > 5 * power[:, (freqs > 62) & (freqs < 66)].mean()
    near = np.corrcoef(data)[electrodes(raw).index("F3")]
    assert near[electrodes(raw).index("C3")] > near[electrodes(raw).index("O2")]
    assert 8 < np.median(data.std(axis=1)) < 60


@pytest.mark.parametrize(
    ("quirk", "suffix"), [("montage_le", "LE"), ("sfreq_400", "REF"), ("extra_channels", "REF")]
)
def test_names(corpus, quirk, suffix):
    path, _ = with_quirk(corpus, quirk)
    names = read_raw(path).ch_names
    assert all(name.endswith(f"-{suffix}") for name in names)
    assert f"EEG FP1-{suffix}" in names


def test_channel_quirks(corpus):
    def names(quirk):
        return set(read_raw(with_quirk(corpus, quirk)[0]).ch_names)

    assert not {"EEG A1-REF", "EEG A2-REF"} & names("montage_ar_a")
    assert {"EEG T1-REF", "EEG LOC-REF", "EEG ROC-REF", "EEG 31-REF", "PHOTIC-REF"} <= names(
        "extra_channels"
    )
    missing = names("no_fz_pz_with_ekg1")
    assert "EEG EKG1-REF" in missing
    assert not {"EEG FZ-REF", "EEG PZ-REF"} & missing
    missing = names("no_fz_pz_with_a1_a2")
    assert {"EEG A1-REF", "EEG A2-REF"} <= missing
    assert not {"EEG FZ-REF", "EEG PZ-REF", "EEG EKG1-REF"} & missing
    orders = {
        tuple(read_raw(corpus[0] / r.path).ch_names)
        for r in corpus[1]
        if "shuffled_channels" in r.quirks
    }
    assert len(orders) >= 5


def test_side_channels_run_at_their_own_rates(corpus):
    path, recording = with_quirk(corpus, "side_channels")
    content = path.read_bytes()
    n = int(content[252:256])
    labels = [content[256 + 16 * k : 272 + 16 * k].decode().strip() for k in range(n)]
    samples = [int(content[256 + 216 * n + 8 * k :][:8]) for k in range(n)]
    rates = dict(zip(labels, samples, strict=True))
    side = [rates.pop(name) for name in ("IBI", "BURSTS", "SUPPR", "RESP ABDOMEN-REF")]
    assert side == [1, 1, 1, 16]
    assert set(rates.values()) == {recording.sfreq}


@pytest.mark.parametrize(
    ("quirk", "first", "text"),
    [
        ("colon_date", 168, "01:01:85"),
        ("reserved_edf", 192, "EDF".ljust(44)),
        ("unknown_record_count", 236, "-1".ljust(8)),
    ],
)
def test_header_quirks(corpus, quirk, first, text):
    path, _ = with_quirk(corpus, quirk)
    assert path.read_bytes()[first : first + len(text)].decode() == text


def test_record_counts(corpus):
    path, recording = with_quirk(corpus, "excess_record_count")
    assert int(path.read_bytes()[236:244]) > recording.seconds
    path, recording = with_quirk(corpus, "truncated_record")
    assert int(path.read_bytes()[236:244]) == recording.seconds + 1


def test_personal_fields(corpus):
    path, recording = with_quirk(corpus, "personal_header")
    fields = path.read_bytes()[8:168].decode()
    assert fields.startswith(f"{recording.patient} F 01-JAN-1950 Doe_Jane")
    assert "Dr_Roe" in fields


def test_physical_ranges(corpus):
    def ranges(quirk):
        content = with_quirk(corpus, quirk)[0].read_bytes()
        n = int(content[252:256])
        low, high = (
            [content[256 + (104 + add) * n + 8 * k :][:8].decode().strip() for k in range(n)]
            for add in (0, 8)
        )
        unit = content[256 + 96 * n : 264 + 96 * n].decode().strip()
        return unit, list(zip(low, high, strict=True))

    unit, limits = ranges("asymmetric_range")
    assert unit == "uV"
    assert ("-4999.84", "4999.847") in limits
    assert len(set(limits)) == 3
    unit, limits = ranges("millivolts")
    assert unit == "mV"
    step = (float(limits[0][1]) - float(limits[0][0])) / 65535
    assert round(1e3 * step, 5) in (0.15, 0.3, 0.9)
    inverted = [float(low) > float(high) for low, high in ranges("inverted_range")[1]]
    assert sum(inverted) == 1


def test_dc_offset(corpus):
    raw = read_raw(with_quirk(corpus, "dc_offset")[0])
    means = abs(1e6 * raw.get_data().mean(axis=1))
    assert ((means > 900) & (means < 3100)).sum() == 3
    assert (means > 100).sum() == 3


def test_short_files(corpus):
    _, recordings = corpus
    lengths = [r.seconds for r in recordings if "short" in r.quirks]
    assert len(lengths) == 3
    assert all(5 <= length <= 50 for length in lengths)
    assert [r for r in recordings if r.sfreq == 1000] == [with_quirk(corpus, "sfreq_1000")[1]]


def test_event_quirks(corpus):
    _, past = with_quirk(corpus, "events_past_end")
    assert past.events[-2][0] < past.seconds < past.events[-2][1]
    assert past.seconds < past.events[-1][0]
    _, overlapping = with_quirk(corpus, "overlapping_events")
    assert overlapping.events[1][0] < overlapping.events[0][1]
    _, empty = with_quirk(corpus, "zero_length_event")
    assert any(onset == offset for onset, offset, _ in empty.events)
    _, mixed = with_quirk(corpus, "mixed_types")
    assert {label for *_, label in mixed.events} == {"fnsz", "gnsz"}


def test_annotation_quirks(corpus):
    root, recordings = corpus
    path, _ = with_quirk(corpus, "no_annotation")
    assert sorted(p.suffix for p in path.parent.glob(f"{path.stem}.*")) == [".edf"]
    path, _ = with_quirk(corpus, "header_only_annotation")
    assert rows(path.with_suffix(".csv")) == rows(path.with_suffix(".csv_bi")) == []
    path, recording = with_quirk(corpus, "short_background_row")
    assert rows(path.with_suffix(".csv_bi")) == [("TERM", 0.0, 1.0, "bckg")]
    assert {row[2] for row in rows(path.with_suffix(".csv"))} == {recording.seconds}
    unlabelled = {"no_annotation", "header_only_annotation"}
    calm = [r for r in recordings if not r.events and not unlabelled & set(r.quirks)]
    assert 0.4 <= np.mean(["short_background_row" in r.quirks for r in calm]) <= 0.7

    path, recording = with_quirk(corpus, "duration_4_decimals")
    assert f"# duration = {recording.seconds:.4f} secs" in header(path.with_suffix(".csv"))
    path, _ = with_quirk(corpus, "other_montage_file")
    assert "# montage_file = 01_tcp_ar_montage.txt" in header(path.with_suffix(".csv_bi"))
    path, _ = with_quirk(corpus, "extra_header_lines")
    assert len(header(path.with_suffix(".csv"))) == 7
    for r in recordings:
        if "no_annotation" not in r.quirks:
            text = (root / r.path).with_suffix(".csv").read_bytes()
            assert text.startswith(b"# version = csv_v1.0.0\n# bname = ")
            assert b"\r" not in text


def test_duplicate(corpus):
    root, recordings = corpus
    path, copy = with_quirk(corpus, "duplicate")
    original = recordings[recordings.index(copy) - 1]
    assert original.path < copy.path
    assert Path(original.path).parents[1] == Path(copy.path).parents[1]
    for suffix in (".edf", ".csv", ".csv_bi"):
        twin = (root / original.path).with_suffix(suffix)
        assert filecmp.cmp(twin, path.with_suffix(suffix), shallow=False)


@pytest.mark.parametrize(
    "argument",
    [
        {"patients": 0},
        {"patients": 20_000},
        {"files": 0},
        {"files": 1000},
        {"minutes": 0},
        {"minutes": -1.5},
        {"minutes": math.nan},
        {"minutes": math.inf},
        {"seed": -1},
    ],
    ids=str,
)
def test_bad_arguments_are_named(tmp_path, argument):
    with pytest.raises(CorpusError, match=next(iter(argument))):
        write_corpus(tmp_path, **argument)
    assert not any(tmp_path.iterdir())


def test_existing_corpus_is_left_alone(tmp_path):
    (tmp_path / "edf" / "train").mkdir(parents=True)
    with pytest.raises(CorpusError, match="edf is not empty"):
        write_corpus(tmp_path, patients=1, files=1, minutes=0.1)
    shutil.rmtree(tmp_path / "edf" / "train")
    assert len(write_corpus(tmp_path, patients=1, files=1, minutes=0.1)) == 1


@pytest.mark.parametrize("minutes", [0.01, 0.5, 16.0])
def test_any_length_works(tmp_path, minutes):
    patients, files = (6, 4) if minutes <= 1 else (1, 1)
    for r in write_corpus(tmp_path, patients=patients, files=files, minutes=minutes):
        assert r.seconds >= 4
        assert all(0 <= onset <= offset for onset, offset, _ in r.events)
        assert list(r.events) == sorted(r.events)


@given(
    samples=arrays(np.int16, (2, 6), elements=st.integers(-32768, 32767)),
    low=st.integers(-99_999, 0).map(lambda tenths: tenths / 10),
    high=st.integers(1, 99_999).map(lambda tenths: tenths / 10),
)
def test_edfio_reads_what_is_written(
    tmp_path_factory: pytest.TempPathFactory, samples: np.ndarray, low: float, high: float
) -> None:
    path = tmp_path_factory.mktemp("edf") / "a.edf"
    eeg = Trace("EEG C3", samples[0, :2], 2, "uV", (low, high))
    traces = [eeg, Trace("EKG", samples[1], 6, "mV", (-1, 1))]
    write_records(path, traces, patient="X X X X", recording="Startdate X X X X")
    found = edfio.read_edf(path)
    assert found.num_data_records == 1
    for one, trace in zip(found.signals, traces, strict=True):
        assert (one.label, one.physical_dimension) == (trace.label, trace.unit)
        assert one.sampling_frequency == trace.rate
        assert one.physical_range == pytest.approx(trace.limits)
        assert one.digital_range == (-32768, 32767)
        np.testing.assert_array_equal(one.digital, trace.samples)


@pytest.mark.parametrize("label", ["x" * 17, "é"])
def test_what_does_not_fit_a_header_is_not_written(tmp_path: Path, label: str) -> None:
    trace = Trace(label, np.zeros(2, np.int16), 2, "uV", (-1, 1))
    with pytest.raises(ValueError, match=r"longer than the 16 bytes|ascii"):
        write_records(tmp_path / "a.edf", [trace], patient="X", recording="X")

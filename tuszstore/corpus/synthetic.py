"""A synthetic corpus in the layout of TUSZ, with the oddities of real files.

TUSZ needs a signed agreement, so the demo, the tests and the benchmarks use this corpus. It
depends only on its arguments; the last bit of a sample may differ between processors. Its content
is defined in :mod:`tuszstore.corpus.synthetic_layout`.
"""

import math
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuszstore.corpus.synthetic_eeg import GENERALIZED, Event, write_edf
from tuszstore.corpus.synthetic_layout import Place, deal_roles, layout
from tuszstore.errors import CorpusError

_PAIRS = (
    "FP1-F7", "F7-T3", "T3-T5", "T5-O1", "FP2-F8", "F8-T4", "T4-T6", "T6-O2",
    "A1-T3", "T3-C3", "C3-CZ", "CZ-C4", "C4-T4", "T4-A2", "FP1-F3", "F3-C3",
    "C3-P3", "P3-O1", "FP2-F4", "F4-C4", "C4-P4", "P4-O2",
)  # fmt: skip
_CLASSES = {"fnsz": 0.45, "gnsz": 0.2, "cpsz": 0.2, "tcsz": 0.08, "absz": 0.07}
_FOCI = ("F7", "T3", "T5", "C3", "F8", "T4", "T6", "C4")


@dataclass(frozen=True)
class SyntheticRecording:
    """One EDF file of a synthetic corpus.

    Attributes
    ----------
    path : str
        Path of the ``.edf`` file relative to the corpus, with forward slashes.
    patient : str
    split : {"train", "dev", "eval"}
    sfreq : float
        Sampling rate of the EEG in Hz.
    seconds : float
        Length of the complete data records in the file.
    quirks : tuple of str
        Keys of `QUIRKS`.
    events : tuple of (float, float, str)
        Onset and offset in seconds and the class of each seizure event, as annotated.
    """

    path: str
    patient: str
    split: str
    sfreq: float
    seconds: float
    quirks: tuple[str, ...]
    events: tuple[Event, ...]


def write_corpus(
    root: str | os.PathLike[str],
    *,
    patients: int = 6,
    files: int = 4,
    minutes: float = 4.0,
    seed: int = 0,
    quirks: bool = True,
) -> list[SyntheticRecording]:
    """Write a synthetic corpus to ``root/edf``.

    About 60 % of the patients go to train, 20 % to dev and 20 % to eval; some 40 % of the
    recordings have seizures. With at least 3 minutes, the first recording of each split has
    background and a seizure longer than 70 s, so that 60 s windows every 10 s have all categories.

    Parameters
    ----------
    root : path-like
        Folder of the corpus; created if missing.
    patients : int
        Total number of patients. With one there is only train, with two no eval.
    files : int
        Recordings per patient.
    minutes : float
        Approximate length of a recording; none is shorter than 5 s.
    seed : int
        Seed of patients, signals and events.
    quirks : bool
        Whether recordings have oddities; 24 recordings cover all of `QUIRKS`.

    Returns
    -------
    list of SyntheticRecording
        One for each EDF file. A copy with the quirk ``duplicate`` follows its original, so it
        makes the list longer than ``patients * files``.

    Raises
    ------
    CorpusError
        If an argument is out of range, ``root/edf`` exists and is not empty, or it cannot be
        written.

    Notes
    -----
    It is written to ``root/.edf.writing`` and renamed when complete, so that an
    interruption does not leave an incomplete corpus.
    """
    _check_arguments(patients, files, minutes, seed)
    root = Path(root)
    final, unfinished = root / "edf", root / ".edf.writing"
    places = deal_roles(layout(patients, files, seed), seed, quirks)
    written = []
    try:
        if final.exists() and not (final.is_dir() and not any(final.iterdir())):
            raise CorpusError(f"{final} is not empty; choose another folder or remove it")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        for number, place in enumerate(places):
            rng = np.random.default_rng([seed, number])
            written += _write_recording(unfinished, place, minutes, rng)
        (unfinished / "edf").replace(final)
        unfinished.rmdir()
    except OSError as error:
        raise CorpusError(f"{root}: cannot write the corpus: {error.strerror or error}") from error
    return written


def _check_arguments(patients: int, files: int, minutes: float, seed: int) -> None:
    if not 1 <= patients <= 26**3:
        raise CorpusError(f"patients must be 1 to {26**3}, not {patients}")
    if not 1 <= files <= 400:
        raise CorpusError(f"files must be 1 to 400, not {files}")
    if not 0 < minutes <= 24 * 60:
        raise CorpusError(f"minutes must be more than 0 and at most 1440, not {minutes}")
    if seed < 0:
        raise CorpusError(f"seed must not be negative, not {seed}")


def _write_recording(
    root: Path, place: Place, minutes: float, rng: np.random.Generator
) -> list[SyntheticRecording]:
    quirks = place.quirks
    sfreq = next((int(name[6:]) for name in quirks if name.startswith("sfreq_")), 256)
    # the first recording of a split is never shorter than requested: see write_corpus
    seconds = max(5, math.ceil(60 * minutes * rng.uniform(1.0 if place.first else 0.85, 1.15)))
    if "short" in quirks:
        seconds = min(seconds, int(rng.integers(5, 51)))
    focus = str(rng.choice(_FOCI))
    events = _events(rng, seconds, place) if place.seizure else []

    path = place.path(place.montage)
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    write_edf(
        target,
        rng,
        patient=place.patient,
        year=place.year,
        seconds=seconds,
        sfreq=sfreq,
        events=events,
        focus=focus,
        quirks=quirks,
    )
    annotations = {} if "no_annotation" in quirks else _annotations(place, seconds, events, focus)
    for suffix, text in annotations.items():
        target.with_suffix(suffix).write_text(text, encoding="ascii", newline="\n")

    recording = SyntheticRecording(
        path.as_posix(),
        place.patient,
        place.split,
        float(sfreq),
        float(seconds - ("truncated_record" in quirks)),
        tuple(name for name in quirks if name != "duplicate"),
        tuple(events),
    )
    if "duplicate" not in quirks:
        return [recording]
    copy = place.path("03_tcp_ar_a")
    (root / copy).parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".edf", *annotations):
        shutil.copyfile(target.with_suffix(suffix), (root / copy).with_suffix(suffix))
    return [recording, replace(recording, path=copy.as_posix(), quirks=quirks)]


def _events(rng: np.random.Generator, seconds: int, place: Place) -> list[Event]:
    """Draw at least one seizure, and apply the quirks."""
    count = 1 + seconds // 900
    slot = seconds / count
    events: list[Event] = []
    for k in range(count):
        length = min(rng.uniform(15, 90), 0.6 * slot)
        onset = rng.uniform(0.1, 0.95) * (slot - length)
        if place.first and k == 0 and slot >= 150:
            length = rng.uniform(76, 84)
            onset = rng.uniform(62, slot - length - 2)
        label = str(rng.choice(list(_CLASSES), p=list(_CLASSES.values())))
        events.append((k * slot + onset, k * slot + onset + length, label))

    onset, offset, label = events[-1]
    part = (offset - onset) / 5
    if "mixed_types" in place.quirks:
        events[-1:] = [(onset, onset + 3 * part, "fnsz"), (onset + 3 * part, offset, "gnsz")]
    if "overlapping_events" in place.quirks:
        events[-1:] = [(onset, onset + 3 * part, label), (onset + 2 * part, offset, label)]
    if "zero_length_event" in place.quirks:
        events.insert(0, (events[0][0] / 2, events[0][0] / 2, events[0][2]))
    if "events_past_end" in place.quirks:
        over = (seconds - (offset - onset) / 2, seconds + 3.5, label)
        events[-1:] = [over, (seconds + 10.0, seconds + 25.0, label)]
    return [(round(onset, 4), round(offset, 4), label) for onset, offset, label in events]


def _annotations(place: Place, seconds: int, events: list[Event], focus: str) -> dict[str, str]:
    """Return the text of the two annotation files by their suffixes."""
    quirks = place.quirks
    lines = [
        "# version = csv_v1.0.0",
        f"# bname = {place.stem}",
        f"# duration = {seconds:.{4 if 'duration_4_decimals' in quirks else 2}f} secs",
        "# montage_file = "
        + (
            f"{place.montage}_montage.txt"
            if "other_montage_file" in quirks
            else "$NEDC_NFC/lib/nedc_eas_default_montage.txt"
        ),
    ]
    if "extra_header_lines" in quirks:
        lines[3:3] = ["# annotation_label_file = $NEDC_NFC/lib/nedc_eas_default_map.txt", "# tse"]
    head = "\n".join([*lines, "#", "channel,start_time,stop_time,label,confidence", ""])
    if "header_only_annotation" in quirks:
        return {".csv": head, ".csv_bi": head}

    pairs = [pair for pair in _PAIRS if place.montage != "03_tcp_ar_a" or "A" not in pair]
    rows = [
        (pair, *event)
        for pair in pairs
        for event in events or [(0.0, float(seconds), "bckg")]
        if event[2] in (*GENERALIZED, "bckg") or _side(pair) == _side(focus)
    ]
    merged = [("TERM", onset, offset, "seiz") for onset, offset in _union(events)]
    if not events:
        merged = [("TERM", 0.0, 1.0 if "short_background_row" in quirks else seconds, "bckg")]
    return {".csv": head + _rows(rows), ".csv_bi": head + _rows(merged)}


def _rows(rows: list[tuple[str, float, float, str]]) -> str:
    return "".join(f"{name},{on:.4f},{off:.4f},{label},1.0000\n" for name, on, off, label in rows)


def _union(events: list[Event]) -> list[tuple[float, float]]:
    union: list[tuple[float, float]] = []
    for onset, offset, _ in sorted(events):
        if union and onset <= union[-1][1]:
            union[-1] = (union[-1][0], max(offset, union[-1][1]))
        else:
            union.append((onset, offset))
    return union


def _side(name: str) -> str:
    """Return the side of an electrode or a pair: odd numbers are left, even ones right."""
    numbers = {int(letter) % 2 for letter in name if letter.isdigit()}
    return "left" if numbers == {1} else "right"

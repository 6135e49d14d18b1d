"""Common parts of corpora of EDF files: listing, headers and samples."""

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tuszstore.corpus.base import Recording, Source, SourceFacts, SourceSignal
from tuszstore.corpus.clean_edf import clean_edf
from tuszstore.corpus.continuity import check_continuous
from tuszstore.corpus.edf import EdfHeader, EdfSignal, check_signals, read_header, records_of
from tuszstore.corpus.units import MICROVOLT, NANOVOLT, volts
from tuszstore.errors import RecordingError


class EdfCorpus:
    """A corpus whose recordings are EDF files; the methods that read them.

    A subclass has the rest of the protocol: ``name``, ``version``, ``patient_namespace``,
    ``recognises``, ``recordings``, ``find``, ``files`` and ``annotation``.

    Parameters
    ----------
    root : Path
        The folder that the user names.
    options : mapping
        As of :class:`~tuszstore.corpus.base.Corpus`.

    Attributes
    ----------
    mains : float or None
        Frequency of the mains (Hz) where the corpus was recorded; None if unknown.
    mains_from : str
        Source of `mains`.
    nested : bool
        As of :class:`~tuszstore.corpus.base.Corpus`.
    """

    name: str
    mains: float | None = None
    mains_from: str = ""
    nested: bool = False

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None:
        self.root = root
        self.options = options

    def path_of(self, id: str) -> Path:
        """Return the path of a recording's file by its id.

        Parameters
        ----------
        id : str
            As in a store; it may be untrusted.

        Raises
        ------
        RecordingError
            If the id is not a path below the root.
        """
        return source_path(self.root, id)

    def below_patient(
        self, path: Path, patient: re.Pattern[str], named: str, session: str = ""
    ) -> Recording:
        """Return the recording of a file whose patient is a folder.

        Parameters
        ----------
        path : Path
            Path of the file, below the root.
        patient : pattern
            Pattern of the complete name of a patient's folder.
        named : str
            The patient that the file's name states; empty if it states none.
        session : str
            Empty if unknown.
        """
        id_ = path.relative_to(self.root).as_posix()
        folders = PurePosixPath(id_).parts[:-1]
        patients = [name for name in (*folders, self.root.name) if patient.fullmatch(name)]
        # a file elsewhere may be of any patient: its folder is a guess, and checked as one
        known = (patients[0] if patients else named).upper()
        return Recording(
            id=id_,
            path=path,
            folder="",
            patient=known or (folders[-1] if folders else self.root.name),
            session=session,
            corpus=self.name,
            states_patient=bool(known),
            folders=folders,
        )

    def facts(self, recording: Recording) -> SourceFacts:
        """Return the facts from the header of a recording.

        Parameters
        ----------
        recording : Recording
            Its `path` is an EDF file.

        Returns
        -------
        SourceFacts
            Without a start, since only some corpora have true ones.

        Raises
        ------
        RecordingError
            If the header cannot be read, or the recording has gaps.
        """
        header = read_header(recording.path)
        notes = (*header.notes, *check_continuous(recording.path, header))
        kinds = _kinds(header.signals, header.record_seconds)
        signals = tuple(
            SourceSignal(signal.label, sfreq, header.n_records * signal.samples, fault, told)
            for signal, (sfreq, fault, told) in zip(header.signals, kinds, strict=True)
        )
        return SourceFacts(
            signals,
            notes=notes,
            mains=self.mains,
            mains_from=self.mains_from,
            cut_off=header.cut_off,
        )

    def signal(self, recording: Recording, signals: Sequence[int]) -> Source:
        """Read some signals through MNE.

        Parameters
        ----------
        recording : Recording
            Its `path` is an EDF file.
        signals : sequence of int
            Places in the `signals` of its facts; they share one rate.

        Returns
        -------
        Source
            The signals in volts, in the order of `signals`.

        Raises
        ------
        RecordingError
            If they cannot be read, or their rates differ.
        """
        return read_edf(recording.path, signals)

    def same_samples(self, recording: Recording, first: int, other: int) -> bool:
        """Return whether two signals hold the same samples, byte for byte and in one scale.

        Parameters
        ----------
        recording : Recording
            Its `path` is an EDF file.
        first, other : int
            Places in the `signals` of its facts.
        """
        header = read_header(recording.path)
        a, b = header.signals[first], header.signals[other]
        if a.samples != b.samples or _scale(header, first) != _scale(header, other):
            return False
        pairs = zip(
            records_of(recording.path, header, first),
            records_of(recording.path, header, other),
            strict=True,
        )
        return all(x == y for x, y in pairs)

    def opposite_samples(self, recording: Recording, first: int, other: int) -> bool:
        """Return whether one signal is another one inverted, within one quantization step.

        Parameters
        ----------
        recording, first, other
            As of :meth:`same_samples`.
        """
        header = read_header(recording.path)
        if header.signals[first].samples != header.signals[other].samples:
            return False
        scale, other_scale = _microvolts(header, first), _microvolts(header, other)
        if scale is None or other_scale is None:
            return False
        (gain, offset), (other_gain, other_offset) = scale, other_scale
        most = 1.001 * (abs(gain) + abs(other_gain))  # each is rounded independently
        pairs = zip(
            records_of(recording.path, header, first),
            records_of(recording.path, header, other),
            strict=True,
        )
        for a, b in pairs:
            total = gain * np.frombuffer(a, "<i2") + other_gain * np.frombuffer(b, "<i2")
            if (np.abs(total + (offset + other_offset)) > most).any():
                return False
        return True


def source_path(root: Path, id_: str) -> Path:
    """Return the path of a recording's file by its id.

    Parameters
    ----------
    root : Path
        Root of the corpus.
    id_ : str
        As in a store; may be untrusted.

    Raises
    ------
    RecordingError
        If the id is not a path below the root.
    """
    parts = PurePosixPath(id_).parts
    if not parts or id_.startswith("/") or ".." in parts or "\0" in id_ or "\\" in id_:
        raise RecordingError(f"its id {id_!r:.200} is not a path below the corpus's root")
    return root.joinpath(*parts)


def read_edf(path: Path, numbers: Sequence[int]) -> Source:
    """Read some signals of an EDF file through MNE.

    Only the requested signals are read: otherwise MNE would upsample a side channel at 1 Hz at
    great cost, or change the rate of all others for a faster one.

    Parameters
    ----------
    path : Path
    numbers : sequence of int
        Signals that share a rate.

    Raises
    ------
    RecordingError
        If they cannot be read, or their rates differ.
    """
    import mne

    header = read_header(path)
    sfreq, expected = header.rate(numbers), header.n_samples(numbers[0])
    names = {number: f"s{number}" for number in numbers}
    try:
        with clean_edf(path, header, names) as file, warnings.catch_warnings():
            # read_header has reported faults of the header
            warnings.simplefilter("ignore", RuntimeWarning)
            raw = mne.io.read_raw_edf(
                file, include=list(names.values()), preload=True, stim_channel=None, verbose="error"
            )
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror or error}") from error
    except (ValueError, RuntimeError, AssertionError) as error:
        raise RecordingError(f"MNE cannot read it: {error}") from error
    if raw.n_times != expected:
        raise RecordingError(f"expected {expected} samples, but MNE found {raw.n_times}")
    rows = [raw.ch_names.index(names[number]) for number in numbers]
    data: Any = raw.get_data()
    if rows != list(range(len(data))):
        data = data[rows]
    for row, number in enumerate(numbers):
        if volts(header.signals[number].unit) == NANOVOLT:  # the clean header says uV
            data[row] = data[row] * 1e-3
    return Source(np.ascontiguousarray(data, np.float64), sfreq)


@lru_cache(maxsize=1024)  # the files of a corpus have about a hundred different tables of signals
def _kinds(
    signals: tuple[EdfSignal, ...], record_seconds: Fraction
) -> tuple[tuple[Fraction, str, tuple[str, ...]], ...]:
    """Return sampling rate, fault and notes of each signal."""
    rates: dict[int, Fraction] = {}
    found = []
    for signal in signals:
        sfreq = rates.setdefault(signal.samples, signal.samples / record_seconds)
        try:
            found.append((sfreq, "", tuple(check_signals([signal]))))
        except RecordingError as error:
            found.append((sfreq, str(error), ()))
    return tuple(found)


def _microvolts(header: EdfHeader, number: int) -> tuple[float, float] | None:
    """Return factor and offset from stored values to microvolts; None if unknown."""
    unit, low, high, digital_low, digital_high = _scale(header, number)
    if unit is None or low is None or high is None or digital_low is None or digital_high is None:
        return None
    if not all(map(math.isfinite, (low, high, digital_low, digital_high))):
        return None
    if digital_high == digital_low:
        return None
    gain = (high - low) / (digital_high - digital_low)
    factor = unit / MICROVOLT
    return gain * factor, (low - gain * digital_low) * factor


def _scale(header: EdfHeader, number: int) -> tuple[float | None, ...]:
    s = header.signals[number]
    unit = volts(s.unit) if s.unit else MICROVOLT
    return unit, s.physical_min, s.physical_max, s.digital_min, s.digital_max

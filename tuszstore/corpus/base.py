"""The corpus protocol: recordings, their signals and their annotations.

A corpus is a plug-in, and the only part that interprets paths. Corpora that come
with tuszstore are modules beside this one; a package brings its own by an entry point in the group
``tuszstore.corpora``. What a plug-in returns is checked in :mod:`tuszstore.corpus.checked`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tuszstore.corpus.annotations import Annotation

PROTOCOL = 1
"""Version of this protocol; plug-ins of other versions are rejected."""

Clock = Literal["real", "surrogate", "none"]
"""What the start of a recording means: the true time; a shifted time with correct intervals
within a patient, or within a `timeline` of one; or nothing."""

DUPLICATE = "same recording as "
"""How the reason for excluding a copy begins, before the id of the recording that is kept."""


@dataclass(frozen=True)
class Recording:
    """One recording of a corpus.

    Attributes
    ----------
    id : str
        Unique in the corpus; by convention the path of its signal relative to the root, with ``/``.
    path : Path
        Path of its signal, for messages and for finding copies.
    patient : str
        Name of the patient.
    folder : str
        Official split (``train``, ``dev``, ``eval``); of a plain folder the first folder below
        the root. Empty without one.
    session, montage, reference : str
        Empty if unknown.
    corpus : str
        Name of the corpus.
    states_patient : bool
        Whether the corpus states the patient; otherwise it is guessed from a file's name.
    folders : tuple of str
        Parent folders that may be patients: without those of splits and montages.
    about : tuple of (str, str)
        Columns of a table of participants for the patient.
    """

    id: str
    path: Path
    folder: str
    patient: str
    session: str = ""
    montage: str = ""
    reference: str = ""
    corpus: str = "tusz"
    states_patient: bool = True
    folders: tuple[str, ...] = ()
    about: tuple[tuple[str, str], ...] = ()

    @property
    def order(self) -> tuple[str, str]:
        """Key of the order in a store: by file name, then by id."""
        return PurePosixPath(self.id).stem, self.id


@dataclass(frozen=True)
class LeftOut:
    """A recording that is not in a store.

    Attributes
    ----------
    id : str
        Id of the recording.
    reason : str
        Why it is not there, for the user.
    kind : {"unlabelled", "duplicate", "failed"}
        ``failed`` needs attention; the others are expected.
    """

    id: str
    reason: str
    kind: str


@dataclass
class Discovery:
    """The recordings of a corpus.

    Attributes
    ----------
    recordings : list of Recording
        In a reproducible order.
    left_out : list of LeftOut
        What looks like a recording but cannot be read: unreadable folders, pipes and
        devices, names that are not UTF-8.
    notes : list of str
        Notes on the corpus.
    patients_from : str
        Source of patient names, such as ``folders``.
    folder_notes : dict of str to list of str
        Notes on single folders, by their paths relative to the root. A note is not reported for a
        split if all recordings of the folder are in other ones.
    """

    recordings: list[Recording] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    patients_from: str = ""
    folder_notes: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Files:
    """The files that determine how a recording is built.

    Attributes
    ----------
    signal : tuple of Path
        The signal, and what is read with it. The first one is hashed for ``source_digest``.
    annotation : tuple of Path
        Annotation files that exist. They may annotate other recordings as well; the
        digest of the recording's own part is that of its :class:`Annotation`.
    """

    signal: tuple[Path, ...]
    annotation: tuple[Path, ...] = ()


@dataclass(frozen=True)
class SourceSignal:
    """One signal of a recording, before anything is read.

    Attributes
    ----------
    label : str
        As in the source.
    sfreq : Fraction
        Sampling rate (Hz).
    n_samples : int
        Number of samples.
    fault : str
        Why it cannot be used, such as a unit that is not a voltage; empty if it can.
    notes : tuple of str
        Notes to record if it is used, such as an inverted range.
    bad : bool
        Whether it is marked as bad; ``channels.bads`` decides what happens then.
    """

    label: str
    sfreq: Fraction
    n_samples: int
    fault: str = ""
    notes: tuple[str, ...] = ()
    bad: bool = False


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording without a gap.

    Attributes
    ----------
    start : Fraction
        Seconds from the recording's start.
    first, count : int
        First stored sample and number of samples, at the common rate.
    """

    start: Fraction
    first: int
    count: int


@dataclass(frozen=True)
class SourceFacts:
    """What planning needs to know about a recording, without reading its samples.

    Attributes
    ----------
    signals : tuple of SourceSignal
        All of them, in the order of the source.
    start : datetime or None
        When it began; `clock` says how far it can be trusted.
    clock : {"real", "surrogate", "none"}
        Whether `start` is the true time, a shifted one with correct intervals within a patient, or
        means nothing.
    notes : tuple of str
        What was repaired.
    mains : float or None
        Frequency of the mains (Hz) where it was recorded; None if unknown. Planning warns if the
        notch has another frequency; no stored value depends on it.
    mains_from : str
        Source of `mains`, such as ``recorded in Italy``.
    cut_off : str
        If the file ends before the recording does, what is there, such as ``30 of 62 data
        records``; empty otherwise. Planning warns of it.
    timeline : str
        Names the recordings of the patient with whose `start` its own can be compared. Others of
        the patient, such as those whose dates were shifted by another time, have another name.
    """

    signals: tuple[SourceSignal, ...]
    start: datetime | None = None
    clock: Clock = "none"
    notes: tuple[str, ...] = ()
    mains: float | None = None
    mains_from: str = ""
    cut_off: str = ""
    timeline: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of all signals."""
        return tuple(signal.label for signal in self.signals)


@dataclass(frozen=True)
class Source:
    """Signals of a recording.

    Attributes
    ----------
    volts : ndarray of float64, shape (signal, sample)
        In the requested order.
    sfreq : Fraction
        Sampling rate (Hz).
    """

    volts: NDArray[np.float64]
    sfreq: Fraction


class Corpus(Protocol):
    """The recordings of a corpus, and what is known about them.

    Parameters
    ----------
    root : Path
        The folder that the user names.
    options : mapping
        ``annotation`` (``labels.annotation``), ``patient`` (``corpus.patient``), ``errata``
        (``corpus.errata``), ``decisions`` (pairs of key and choice of ``corpus.decisions`` that
        concern this corpus), ``events`` (``labels.events``), ``bads`` (``channels.bads``); keys
        that a corpus does not know are ignored.

    Attributes
    ----------
    name : str
        The name in the configuration, under which it is registered.
    version : int
        Version of the plug-in, to be raised when its results change: recordings are then
        rebuilt.
    patient_namespace : str
        Namespace of patients: corpora with the same namespace may share patients.
    nested : bool, optional
        Whether the folder of a corpus may be given by the folder that contains it, such as that
        of a download. False if a corpus does not have it.
    """

    name: str
    version: int
    patient_namespace: str

    def __init__(self, root: Path, options: Mapping[str, Any]) -> None: ...

    @classmethod
    def recognises(cls, root: Path) -> str:
        """Return why a folder is recognised as this corpus, or an empty string.

        It is asked for the folder that a user names, and for dozens of folders in it, so it should
        read names, few files, and only one or two levels.

        Parameters
        ----------
        root : Path
            A folder.
        """
        ...

    def recordings(self) -> Discovery:
        """List all recordings.

        Raises
        ------
        CorpusError
            If the folder cannot be this corpus.
        """
        ...

    def find(self, id: str) -> Recording:
        """Return a recording by its id, if possible without listing all.

        Parameters
        ----------
        id : str
            As in a store; it may be untrusted.

        Raises
        ------
        RecordingError
            If it does not exist.
        """
        ...

    def files(self, recording: Recording) -> Files:
        """Return the files that determine how a recording is built.

        Parameters
        ----------
        recording : Recording
            One of :meth:`recordings` or :meth:`find`.
        """
        ...

    def facts(self, recording: Recording) -> SourceFacts:
        """Return what is known about a recording without reading its samples.

        Parameters
        ----------
        recording : Recording
            One of :meth:`recordings` or :meth:`find`.

        Returns
        -------
        SourceFacts
            Labels, rates and lengths of all signals, and the start.

        Raises
        ------
        RecordingError
            If it cannot be used, with the reason.
        """
        ...

    def signal(self, recording: Recording, signals: Sequence[int]) -> Source:
        """Read some signals of a recording.

        Parameters
        ----------
        recording : Recording
            One of :meth:`recordings` or :meth:`find`.
        signals : sequence of int
            Places in the `signals` of its facts; they share one rate.

        Returns
        -------
        Source
            The signals in volts, in the order of `signals`.

        Raises
        ------
        RecordingError
            If they cannot be read.
        """
        ...

    def annotation(self, recording: Recording) -> Annotation:
        """Return what was annotated.

        Parameters
        ----------
        recording : Recording
            One of :meth:`recordings` or :meth:`find`.

        Returns
        -------
        Annotation
            Events in seconds from the recording's start, and who annotated them.

        Raises
        ------
        Unlabelled
            If the recording is not annotated.
        RecordingError
            If the annotation cannot be understood, naming file and line.
        """
        ...

"""Channels of a store in microvolts, from the signals of a recording."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.channels.derivations import Channel
from tuszstore.channels.resolve import Resolution, resolve
from tuszstore.compat import standard_montage
from tuszstore.config import Channels
from tuszstore.corpus.base import Corpus, Recording, SourceFacts
from tuszstore.corpus.checked import CheckedCorpus
from tuszstore.errors import RecordingError

_STEP = 1e-6
"""Tolerance (V) for two rounded signals that are inverses of each other."""


@dataclass(frozen=True)
class Inspected:
    """A recording that can be built, as far as can be determined without reading it.

    Attributes
    ----------
    facts : SourceFacts
    resolution : Resolution
        How channels are computed from its signals.
    sfreq : Fraction
        Sampling rate of the signals that are needed (Hz).
    n_samples : int
        Their number of samples.
    notes : tuple of str
        What was repaired.
    bad : tuple of str
        Electrodes to interpolate because they are marked as bad.
    """

    facts: SourceFacts
    resolution: Resolution
    sfreq: Fraction
    n_samples: int
    notes: tuple[str, ...]
    bad: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """Duration of the recording."""
        return float(self.n_samples / self.sfreq)


@dataclass(frozen=True)
class Microvolts:
    """The channels of one recording.

    Attributes
    ----------
    data : ndarray of float32, shape (channel, sample)
        In µV.
    sfreq : Fraction
        Sampling rate (Hz).
    interpolated : tuple of str
        Channels that depend on an interpolated electrode.
    flat : tuple of str
        Channels with a constant signal, before interpolation.
    notes : tuple of str
        What was repaired.
    reference : str
        Reference of the electrodes; empty if unknown.
    """

    data: NDArray[np.float32]
    sfreq: Fraction
    interpolated: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    reference: str = ""


def resolve_labels(
    labels: Sequence[str], config: Channels, wanted: Sequence[Channel]
) -> Resolution:
    """Return how channels are computed from signals of these labels, under a configuration.

    Parameters
    ----------
    labels : sequence of str
    config : Channels
    wanted : sequence of Channel

    Raises
    ------
    RecordingError
        If a channel is missing.
    """
    return resolve(
        labels,
        wanted,
        ignore_case=config.ignore_case,
        rename=config.rename,
        references=config.references,
        interpolate=config.interpolate,
        average_of=config.average_of,
    )


def inspect(
    corpus: Corpus | CheckedCorpus,
    recording: Recording,
    config: Channels,
    wanted: Sequence[Channel],
) -> Inspected:
    """Check that a recording can be built, without reading it.

    Parameters
    ----------
    corpus : Corpus
    recording : Recording
    config : Channels
    wanted : sequence of Channel

    Raises
    ------
    RecordingError
        If it cannot be built, with the reason.
    """
    facts = corpus.facts(recording)
    resolution = resolve_labels(facts.labels, config, wanted)
    numbers = resolution.signals
    _require_one_each(corpus, recording, facts, resolution)
    for number in numbers:
        if fault := facts.signals[number].fault:
            raise RecordingError(fault)
    first = facts.signals[numbers[0]]
    for number in numbers[1:]:
        other = facts.signals[number]
        if (other.sfreq, other.n_samples) != (first.sfreq, first.n_samples):
            raise RecordingError(
                f"{first.label!r} and {other.label!r} have different sampling rates "
                f"({float(first.sfreq):g} Hz and {float(other.sfreq):g} Hz)"
            )
    used = (note for number in numbers for note in facts.signals[number].notes)
    notes = [*facts.notes, *_joined(used)]
    if resolution.duplicates:
        names = ", ".join(resolution.duplicates)
        notes.append(f"repeated with the same samples, used once: {names}")
    bad, told = _marked_bad(facts, resolution, config)
    if bad:
        _check_number([*resolution.missing, *bad], config, "missing or marked as bad")
    return Inspected(facts, resolution, first.sfreq, first.n_samples, (*notes, *told), bad)


def _marked_bad(
    facts: SourceFacts, resolution: Resolution, config: Channels
) -> tuple[tuple[str, ...], list[str]]:
    """Return the electrodes to interpolate because they are marked as bad, and notes on them."""
    if config.bads == "keep":
        return (), []
    marked = [number for number in resolution.signals if facts.signals[number].bad]
    if not marked:
        return (), []
    if config.bads == "leave_out":
        told = ", ".join(facts.labels[number] for number in marked)
        raise RecordingError(f"marked as bad: {told} (channels.bads is 'leave_out')")
    names = {number: name for name, number in resolution.electrodes.items()}
    notes = [
        f"{what}: {', '.join(labels)}"
        for what, labels in (
            ("marked as bad, interpolated", [names[n] for n in marked if n in names]),
            (
                "marked as bad, kept because they cannot be interpolated",
                [facts.labels[n] for n in marked if n not in names],
            ),
        )
        if labels
    ]
    return tuple(names[number] for number in marked if number in names), notes


def read_microvolts(
    corpus: Corpus | CheckedCorpus,
    recording: Recording,
    config: Channels,
    wanted: Sequence[Channel],
) -> Microvolts:
    """Read the channels of a recording; interpolate electrodes that are missing, bad or flat.

    Interpolation is MNE's spherical spline from all other electrodes that have a position
    [1]_, including A1 and A2. Signals without a position (EKG, LOC) are not used: with one, MNE
    returns zeros for every channel. Interpolation precedes the derivation of channels from
    electrodes; bipolar recordings are never interpolated.

    Parameters
    ----------
    corpus : Corpus
    recording : Recording
    config : Channels
    wanted : sequence of Channel

    Raises
    ------
    RecordingError
        With the reason why the recording cannot be used.

    References
    ----------
    .. [1] Perrin et al. (1989), Spherical splines for scalp potential and current density
       mapping, doi:10.1016/0013-4694(89)90180-6.
    """
    found = inspect(corpus, recording, config, wanted)
    resolution = found.resolution
    helpers = _usable(found, config)
    numbers = list(resolution.signals)
    if resolution.missing:
        numbers = sorted({*numbers, *helpers.values()})
    volts = _read(corpus, recording, found, numbers)
    flat = {number for number in resolution.signals if _is_flat(volts[number])}
    flat_electrodes = [name for name, n in _by_number(resolution.electrodes) if n in flat]
    flat_channels = [
        channel.name
        for channel, terms in zip(wanted, resolution.terms, strict=True)
        if {number for number, _ in terms} <= flat
    ]
    if flat and config.flat == "leave_out":
        names = {number: name for name, number in resolution.electrodes.items()}
        told = ", ".join(names.get(n, found.facts.labels[n]) for n in sorted(flat))
        raise RecordingError(f"flat: {told} (channels.flat is 'leave_out')")
    replaced = flat_electrodes if config.flat == "interpolate" else []
    bad = [*resolution.missing, *dict.fromkeys((*found.bad, *replaced))]
    _check_number(bad, config, "flat, missing or marked as bad" if found.bad else "flat or missing")
    if bad:
        if not resolution.missing:
            more = sorted(set(helpers.values()) - volts.keys())
            volts |= _read(corpus, recording, found, more) if more else {}
        _interpolate(volts, found, helpers, bad)
    data = np.empty((len(wanted), found.n_samples), np.float32)
    for row, terms in enumerate(resolution.terms):
        data[row] = _sum(volts, terms) * 1e6
    numbers_of = dict(resolution.electrodes) | {
        name: resolution.n_signals + k for k, name in enumerate(resolution.missing)
    }
    made = {numbers_of[name] for name in bad}
    interpolated = [
        channel.name
        for channel, terms in zip(wanted, resolution.terms, strict=True)
        if made & {number for number, _ in terms}
    ]
    return Microvolts(
        data,
        found.sfreq,
        tuple(interpolated),
        tuple(flat_channels),
        found.notes,
        resolution.reference,
    )


def _require_one_each(
    corpus: Corpus | CheckedCorpus,
    recording: Recording,
    facts: SourceFacts,
    resolution: Resolution,
) -> None:
    """Reject two signals of the same channel, unless their samples are equal or negated."""
    for upside_down, found in ((False, resolution.duplicates), (True, resolution.opposites)):
        what = "present inverted" * upside_down or "present twice"
        for name, (first, *others) in found.items():
            for number in others:
                if not _same(corpus, recording, facts, (first, number), upside_down):
                    raise RecordingError(
                        f"channel {name} is {what} with different samples: signals "
                        f"{first + 1} ({facts.labels[first]!r}) and {number + 1} "
                        f"({facts.labels[number]!r})"
                    )


def _same(
    corpus: Corpus | CheckedCorpus,
    recording: Recording,
    facts: SourceFacts,
    pair: tuple[int, int],
    upside_down: bool,
) -> bool:
    compare = getattr(corpus, "opposite_samples" if upside_down else "same_samples", None)
    if compare is not None:
        return bool(compare(recording, *pair))
    a, b = (facts.signals[number] for number in pair)
    if (a.sfreq, a.n_samples, a.fault, b.fault) != (b.sfreq, b.n_samples, "", ""):
        return False
    one, other = corpus.signal(recording, pair).volts
    if upside_down:  # each may have been rounded independently
        return bool(np.allclose(one, -other, rtol=1e-3, atol=_STEP, equal_nan=True))
    return bool(np.array_equal(one, other, equal_nan=True))


def _joined(notes: Iterable[str]) -> list[str]:
    """Join equal notes on several signals, such as ``no unit, taken as uV: F3, F4``."""
    groups: dict[str, list[str]] = {}
    for note in notes:
        what, _, label = note.rpartition(": ")
        groups.setdefault(what, []).append(label)
    return [
        f"{what}: {', '.join(labels)}" if what else labels[0] for what, labels in groups.items()
    ]


def _usable(found: Inspected, config: Channels) -> dict[str, int]:
    """Return the electrodes available for interpolation, including those of channels."""
    usable = dict(found.resolution.electrodes)
    for name, number in found.resolution.others.items():
        signal = found.facts.signals[number]
        same = (signal.sfreq, signal.n_samples) == (found.sfreq, found.n_samples)
        marked = signal.bad and config.bads != "keep"
        if same and not (signal.fault or marked):  # otherwise no channel is affected
            usable[name] = number
    return usable


def _read(
    corpus: Corpus | CheckedCorpus, recording: Recording, found: Inspected, numbers: Sequence[int]
) -> dict[int, NDArray[np.float64]]:
    """Read signals by number."""
    source = corpus.signal(recording, numbers)
    if source.volts.shape != (len(numbers), found.n_samples) or source.sfreq != found.sfreq:
        raise RecordingError(
            f"{found.n_samples} samples at {float(found.sfreq):g} Hz were expected, but "
            f"{source.volts.shape[-1]} at {float(source.sfreq):g} Hz were read"
        )
    return dict(zip(numbers, source.volts, strict=True))


def _by_number(electrodes: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(electrodes.items(), key=lambda item: item[1])


def _is_flat(samples: NDArray[np.float64]) -> bool:
    return bool((samples == samples[0]).all())


def _check_number(bad: Sequence[str], config: Channels, what: str) -> None:
    if len(bad) > config.max_interpolated:
        are = "channels are" if len(bad) > 1 else "channel is"
        raise RecordingError(
            f"{len(bad)} {are} {what} ({', '.join(bad)}), and at most "
            f"{config.max_interpolated} may be interpolated (channels.max_interpolated)"
        )


def _interpolate(
    volts: dict[int, NDArray[np.float64]],
    found: Inspected,
    helpers: Mapping[str, int],
    bad: Sequence[str],
) -> None:
    """Replace missing or flat electrodes by interpolated samples."""
    import mne

    resolution = found.resolution
    own = resolution.electrodes
    useful = [
        (name, number)
        for name, number in _by_number(helpers)
        if name in own or not _is_flat(volts[number])
    ]
    absent = list(resolution.missing)
    names = [*(name for name, _ in useful), *absent]
    zeros = np.zeros(found.n_samples)
    data = np.stack([*(volts[number] for _, number in useful), *(zeros for _ in absent)])
    info = mne.create_info(names, float(found.sfreq), "eeg")
    raw: Any = mne.io.RawArray(data, info, verbose="error")
    raw.set_montage(standard_montage(), verbose="error")
    raw.info["bads"] = list(bad)
    raw.interpolate_bads(reset_bads=True, verbose="error")
    for name in bad:
        k = resolution.missing.index(name) if name in resolution.missing else None
        number = own[name] if k is None else resolution.n_signals + k
        volts[number] = raw.get_data(picks=[name])[0]


def _sum(
    volts: Mapping[int, NDArray[np.float64]], terms: Sequence[tuple[int, float]]
) -> NDArray[np.float64]:
    (number, factor), *rest = terms
    out = volts[number] if factor == 1 else volts[number] * factor
    for number, factor in rest:
        out = out - volts[number] if factor == -1 else out + volts[number] * factor
    return out

"""Derived rows of a reader: sums of a few channels of a store.

A difference is ``g*q[i] - h*q[j] + c``, of stored values `q`, with factors of the recording. An
average is summed once for all rows that subtract it. The order of all operations in float32 is
fixed, so that the compiled kernel, NumPy and a GPU give the same values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.channels.derivations import AVERAGE, Channel
from tuszstore.channels.names import CHANNELS, canonical
from tuszstore.channels.reasons import why_not_derived
from tuszstore.channels.recipes import find_recipe
from tuszstore.channels.resolve import AVERAGES
from tuszstore.channels.sets import check_distinct
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.spec import StoreSpec, units_of

Moments = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Mean and standard deviation (µV) of channels, ``(recording, channel)`` each."""

FLAT = 1e-3
"""Standard deviation (µV) below which a derivation has no signal but the rounding of its parts."""

_NONE = np.float32(-0.0)
"""The number whose addition changes no bit of any other number, including signed zeros."""


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a window, as sums of stored channels.

    The first `n_shared` sums are parts of others: a term whose channel is the number of the
    store's channels plus k is shared sum k.

    Attributes
    ----------
    wanted : tuple of Channel
        Channels of the rows, in order.
    units : {"1", "uV"}
    clip : float or None
        Limit of the values, in `units`.
    average_of : tuple of str
        Electrodes of the average; empty if no row subtracts it.
    n_channels : int
        Number of channels of the store.
    n_shared : int
    starts : ndarray of int32, shape (sum + 1,)
        First term of each sum.
    channels : ndarray of int32, shape (term,)
    factors : ndarray of float32, shape (recording, term)
        From stored values to `units`; one row if they are the same for all recordings.
    offsets : ndarray of float32, shape (recording, row)
        Added last; for as many recordings as `factors`.
    limits : ndarray of float32, shape (row,)
        Limit of each row; infinite if not clipped.
    """

    wanted: tuple[Channel, ...]
    units: str
    clip: float | None
    average_of: tuple[str, ...]
    n_channels: int
    n_shared: int
    starts: NDArray[np.int32]
    channels: NDArray[np.int32]
    factors: NDArray[np.float32]
    offsets: NDArray[np.float32]
    limits: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.wanted)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the rows."""
        return tuple(channel.name for channel in self.wanted)

    @cached_property
    def sums(self) -> list[list[tuple[int, int]]]:
        """For each sum, its terms: their number and their channel."""
        bounds, channels = self.starts.tolist(), self.channels.tolist()
        return [
            [(term, channels[term]) for term in range(begin, end)]
            for begin, end in pairwise(bounds)
        ]

    def of(self, recordings: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return factors and offsets of recordings, ``(recording, term)`` and ``(.., row)``."""
        if len(self.factors) == 1:
            recordings = np.zeros_like(recordings)
        return self.factors[recordings], self.offsets[recordings]

    def apply(
        self, stored: NDArray[Any], recordings: NDArray[np.int64], out: NDArray[np.float32]
    ) -> None:
        """Compute rows from stored values.

        Parameters
        ----------
        stored : ndarray of int16 or float32, shape (window, channel, sample)
        recordings : ndarray of int64, shape (window,)
            Row of each window's recording in the recordings table.
        out : ndarray of float32, shape (window, row, sample)
        """
        factors, offsets = self.of(recordings)
        term = np.empty((len(stored), stored.shape[2]), np.float32)
        shared: list[NDArray[np.float32]] = []
        for number, terms in enumerate(self.sums):
            row = number - self.n_shared
            total = out[:, row] if row >= 0 else np.empty_like(term)
            for place, (index, channel) in enumerate(terms):
                into = term if place else total
                if channel < self.n_channels:
                    # cast, then multiply in place: faster than one mixed product
                    np.copyto(into, stored[:, channel])
                else:
                    np.copyto(into, shared[channel - self.n_channels])
                np.multiply(into, factors[:, index, None], out=into)
                if place:
                    np.add(total, term, out=total)
            if row < 0:
                shared.append(total)
                continue
            np.add(total, offsets[:, row, None], out=total)
            if np.isfinite(limit := self.limits[row]):
                np.clip(total, -limit, limit, out=total)


def needs_moments(
    spec: StoreSpec, channels: Sequence[Channel], units: str | None, average_of: Sequence[str] = ()
) -> bool:
    """Return whether rows require the moments of derivations.

    Parameters
    ----------
    spec : StoreSpec
    channels : sequence of Channel
    units : {"zscore", "uV"} or None
        The store's own by default.
    average_of : sequence of str
        As for :func:`make_rows`.
    """
    wanted = _wanted_units(spec, units)
    if wanted == "uV":
        return False
    electrodes = _average_of(spec, average_of)
    recipes = [find_recipe(channel, spec.channels, electrodes) for channel in channels]
    return spec.units != wanted or any(recipe and len(recipe) > 1 for recipe in recipes)


def make_rows(
    metadata: StoreMetadata,
    channels: Sequence[Channel],
    units: str | None = None,
    moments: Moments | None = None,
    average_of: Sequence[str] = (),
) -> Rows:
    """Return how channels are computed from those of a store.

    Parameters
    ----------
    metadata : StoreMetadata
    channels : sequence of Channel
    units : {"zscore", "uV"}, optional
        By default the store's own.
    moments : tuple of ndarray of float64, optional
        Mean and standard deviation (µV) of `channels`, ``(recording, channel)``. Required if
        :func:`needs_moments`.
    average_of : sequence of str
        Electrodes of the average, if the store names none; by default the 19 of the 10-20
        system, as in a build.

    Returns
    -------
    Rows

    Raises
    ------
    ValueError
        Names the channels that cannot be derived, and why; or unknown units.
    """
    spec = metadata.spec
    target = _wanted_units(spec, units)
    derivations = derive(metadata, channels, average_of)
    electrodes = _average_of(spec, average_of)
    if moments is None and needs_moments(spec, channels, units, electrodes):
        raise ValueError("z-scores of derivations need their mean and standard deviation")
    own = spec.units == target
    as_stored = [own and derivation.single for derivation in derivations]
    mean, sd = np.zeros((1, len(spec.channels))), np.ones((1, len(spec.channels)))
    if not all(as_stored):
        mean, sd = metadata.recordings["mean"], metadata.recordings["sd"]
    sums = _Sums(len(sd))
    scale = metadata.encoding.scale
    shared: dict[tuple[int, ...], int] = {}
    for average in dict.fromkeys(d.average for d in derivations if d.average):
        sums.add((row, sd[:, row] * scale) for row in average)
        shared[average] = len(spec.channels) + len(shared)
    offsets: list[NDArray[Any]] = []
    for row, derivation in enumerate(derivations):
        if as_stored[row]:
            sums.add((r, w * scale) for r, w in derivation.terms)
            offsets.append(np.full(len(sd), _NONE))
            continue
        location, gain = np.zeros(1), np.ones(1)
        if target == "1":
            assert moments is not None
            location, deviation = moments[0][:, row], moments[1][:, row]
            flat = deviation < FLAT
            gain = np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, deviation))
        terms = [(r, w * gain * sd[:, r] * scale) for r, w in derivation.terms]
        centre = sum((w * mean[:, r] for r, w in derivation.terms), np.zeros(len(sd)))
        if derivation.average:
            terms.append((shared[derivation.average], derivation.share * gain))
            centre = centre + derivation.share * mean[:, derivation.average].sum(axis=1)
        sums.add(terms)
        offsets.append((centre - location) * gain)
    clip = spec.clip if own else None
    limits = [np.inf if same or clip is None else clip for same in as_stored]
    factors, offset = _as_few(sums.factors(), np.stack(offsets, axis=1))
    return Rows(
        wanted=tuple(channels),
        units=target,
        clip=clip,
        average_of=electrodes if any(c.cathode == AVERAGE for c in channels) else (),
        n_channels=len(spec.channels),
        n_shared=len(shared),
        starts=np.array(sums.starts, np.int32),
        channels=np.array(sums.channels, np.int32),
        factors=factors,
        offsets=offset,
        limits=np.array(limits, np.float32),
    )


@dataclass(frozen=True, eq=False)
class Derivation:
    """How one channel is computed from those of a store, in µV.

    Attributes
    ----------
    terms : tuple of (int, float)
        Channel of the store, and its weight.
    average : tuple of int
        Channels whose average is subtracted; empty if none is.
    share : ndarray of float64, shape (recording,)
        Weight of their sum: minus one over their number, or 0 if the recording is against
        the average itself.
    """

    terms: tuple[tuple[int, float], ...]
    average: tuple[int, ...] = ()
    share: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    @property
    def single(self) -> bool:
        """Whether it is a channel of the store, possibly inverted."""
        return len(self.terms) == 1 and not self.average


def derive(
    metadata: StoreMetadata, channels: Sequence[Channel], average_of: Sequence[str] = ()
) -> list[Derivation]:
    """Return how channels are computed from those of a store.

    An electrode minus the average is the electrode itself in a recording that is against the
    average itself, as in a build.

    Parameters
    ----------
    metadata : StoreMetadata
    channels : sequence of Channel
    average_of : sequence of str
        As for :func:`make_rows`.

    Raises
    ------
    ValueError
        Naming the channels that cannot be derived, and why.
    """
    spec = metadata.spec
    check_distinct(channels)
    electrodes = _average_of(spec, average_of)
    found, faults = [], []
    for channel in channels:
        recipe = find_recipe(channel, spec.channels, electrodes)
        if recipe is None:
            faults.append(channel)
        elif channel.cathode != AVERAGE or len(recipe) == 1:
            found.append(Derivation(recipe))
        else:
            found.append(_less_average(metadata, channel, electrodes))
    if faults:
        raise ValueError(f"{metadata.path}: {why_not_derived(faults, spec.channels, electrodes)}")
    return found


def _less_average(
    metadata: StoreMetadata, channel: Channel, electrodes: tuple[str, ...]
) -> Derivation:
    places = {c.identity: row for row, c in enumerate(metadata.spec.channels)}
    references, corpora = map(metadata.recordings.or_blank, ("reference", "corpus"))
    against = np.array(
        [
            # TUSZ calls all files of a folder AR, which a build does not treat as an average
            # reference
            reference.upper() in AVERAGES and (corpus, reference) != ("tusz", "AR")
            for reference, corpus in zip(map(str, references), map(str, corpora), strict=True)
        ],
        bool,
    )
    return Derivation(
        ((places[channel.anode, None], 1.0),),
        tuple(places[name, None] for name in electrodes),
        np.where(against, 0.0, -1.0 / len(electrodes)),
    )


class _Sums:
    """Accumulates sums in the format of :class:`Rows`."""

    def __init__(self, n_recordings: int) -> None:
        self._n_recordings = n_recordings
        self.starts = [0]
        self.channels: list[int] = []
        self._factors: list[NDArray[np.float64]] = []

    def add(self, terms: Iterable[tuple[int, Any]]) -> None:
        """Add a sum of channels, each with a factor for all recordings or for each."""
        for channel, factor in terms:
            self.channels.append(channel)
            self._factors.append(np.broadcast_to(factor, self._n_recordings))
        self.starts.append(len(self.channels))

    def factors(self) -> NDArray[np.float64]:
        """Return all factors, ``(recording, term)``."""
        return np.stack(self._factors, axis=1)


def _as_few(
    factors: NDArray[np.float64], offsets: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return both as float32; with a single row, if all recordings have equal ones."""
    same = len(factors) and (factors == factors[0]).all() and (offsets == offsets[0]).all()
    kept = slice(0, 1 if same else None)
    return (
        np.ascontiguousarray(factors[kept], np.float32),
        np.ascontiguousarray(offsets[kept], np.float32),
    )


def _wanted_units(spec: StoreSpec, units: str | None) -> str:
    return spec.units if units is None else units_of(units)


def _average_of(spec: StoreSpec, given: Sequence[str]) -> tuple[str, ...]:
    return spec.average_of or tuple(dict.fromkeys(map(canonical, given))) or CHANNELS

"""Mean and standard deviation of derivations, from which views make z-scores.

A store contains them for the built-in sets. For other channels, the store's normaliser computes
them in one pass over the store. They are kept in the user's cache, under the digest of the store's
content, so they are never confused with those of another store.
"""

import hashlib
import json
import os
import sys
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tuszstore.channels.derivations import AVERAGE, Channel
from tuszstore.channels.sets import SETS
from tuszstore.errors import RecordingError, StoreError
from tuszstore.read.rows import Derivation, Moments, derive, make_rows
from tuszstore.read.windows import WindowReader
from tuszstore.store.caches import CACHE, cache_folder
from tuszstore.store.metadata import StoreMetadata

if TYPE_CHECKING:
    from tuszstore.config.signal import Signal

NORMALISER = "robust_zscore"
"""Normaliser for a store in µV, which has no moments."""

FAR = 1e12
"""Value of a clipped sample (µV)."""

Progress = Callable[[int, int], object]
"""Called with the numbers of finished and of all recordings."""

_kept: dict[Path, Moments] = {}
"""What could not be written."""

_lock = threading.Lock()


def find_moments(
    metadata: StoreMetadata,
    channels: Sequence[Channel],
    average_of: Sequence[str] = (),
    progress: Progress | None = None,
) -> Moments:
    """Return mean and standard deviation of channels in each recording of a store.

    Parameters
    ----------
    metadata : StoreMetadata
    channels : sequence of Channel
    average_of : sequence of str
        As of :func:`tuszstore.read.rows.make_rows`.
    progress : callable, optional
        Called during a pass over the store; by default a progress bar on a terminal.

    Returns
    -------
    mean, sd : ndarray of float64, shape (recording, channel)
        In µV.

    Raises
    ------
    ValueError
        Naming channels that cannot be derived, or a normaliser that is not installed.
    StoreError
        If a block is missing or damaged.
    """
    derivations = derive(metadata, channels, average_of)
    found = [
        _stored(metadata, channel, derivation)
        for channel, derivation in zip(channels, derivations, strict=True)
    ]
    wanted = [channel for channel, moments in zip(channels, found, strict=True) if moments is None]
    if wanted:
        computed = iter(_computed(metadata, wanted, average_of, progress))
        found = [next(computed) if moments is None else moments for moments in found]
    mean, sd = zip(*(moments for moments in found if moments is not None), strict=True)
    return np.stack(mean, axis=1), np.stack(sd, axis=1)


def _stored(metadata: StoreMetadata, channel: Channel, derivation: Derivation) -> Moments | None:
    """Return the moments of a channel that the store contains, ``(recording,)`` each."""
    if metadata.spec.units == "uV":
        return None  # not normalised: mean 0 and standard deviation 1
    recordings = metadata.recordings
    if derivation.single:
        ((row, sign),) = derivation.terms
        return sign * recordings["mean"][:, row], recordings["sd"][:, row]
    if channel.cathode == AVERAGE:
        return None
    for name, table in metadata.derived.items():
        names = [member.identity for member in SETS.get(name, ())]
        # a set's members may differ between versions of tuszstore
        if not names or list(table["name"]) != [member.name for member in SETS[name]]:
            continue
        for identity, sign in ((channel.identity, 1.0), (channel.identity[::-1], -1.0)):
            if identity in names:
                row = names.index(identity)
                return sign * table["mean"][:, row], table["sd"][:, row]
    return None


def _computed(
    metadata: StoreMetadata,
    channels: Sequence[Channel],
    average_of: Sequence[str],
    progress: Progress | None,
) -> list[Moments]:
    """Return the moments of channels, from the cache or from a pass over the store."""
    normaliser = _normaliser(metadata)
    paths = [_cached_at(metadata, channel, average_of, normaliser) for channel in channels]
    with _lock:  # otherwise two threads could read the whole store twice
        found = [_load(path, metadata.recordings.shape("id")[0]) for path in paths]
        wanted = [k for k, moments in enumerate(found) if moments is None]
        if wanted:
            some = [channels[k] for k in wanted]
            with _telling(progress, some) as tell:
                mean, sd = _pass_over(metadata, some, average_of, normaliser, tell)
            for place, k in enumerate(wanted):
                found[k] = mean[:, place], sd[:, place]
                _save(paths[k], mean[:, place], sd[:, place])
    return [moments for moments in found if moments is not None]


def _pass_over(
    metadata: StoreMetadata,
    channels: Sequence[Channel],
    average_of: Sequence[str],
    normaliser: "Signal",
    tell: Progress,
) -> Moments:
    """Normalise derivations of all recordings, and return their moments."""
    from tuszstore.signal.steps import normalised

    derivations = derive(metadata, channels, average_of)
    reader = WindowReader(metadata, 1)
    n_recordings = metadata.recordings.shape("id")[0]
    mean, sd = (np.zeros((n_recordings, len(channels))) for _ in range(2))
    done = iter(range(1, n_recordings + 1))

    def work(number: int) -> None:
        if reader.length(number):
            source = _Source(metadata, number, reader.recording(number))
            for row, derivation in enumerate(derivations):
                values = source.derived(derivation)
                if normaliser.normalise == NORMALISER:
                    # its true value is unknown: an artefact to exclude, as in a build
                    values[source.clipped(derivation)] = FAR
                try:
                    one = normalised(values[None], normaliser)
                except RecordingError as error:
                    name = metadata.recordings["id"][number]
                    raise StoreError(f"{metadata.path}: {name}: {error}") from error
                mean[number, row], sd[number, row] = one[0][0], one[1][0]
        tell(next(done), n_recordings)

    metadata.recordings.load("id", "first_block", "n_blocks", "n_samples", "mean", "sd")
    with ThreadPoolExecutor(os.cpu_count() or 1, "tuszstore-moments") as pool:
        try:
            for _ in pool.map(work, range(n_recordings)):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return mean, sd


class _Source:
    """The channels of one recording, and their derivations."""

    def __init__(self, metadata: StoreMetadata, number: int, stored: NDArray[np.float32]) -> None:
        self._number = number
        self._stored = stored
        self._mean = metadata.recordings["mean"][number]
        self._sd = metadata.recordings["sd"][number]
        self._averages: dict[tuple[int, ...], NDArray[np.float64]] = {}
        step = metadata.encoding.scale / 2 if metadata.encoding.dtype == "int16" else 0.0
        clip = metadata.spec.clip
        self._limit = np.inf if clip is None else clip * (1 - 1e-6) - step

    def derived(self, derivation: Derivation) -> NDArray[np.float64]:
        """Return a derivation in µV, ``(sample,)``."""
        out = np.zeros(self._stored.shape[1])
        for row, weight in derivation.terms:
            out += weight * self._microvolts(row)
        if derivation.average:
            share = derivation.share[self._number % len(derivation.share)]
            out += share * self._sum(derivation.average)
        return out

    def clipped(self, derivation: Derivation) -> NDArray[np.bool_]:
        """Return where channels of a derivation are clipped, ``(sample,)``."""
        rows = [row for row, _ in derivation.terms]
        return np.asarray((np.abs(self._stored[rows]) >= self._limit).any(axis=0), np.bool_)

    def _microvolts(self, row: int) -> NDArray[np.float64]:
        values: NDArray[np.float64] = self._stored[row].astype(np.float64)
        values *= self._sd[row]
        values += self._mean[row]
        return values

    def _sum(self, rows: tuple[int, ...]) -> NDArray[np.float64]:
        if rows not in self._averages:
            total = np.zeros(self._stored.shape[1])
            for row in rows:
                total += self._microvolts(row)
            self._averages[rows] = total
        return self._averages[rows]


def _normaliser(metadata: StoreMetadata) -> "Signal":
    """Return the settings with which a store's channels were normalised.

    Raises
    ------
    ValueError
        If the normaliser belongs to a package that is not installed.
    """
    from tuszstore.config.signal import Signal
    from tuszstore.registry import NORMALISERS

    config = metadata.attributes.get("config")
    section = config.get("signal") if isinstance(config, dict) else None
    name = section.get("normalise") if isinstance(section, dict) else None
    if metadata.spec.units == "uV" or not isinstance(name, str):
        name = NORMALISER
    if name not in NORMALISERS:
        raise ValueError(
            f"{metadata.path}: was normalised with {name!r:.60}, which is not installed here: "
            "install its package, or read the view in µV (units='uV')"
        )
    return Signal.model_construct(normalise=name, sfreq=round(metadata.spec.sfreq))


def _cached_at(
    metadata: StoreMetadata, channel: Channel, average_of: Sequence[str], normaliser: "Signal"
) -> Path:
    from tuszstore.registry import NORMALISERS

    averaged = make_rows(metadata, [channel], "uV", average_of=average_of).average_of
    key = json.dumps([channel.identity, averaged, NORMALISERS.state(normaliser.normalise)])
    store = hashlib.sha256(str(metadata.attributes["content_digest"]).encode()).hexdigest()[:32]
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return cache_folder() / "moments" / store / f"{name}.npz"


def _load(path: Path, n_recordings: int) -> Moments | None:
    """Return cached moments; None if they are absent or damaged."""
    if path in _kept:
        return _kept[path]
    try:
        # opened here, since NumPy does not close invalid files; members have checksums
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            mean, sd = (np.asarray(arrays[name], np.float64) for name in ("mean", "sd"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    shape = (n_recordings,)
    if mean.shape != shape or sd.shape != shape or not np.isfinite(mean + sd).all():
        return None
    return mean, sd


def _save(path: Path, mean: NDArray[np.float64], sd: NDArray[np.float64]) -> None:
    """Keep moments in the cache, or in this process if the cache cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, mean=mean, sd=sd)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        _kept[path] = mean, sd
        warnings.warn(
            f"{path.parent}: cannot keep the moments of a view, which other processes will compute "
            f"again: {error.strerror or error}; name a folder in {CACHE}",
            stacklevel=2,
        )


@contextmanager
def _telling(progress: Progress | None, channels: Sequence[Channel]) -> Iterator[Progress]:
    """Yield a function that reports the progress of a pass over a store."""
    from tuszstore.progress import NotebookBar, in_notebook

    names = ", ".join(channel.name for channel in channels[:3])
    more = f" and {len(channels) - 3} more" if len(channels) > 3 else ""
    what = f"mean and deviation of {names}{more}"
    if progress is not None:
        yield progress
    elif in_notebook():
        line = NotebookBar()
        yield lambda done, total: line.show(
            f"{what}: {done:,} of {total:,} recordings", done / total, last=done == total
        )
    elif not sys.stderr.isatty():
        yield lambda done, total: None
    else:
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

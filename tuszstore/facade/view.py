"""Other channels, units and windows of a store, computed when read."""

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

from tuszstore.channels.derivations import AVERAGE, Channel
from tuszstore.channels.names import CHANNELS
from tuszstore.channels.recipes import find_recipe
from tuszstore.channels.sets import channels_of, shown_channels
from tuszstore.errors import StoreError
from tuszstore.facade.moments import find_moments
from tuszstore.facade.store import Store
from tuszstore.facade.view_tables import ViewTables
from tuszstore.facade.windows import WindowCollection
from tuszstore.read.rows import derive, make_rows, needs_moments
from tuszstore.read.windows import WindowReader
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.place import Identity, Place, ReplacedError, shown_path
from tuszstore.store.spec import UNITS, StoreSpec, units_of

Channels = str | Channel | Iterable[str | Channel]
"""A set's name, or channels."""


class View(WindowCollection):
    """Other channels, units or windows of a store; created by :meth:`tuszstore.Store.view`.

    It is read like a store, without building or copying anything. Closing it leaves the store open;
    closing the store closes the view.

    Attributes
    ----------
    metadata : ViewTables
        Everything but the signal.
    store : Store
        The underlying store, also for a view of a view.

    Examples
    --------
    >>> import tuszstore
    >>> store = tuszstore.open("demo/stores/train.zarr")
    >>> view = store.view("double_banana", units="uV", length=12, stride=6)
    >>> view.windows.shape[1:], view.channels[0]
    ((18, 3072), 'Fp1-F7')
    """

    metadata: ViewTables

    def __init__(self, store: Store, spec: StoreSpec) -> None:
        self.store = store
        self.metadata = ViewTables(store.metadata, spec, [False])

    @cached_property
    def reader(self) -> WindowReader:
        """Reader of the windows, created on first use."""
        tables, store = self.metadata, self.store.metadata
        tables.check_open()
        spec = tables.spec
        rows = None
        if not tables.same_channels:
            units = _units(spec)
            moments = None
            if needs_moments(store.spec, spec.channels, units, spec.average_of):
                moments = find_moments(store, spec.channels, spec.average_of)
            rows = make_rows(store, spec.channels, units, moments, spec.average_of)
        index = None if tables.same_geometry else tables.grid
        return WindowReader(store, rows=rows, window=spec.window, index=index, tables=tables)

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the store's root, with the view's `spec`."""
        return {**self.store.attrs, "spec": self.spec.to_json()}

    @property
    def remote(self) -> bool:
        """Whether it is read from an object store, where each request is a round trip."""
        return self.store.remote

    def sizes(self) -> list[int] | None:
        """Return the sizes (bytes) of all files of the store; None on a web server."""
        return self.store.sizes()

    def shown(self) -> dict[str, str]:
        """Return how the view differs from the store."""
        own, spec = self.store.spec, self.spec
        shown = {}
        if own.channels != spec.channels:
            wanted, there = shown_channels(spec.channels), shown_channels(own.channels)
            shown["channels"] = f"{wanted}, of {there}"
        if own.units != spec.units:
            shown["units"] = f"{_unit(spec)}, of {_unit(own)}"
        if not self.metadata.same_geometry:
            shown["windows"] = f"{_windows(spec)}, of {_windows(own)}"
        if own.rater != spec.rater:
            shown["rater"] = f"{spec.rater}, of {own.rater}"
        return shown

    def view(
        self,
        channels: Channels | None = None,
        units: str | None = None,
        length: float | None = None,
        stride: float | None = None,
        *,
        rater: str | None = None,
    ) -> "View":
        """Return another view of the same store; defaults are those of this view.

        Parameters
        ----------
        channels, units, length, stride, rater
            As of :meth:`tuszstore.Store.view`. Channels are computed from the store's.
        """
        self.metadata.check_open()
        spec = view_spec(self.store.metadata, self.spec, channels, units, length, stride, rater)
        return _checked(View(self.store, spec))

    def close(self) -> None:
        """Release buffers and computed tables; the store stays open."""
        self.metadata.close()
        reader = vars(self).pop("reader", None)
        if reader is not None:
            reader.close()

    @property
    def closed(self) -> bool:
        """Whether the view, or its store, was closed."""
        return self.metadata.closed[0] or self.store.closed

    def __reduce__(self) -> Any:
        self.metadata.check_open()
        metadata = self.store.metadata
        return _open_again, (metadata.place, metadata.identity, self.spec)

    def __repr__(self) -> str:
        spec = self.spec
        return (
            f"<tuszstore.View of {shown_path(self.path)}: {shown_channels(spec.channels)} in "
            f"{_unit(spec)}, {len(self)} windows of {_windows(spec)}>"
        )


def make_view(
    store: Store,
    channels: Channels | None,
    units: str | None,
    length: float | None,
    stride: float | None,
    rater: str | None,
) -> View:
    """Return a view of a store; see :meth:`tuszstore.Store.view`."""
    store.metadata.check_open()
    metadata = store.metadata
    spec = view_spec(metadata, metadata.spec, channels, units, length, stride, rater)
    return _checked(View(store, spec))


def view_spec(
    store: StoreMetadata,
    before: StoreSpec,
    channels: Channels | None,
    units: str | None,
    length: float | None,
    stride: float | None,
    rater: str | None,
) -> StoreSpec:
    """Return the specification of a view, with defaults from before.

    No table is read, unless windows change.

    Parameters
    ----------
    store : StoreMetadata
    before : StoreSpec
        Specification of the store, or of another view of it.
    channels, units, length, stride, rater
        As of :meth:`tuszstore.Store.view`.

    Raises
    ------
    ValueError
        If there is no such view, with the reason.
    """
    own, spec = store.spec, before
    if channels is not None:
        wanted = channels_of(channels)
        averaged = any(channel.cathode == AVERAGE for channel in wanted)
        average_of = (own.average_of or CHANNELS) if averaged else ()
        if any(find_recipe(channel, own.channels, average_of) is None for channel in wanted):
            derive(store, wanted)  # the error names the channels and the reason
        spec = replace(spec, channels=wanted, average_of=average_of)
    if units is not None:
        spec = replace(spec, units=units_of(units))
    spec = replace(spec, clip=own.clip if spec.units == own.units else None)
    if length is not None or stride is not None:
        spec = _with_windows(store, spec, length, stride)
    return spec if rater is None else replace(spec, rater=rater)


def _with_windows(
    store: StoreMetadata, spec: StoreSpec, length: float | None, stride: float | None
) -> StoreSpec:
    own = store.spec
    window = spec.window if length is None else _samples("length", length, spec.sfreq)
    step = spec.stride if stride is None else _samples("stride", stride, spec.sfreq)
    if (window, step) == (own.window, own.stride):
        names = ("window", "stride", "block", "step", "shard")
        return replace(spec, **{name: getattr(own, name) for name in names})
    if own.block != own.step:
        raise ValueError(
            f"{store.path}: its windows are stored one by one (windows.overlap: duplicate): a view "
            f"of it has their length of {own.window_seconds:g} s and stride of "
            f"{own.stride_seconds:g} s; for others build it with windows.overlap: share"
        )
    longest = int(store.recordings["n_samples"].max(initial=0))
    if window > longest:
        raise ValueError(
            f"{store.path}: length of {window / spec.sfreq:g} s is longer than any recording: the "
            f"longest has {longest / spec.sfreq:g} s"
        )
    # as in a build with these windows
    block = math.gcd(window, step)
    shard = max(1, round(own.shard * own.block / block))
    return replace(spec, window=window, stride=step, block=block, step=block, shard=shard)


def _samples(name: str, seconds: Any, sfreq: float) -> int:
    """Return a time in samples, which must be a whole number."""
    try:
        number = math.nan if isinstance(seconds, bool) else float(seconds)
    except (TypeError, ValueError, OverflowError):  # integers may exceed the range of float
        number = math.nan
    if not 0 < number < math.inf:
        raise ValueError(f"{name} must be seconds, above 0, not {seconds!r:.60}")
    samples = number * sfreq
    if round(samples) < 1 or not math.isclose(samples, round(samples), abs_tol=1e-6):
        near = max(1, round(samples)) / sfreq
        raise ValueError(
            f"{name} of {number:g} s is {samples:g} samples at {sfreq:g} Hz; it must be a whole "
            f"number of samples, such as {near:.10g} s"
        )
    return round(samples)


def _checked(view: View) -> View:
    view.metadata.check_rater()
    return view


def _units(spec: StoreSpec) -> str:
    return next(name for name, units in UNITS.items() if units == spec.units)


def _unit(spec: StoreSpec) -> str:
    return "µV" if spec.units == "uV" else "z-scores"


def _windows(spec: StoreSpec) -> str:
    return f"{spec.window_seconds:g} s every {spec.stride_seconds:g} s"


def _open_again(place: Place, identity: Identity, spec: StoreSpec) -> View:
    """Open a pickled view, even if another store has its name by now."""
    try:
        return View(Store(StoreMetadata.open(place, identity)), spec)
    except ReplacedError:
        raise StoreError(
            f"{place.path}: was rebuilt since a view of it was pickled; open it again"
        ) from None

"""Several stores or views, concatenated."""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from tuszstore.channels.recipes import find_recipe
from tuszstore.channels.sets import SETS
from tuszstore.errors import ConcatError
from tuszstore.facade.class_bits import ClassBits
from tuszstore.facade.concat_tables import ConcatTables
from tuszstore.facade.patients import check_leaks, names_of, persons_in
from tuszstore.facade.windows import WindowCollection
from tuszstore.read.several import SeveralReader
from tuszstore.store.patients import NAMESPACES
from tuszstore.store.place import shown_path
from tuszstore.store.settings import built_otherwise, find_differences
from tuszstore.store.spec import StoreSpec
from tuszstore.text import printable

if TYPE_CHECKING:
    from tuszstore.facade.view import Channels

NAMED = 6
"""Channels of a store that an error names; the rest is only counted."""

Stores = Iterable[WindowCollection] | Mapping[str, WindowCollection]


class StoreSeries(WindowCollection):
    """Concatenated windows of several stores or views; created by :func:`tuszstore.concat`.

    It is read like a store, without building or copying anything. Closing it leaves the stores
    open; if one of them is closed, reading raises an error.

    Attributes
    ----------
    metadata : ConcatTables
        All but the signal.
    stores : tuple of WindowCollection
        In order.
    sources : tuple of str
        A name for each.

    Examples
    --------
    >>> import tuszstore
    >>> train = tuszstore.open("demo/stores/train.zarr")
    >>> val = tuszstore.open("demo/stores/val.zarr")
    >>> both = tuszstore.concat([train, val])
    >>> len(both) == len(train) + len(val)
    True
    """

    metadata: ConcatTables

    def __init__(self, tables: ConcatTables) -> None:
        self.metadata = tables
        self.stores = tables.stores
        self.sources = tables.sources

    @cached_property
    def reader(self) -> SeveralReader:
        """Reader of the windows, created on first use."""
        tables = self.metadata
        tables.check_open()
        readers: list[Any] = [store.reader for store in self.stores]
        return SeveralReader(readers, tables.first_window, tables.first_recording, tables)

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the roots that are equal in all stores, and the common `spec`."""
        first, *others = (store.attrs for store in self.stores)
        same = {k: v for k, v in first.items() if all(other.get(k) == v for other in others)}
        splits = dict.fromkeys(str(store.attrs.get("split", "")) for store in self.stores)
        return {**same, "split": "+".join(splits), "spec": self.spec.to_json()}

    @property
    def remote(self) -> bool:
        """Whether any store is read from an object store."""
        return any(store.remote for store in self.stores)

    def view(
        self,
        channels: "Channels | None" = None,
        units: str | None = None,
        length: float | None = None,
        stride: float | None = None,
        *,
        rater: str | None = None,
    ) -> "StoreSeries":
        """Return concatenated views of all stores.

        Parameters
        ----------
        channels, units, length, stride, rater
            As of :meth:`tuszstore.Store.view`.

        Raises
        ------
        ValueError
            If one of the stores has no such view, naming it.
        """
        self.metadata.check_open()
        views = {
            source: store.view(channels, units, length, stride, rater=rater)  # type: ignore[attr-defined]
            for source, store in zip(self.sources, self.stores, strict=True)
        }
        return _concatenated(_flat(views), self.spec.full_seizure)

    def sizes(self) -> list[int] | None:
        """Return the sizes (byte) of all files; None if a server cannot list them."""
        known: list[Any] = [store.sizes() for store in self.stores]  # type: ignore[attr-defined]
        return None if None in known else [size for sizes in known for size in sizes]

    @property
    def name(self) -> str:
        """Names of the stores."""
        return "+".join(self.sources)

    def close(self) -> None:
        """Release tables; the stores stay open. May be called twice."""
        self.metadata.close()
        vars(self).pop("reader", None)

    @property
    def closed(self) -> bool:
        """Whether this or one of the stores was closed."""
        return self.metadata.closed[0] or any(store.closed for store in self.stores)

    def __reduce__(self) -> Any:
        self.metadata.check_open()
        stores = dict(zip(self.sources, self.stores, strict=True))
        return _concatenated, (stores, self.spec.full_seizure)

    def __repr__(self) -> str:
        parts = ", ".join(
            f"{printable(source)} {len(store)}"
            for source, store in zip(self.sources, self.stores, strict=True)
        )
        return f"<tuszstore.StoreSeries of {len(self.stores)}: {len(self)} windows ({parts})>"


def concat(stores: Stores, *, full_seizure: float | None = None) -> StoreSeries:
    """Concatenate stores or views, to read, sample and train on them as one.

    Windows follow in the order of stores; ``index["source"]`` has the number of each window's
    store. Event classes are matched by name. Patients of two corpora are different people, even
    with equal names, unless the corpora share a namespace of patients, such as TUH.

    Parameters
    ----------
    stores : sequence or mapping of str to Store, View or StoreSeries
        With equal channels, units, sampling rate and window length; strides, filters and shards may
        differ. The keys of a mapping name the sources; otherwise the stores' files do.
    full_seizure : float, optional
        Minimum fraction of seizure for a full seizure. Required if the
        stores differ in it; categories are then recomputed from the windows' fractions.

    Returns
    -------
    StoreSeries
        It is read like a store; nothing is copied.

    Raises
    ------
    ConcatError
        If the stores differ in what must be equal, naming both and the solution; if
        `full_seizure` differs and none is given; if a class is a seizure in only one
        store; if a patient is in stores of different splits; or if a store is repeated.
    TypeError
        If these are not stores.

    Warns
    -----
    UserWarning
        If stores of one corpus were built with other settings of the signal, naming them.
    """
    named = _flat(stores)
    series = _concatenated(named, full_seizure)
    for warning in _processed_otherwise(named):
        warnings.warn(warning, stacklevel=2)
    return series


def _concatenated(named: Mapping[str, WindowCollection], full_seizure: float | None) -> StoreSeries:
    """Check and concatenate stores by name."""
    sources, parts = tuple(named), tuple(named.values())
    specs = [store.spec for store in parts]
    for source, spec in zip(sources[1:], specs[1:], strict=True):
        _check_equal(sources[0], specs[0], source, spec)
    _check_different(named)
    bits = ClassBits.of(specs, sources)
    full = _full_seizure(sources, specs, full_seizure)
    persons = [persons_in(store, source) for store, source in zip(parts, sources, strict=True)]
    check_leaks(persons, parts, sources)
    return StoreSeries(
        ConcatTables(parts, sources, _spec(specs, bits, full), bits, partial(names_of, persons))
    )


def _flat(stores: Stores) -> dict[str, WindowCollection]:
    """Return the stores by name, with series replaced by their stores."""
    given = list(stores.items()) if isinstance(stores, Mapping) else _unnamed(stores)
    flat: dict[str, WindowCollection] = {}
    for name, store in given:
        if not isinstance(store, WindowCollection):
            raise TypeError(
                f"concat takes stores and views, not {type(store).__name__}: open paths with "
                "tuszstore.open"
            )
        inner = {name: store}
        if isinstance(store, StoreSeries):
            one_rule = dict(zip(store.sources, store.stores, strict=True))
            inner = {f"{name}/{k}" if k in flat or name not in ("", store.name) else k: v
                     for k, v in one_rule.items()}  # fmt: skip
        for key, part in inner.items():
            if key in flat:
                raise ConcatError(f"two sources are named {key!r}: give a mapping of names")
            flat[key] = part
    if not flat:
        raise ConcatError("no stores to concatenate")
    return flat


def _unnamed(stores: Iterable[Any]) -> list[tuple[str, Any]]:
    """Return stores with names: paths with as many folders as distinguish them, or numbers."""
    if isinstance(stores, WindowCollection | str) or not isinstance(stores, Iterable):
        raise TypeError(f"concat takes a list of stores, not {type(stores).__name__}: [a, b]")
    parts = list(stores)
    for depth in (1, 2, 3):
        names = [_short(store, depth) for store in parts]
        if len(set(names)) == len(names):
            return list(zip(names, parts, strict=True))
    return [(f"{k} {_short(store, 1)}".strip(), store) for k, store in enumerate(parts)]


def _short(store: Any, depth: int) -> str:
    if isinstance(store, StoreSeries) or not isinstance(store, WindowCollection):
        return getattr(store, "name", "")
    return "/".join(str(shown_path(store.path)).rstrip("/").split("/")[-depth:])


def _check_equal(first: str, a: StoreSpec, other: str, b: StoreSpec) -> None:
    """Reject two stores whose windows differ in kind."""
    if a.sfreq != b.sfreq:
        raise _different(
            "sampling rates", first, f"{a.sfreq:g} Hz", other, f"{b.sfreq:g} Hz",
            "build both with the same signal.sfreq",
        )  # fmt: skip
    if a.channels != b.channels:
        raise _other_channels(first, a, other, b)
    if a.units != b.units:
        raise _different(
            "units", first, _unit(a), other, _unit(b), "use views: store.view(units='uV')"
        )
    if a.window != b.window:
        raise _different(
            "window lengths", first, f"{a.window_seconds:g} s", other, f"{b.window_seconds:g} s",
            f"use a view: store.view(length={a.window_seconds:g}, stride=...)",
        )  # fmt: skip


def _different(what: str, a: str, its: str, b: str, others: str, way_out: str) -> ConcatError:
    return ConcatError(f"{a} and {b} have different {what}: {its} and {others}; {way_out}")


def _other_channels(first: str, a: StoreSpec, other: str, b: StoreSpec) -> ConcatError:
    """Return the error for stores with different channels; it names only those that differ."""
    only = {
        first: [channel.name for channel in a.channels if channel not in b.channels],
        other: [channel.name for channel in b.channels if channel not in a.channels],
    }
    told = [f"only {source} has {_some(names)}" for source, names in only.items() if names]
    shared: str | list[str] | None = next(
        (n for n in SETS if _can_show(n, a) and _can_show(n, b)), None
    )
    if shared is None or not told:
        shared = [channel.name for channel in a.channels if channel in b.channels]
    way_out = f"use a view of each: store.view(channels={shared!r})"
    if not shared:
        way_out = (
            "no set of channels can be derived from both: build both with the same channels.set"
        )
    differing = "; ".join(told) or "the same ones in another order"
    return ConcatError(f"{first} and {other} have different channels: {differing}; {way_out}")


def _can_show(name: str, spec: StoreSpec) -> bool:
    return all(find_recipe(member, spec.channels) is not None for member in SETS[name])


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names) if more < 2 else f"{', '.join(names[:NAMED])} and {more} more"


def _unit(spec: StoreSpec) -> str:
    return "z-scores" if spec.units == "1" else "microvolts"


def _processed_otherwise(named: Mapping[str, WindowCollection]) -> list[str]:
    """Return a warning for each store whose signal was processed in another way.

    It is compared with the first store of the same corpus: two corpora may need different
    settings, such as the frequency of the power line.
    """
    first: dict[str, tuple[str, dict[str, Any]]] = {}
    told = []
    for source, store in named.items():
        config = store.attrs.get("config")
        settings = config.get("signal") if isinstance(config, dict) else None
        if not isinstance(settings, dict):
            continue
        corpora = list(store.attrs.get(NAMESPACES) or [""])
        known = next((first[name] for name in corpora if name in first), None)
        for name in corpora:
            first.setdefault(name, (source, settings))
        if known is None:
            continue
        other, theirs = known
        own, theirs = {"signal": settings}, {"signal": theirs}
        if different := find_differences(own, theirs, theirs, ["signal"]):
            told.append(
                f"{built_otherwise(source, different, other)}; build them with the same, unless "
                "that is intended"
            )
    return told


def _full_seizure(sources: Sequence[str], specs: Sequence[StoreSpec], given: float | None) -> float:
    """Return the common rule of categories."""
    if given is not None:
        value = float(given) if isinstance(given, int | float) else math.nan
        if not 0 < value <= 1:
            raise ConcatError(f"full_seizure must be above 0 and at most 1, not {given!r}")
        return value
    for source, spec in zip(sources, specs, strict=True):
        if spec.full_seizure != specs[0].full_seizure:
            raise ConcatError(
                f"{sources[0]} defines a fraction of {specs[0].full_seizure:g} of a window as a "
                f"full seizure, but {source} {spec.full_seizure:g}: choose one for both, "
                f"concat(..., full_seizure={specs[0].full_seizure:g})"
            )
    return specs[0].full_seizure


def _spec(specs: Sequence[StoreSpec], bits: ClassBits, full_seizure: float) -> StoreSpec:
    """Return the common specification of all stores' windows."""
    first = specs[0]

    def same(name: str, otherwise: Any) -> Any:
        value = getattr(first, name)
        return value if all(getattr(spec, name) == value for spec in specs) else otherwise

    stride = math.gcd(*(spec.stride for spec in specs))
    block = math.gcd(first.window, stride)
    blocks: dict[str, Any] = {"block": block, "step": block, "shard": 1}
    if all(same(name, None) is not None for name in ("stride", *blocks)):
        blocks = {}
    clips = [spec.clip for spec in specs]
    return replace(
        first,
        **blocks,
        stride=stride,
        classes=bits.classes,
        seizure=bits.seizure,
        full_seizure=full_seizure,
        clip=None if None in clips else max(clip for clip in clips if clip is not None),
        bandpass=same("bandpass", None),
        notch=same("notch", None),
        rater=same("rater", "any"),
        unknown=(),
    )


def _check_different(named: Mapping[str, WindowCollection]) -> None:
    """Reject a store that is given twice, since its windows would count double."""
    seen: dict[tuple[str, str], str] = {}
    for source, store in named.items():
        first = seen.setdefault((store.metadata.numbering, store.spec.digest), source)
        if first != source and len(store):
            raise ConcatError(
                f"{first} and {source} are the same windows, which would count twice: remove one. "
                "To draw more from a store, use a larger share: "
                "Mixed.of_groups(index, shares={0: 2, 1: 1})"
            )

"""Functions and classes that configurations name: built in, or from plug-ins or scripts.

A package adds its own by an entry point in the group of the registry, which works in every
process in which the package is installed, including workers. Names are listed without
importing the objects.

>>> FILTERS.names()[:2]
['causal', 'causal_from_rest']
"""

import importlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points
from typing import Any

from tuszstore.errors import ConfigError
from tuszstore.text import nearest


class Registry(Mapping[str, Any]):
    """Objects that a key of the configuration may name.

    A registered object may have an attribute `version`, an integer that is raised when its results
    change: recordings are then rebuilt.

    Parameters
    ----------
    kind : str
        Kind of object, for messages.
    group : str
        Group of entry points.
    builtin : mapping of str to str
        Locations of the built-in objects, as ``module:name``.
    """

    def __init__(self, kind: str, group: str, builtin: Mapping[str, str]) -> None:
        self.kind = kind
        self.group = group
        self.builtin = dict(builtin)
        self._given: dict[str, Any] = {}
        self._loaded: dict[str, Any] = {}

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            other = found.get(point.name)
            if point.name in self.builtin or (other and other.value != point.value):
                raise ConfigError(
                    f"{self.kind} {point.name!r} of {_package(point)} has the name of another one "
                    f"({_package(other) if other else 'tuszstore'}): one of the packages must "
                    "rename its own"
                )
            found[point.name] = point
        return found

    def register(self, name: str, value: Any) -> None:
        """Register an object for this process only: workers do not know it.

        Parameters
        ----------
        name : str
            What the configuration names.
        value : object
            The function or class.

        Raises
        ------
        ConfigError
            If the name is taken.
        """
        if name in self:
            raise ConfigError(f"{self.kind} {name!r} already exists")
        self._given[name] = value

    def state(self, name: str) -> str:
        """Return name, and version if not 1: a change rebuilds recordings."""
        version = self.version(name)
        return name if version == 1 else f"{name} {version}"

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted({*self.builtin, *self._plugins, *self._given})

    def check(self, name: str) -> str:
        """Return a name if it is registered.

        Raises
        ------
        ConfigError
            If it is not registered; names the nearest one.
        """
        if name not in self:
            near = nearest(name, self.names())
            hint = f"; did you mean {near!r}?" if near else ""
            raise ConfigError(
                f"unknown {self.kind} {name!r}; known are {', '.join(self.names())}{hint}"
            )
        return name

    def version(self, name: str) -> int:
        """Return the version of a registered object; 1 if it states none.

        Raises
        ------
        ConfigError
            If it is not an integer.
        """
        version = getattr(self[name], "version", 1)
        if isinstance(version, bool) or not isinstance(version, int):
            raise ConfigError(f"{self.kind} {name!r}: version must be an integer, not {version!r}")
        return version

    def __getitem__(self, name: str) -> Any:
        if name in self._given:
            return self._given[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> Any:
        if name in self.builtin:
            module, _, attribute = self.builtin[name].partition(":")
            return getattr(importlib.import_module(module), attribute)
        if name not in self._plugins:
            raise KeyError(name)
        point = self._plugins[name]
        try:
            return point.load()
        except Exception as error:  # a plug-in's module may raise anything
            raise ConfigError(
                f"{self.kind} {name!r} of {_package(point)} cannot be loaded from {point.value}: "
                f"{type(error).__name__}: {error}"
            ) from error

    def __contains__(self, name: object) -> bool:
        return name in self.builtin or name in self._given or name in self._plugins

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __repr__(self) -> str:
        return f"<Registry of {self.kind}s: {', '.join(self.names())}>"


def _package(point: EntryPoint) -> str:
    try:
        return point.dist.name if point.dist else "an unknown package"
    except PackageNotFoundError:
        return "an unknown package"


CORPORA = Registry(
    "corpus",
    "tuszstore.corpora",
    {
        "tusz": "tuszstore.corpus.tusz:Tusz",
        "chbmit": "tuszstore.corpus.chbmit:ChbMit",
        "bids": "tuszstore.corpus.bids:Bids",
        "helsinki": "tuszstore.corpus.helsinki:Helsinki",
        "seizeit": "tuszstore.corpus.seizeit:SeizeIt",
        "siena": "tuszstore.corpus.siena:Siena",
        "folder": "tuszstore.corpus.folder:Folder",
    },
)
"""Classes of :class:`tuszstore.corpus.base.Corpus`, for ``corpus.name``."""

FILTERS = Registry(
    "filter",
    "tuszstore.filters",
    {
        name: f"tuszstore.signal.filters:{name}"
        for name in ("zero_phase", "causal", "causal_from_rest")
    },
)
"""Ways of filtering, for ``signal.filter``; see :mod:`tuszstore.signal.filters`."""

RESAMPLERS = Registry(
    "resampler",
    "tuszstore.resamplers",
    {name: f"tuszstore.signal.resample:{name}" for name in ("polyphase", "fft")},
)
"""Ways of resampling, for ``signal.resample``; see :mod:`tuszstore.signal.resample`."""

NORMALISERS = Registry(
    "normaliser",
    "tuszstore.normalisers",
    {name: f"tuszstore.signal.normalise:{name}" for name in ("robust_zscore", "zscore", "none")},
)
"""Location and scale of channels, for ``signal.normalise``; see `tuszstore.signal.normalise`."""

ANNOTATIONS = Registry(
    "annotation format",
    "tuszstore.annotations",
    {
        **dict.fromkeys(("csv", "csv_bi"), "tuszstore.corpus.annotations:read_nedc_csv"),
        **dict.fromkeys(("tse", "tse_bi"), "tuszstore.corpus.old_tusz:read_tse_events"),
        **dict.fromkeys(("lbl", "lbl_bi"), "tuszstore.corpus.old_tusz:read_lbl_events"),
    },
)
"""Formats of annotation files, for ``labels.annotation``; see `tuszstore.corpus.annotations`."""

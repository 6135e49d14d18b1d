"""Functions and classes that configurations name: built in, of plug-ins, or of a script.

A package brings its own by an entry point in the group of the registry, which is found in every
process in which the package is installed, workers among them. Names are known without importing
what they stand for.

>>> FILTERS.names()[:2]
['causal', 'causal_from_rest']
"""

import difflib
import importlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points
from typing import Any

from tuszstore.errors import ConfigError


class Registry(Mapping[str, Any]):
    """What one key of the configuration may name.

    What is registered may have an attribute `version`, a whole number that is raised when it gives
    other results than before: it is part of what decides whether a recording is built again.

    Parameters
    ----------
    kind : str
        What they are, for messages.
    group : str
        Group of entry points.
    builtin : mapping of str to str
        Where each is that comes with tuszstore, as ``module:name``.
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
        """Add one by hand, for this process alone: workers do not know it.

        Raises
        ------
        ConfigError
            If the name is taken.
        """
        if name in self:
            raise ConfigError(f"there is a {self.kind} {name!r} already")
        self._given[name] = value

    def state(self, name: str) -> str:
        """Return what decides whether a recording is built again: name, and version if not 1."""
        version = self.version(name)
        return name if version == 1 else f"{name} {version}"

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted({*self.builtin, *self._plugins, *self._given})

    def check(self, name: str) -> str:
        """Return a name, if something is registered under it.

        Raises
        ------
        ConfigError
            If nothing is; the nearest name is told.
        """
        if name not in self:
            close = difflib.get_close_matches(name, self.names(), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(
                f"no {self.kind} {name!r}; there are {', '.join(self.names())}, and those of "
                f"packages that are installed here{hint}"
            )
        return name

    def version(self, name: str) -> int:
        """Return the version of what is registered under a name; 1 where it says nothing.

        Raises
        ------
        ConfigError
            If it is no whole number.
        """
        version = getattr(self[name], "version", 1)
        if isinstance(version, bool) or not isinstance(version, int):
            raise ConfigError(f"{self.kind} {name!r}: its version is no whole number: {version!r}")
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
        except Exception as error:  # whatever the module of a plug-in raises
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

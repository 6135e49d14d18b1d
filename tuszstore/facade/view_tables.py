"""The tables of a view, equal to those of an index built for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.channels.recipes import find_recipe
from tuszstore.facade.moments import find_moments
from tuszstore.facade.rated import decided_events
from tuszstore.store.absent import DISTANCES
from tuszstore.store.categories import CATEGORIES
from tuszstore.store.derived_table import DerivedTable, Made
from tuszstore.store.encoding import Encoding
from tuszstore.store.geometry import Geometry
from tuszstore.store.index import seizure_distances
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.place import ClosedError
from tuszstore.store.raters import Decided, decide
from tuszstore.store.regular import WindowGrid, place_columns, window_columns
from tuszstore.store.schema import variables
from tuszstore.store.spec import StoreSpec
from tuszstore.store.tables import BaseTable

Columns = Mapping[str, NDArray[Any]]

PLACES = ("recording", "start_block", "start_time")
HELD = ("seizure_fraction", "category", "event_classes")


@dataclass(frozen=True)
class ViewTables:
    """Everything but the signal of a view; see :class:`tuszstore.store.tables.WindowTables`.

    Attributes
    ----------
    store : StoreMetadata
        The underlying store.
    spec : StoreSpec
        Specification of the view.
    closed : list of bool
        Whether the view was closed: one shared value.
    """

    store: StoreMetadata
    spec: StoreSpec
    closed: list[bool]

    @property
    def path(self) -> Path | str:
        """Location of the store, for messages."""
        return self.store.path

    @property
    def geometry(self) -> Geometry:
        """Lengths of windows, and of the blocks of a corresponding build."""
        return self.spec.geometry

    @property
    def encoding(self) -> Encoding:
        """How the store's values are stored."""
        return self.store.encoding

    @property
    def signature(self) -> str:
        """Signature of the store, since the recordings are the same."""
        return self.store.signature

    @property
    def numbering(self) -> str:
        """Equal if window indices refer to the same windows."""
        return self.geometry.numbering(self.signature)

    @property
    def same_geometry(self) -> bool:
        """Whether the windows are those of the store."""
        own, wanted = self.store.spec, self.spec
        return (own.window, own.stride) == (wanted.window, wanted.stride)

    @property
    def same_rater(self) -> bool:
        """Whether the labels are those of the store."""
        return self.store.spec.rater == self.spec.rater

    @property
    def same_channels(self) -> bool:
        """Whether channels and units are those of the store."""
        own, wanted = self.store.spec, self.spec
        return (own.channels, own.units) == (wanted.channels, wanted.units)

    @cached_property
    def grid(self) -> WindowGrid:
        """Positions of windows."""
        if self.same_geometry:
            return self.store.grid
        return WindowGrid.of(self.store.recordings, self.store.geometry, self.geometry)

    @cached_property
    def n_windows(self) -> int:
        """Number of windows."""
        return self.store.n_windows if self.same_geometry else len(self.grid)

    @cached_property
    def windows(self) -> BaseTable:
        """Columns of `windows/*`; `start_block` is the block of the store where each begins."""
        if self.same_geometry and self.same_rater:
            return self.store.windows
        n = self.n_windows
        made = [
            Made(dict.fromkeys(PLACES, (n,)), self._places),
            Made(dict.fromkeys(HELD, (n,)), self._held),
            Made({"category_mask": (len(CATEGORIES), n)}, self._masks),
            Made({"mask": (len(CATEGORIES),)}, _names),
            Made(dict.fromkeys(DISTANCES, (n,)), self._distances),
        ]
        return DerivedTable(self.path, variables("windows"), made, None, n, 0, self.check_open)

    @cached_property
    def recordings(self) -> BaseTable:
        """Columns of `recordings/*`."""
        table = self.store.recordings
        shape = table.shape("id")
        made = []
        if not self.same_geometry:
            made.append(Made({"first_window": shape, "n_windows": shape}, self._counts))
        if not self.same_rater:
            made.append(Made({"labelled": shape}, self._labelled))
        if not self.same_channels:
            size = (*shape, len(self.spec.channels))
            made.append(Made({"mean": size, "sd": size}, self._moments))
            names = ("interpolated", "flat", "interpolated_samples")
            known = [name for name in names if name in table.variables]
            made.append(Made(dict.fromkeys(known, size), self._states))
        if not made:
            return table
        return DerivedTable(
            self.path,
            variables("recordings"),
            made,
            table,
            shape[0],
            len(self.spec.channels),
            self.check_open,
        )

    @cached_property
    def events(self) -> BaseTable:
        """Columns of `events/*`; under another rater, including that rater's decisions."""
        if self.same_rater:
            return self.store.events
        columns = decided_events(self.store.events, self.decided, self.spec)
        made = Made({name: column.shape for name, column in columns.items()}, lambda: columns)
        n_rows = len(columns["recording"])
        return DerivedTable(
            self.path, variables("events"), [made], None, n_rows, 0, self.check_open
        )

    @cached_property
    def decided(self) -> Decided:
        """Spans that define the labels, under the view's rater.

        Raises
        ------
        ValueError
            If there is no such rater.
        """
        return decide(self.store.recordings, self.store.events, self.spec.rater)

    @property
    def left_out(self) -> BaseTable:
        """Columns of `left_out/*`."""
        return self.store.left_out

    def check_rater(self) -> None:
        """Reject an unknown rater, before anything is read.

        Raises
        ------
        ValueError
            Names the known ones.
        """
        if not self.same_rater:
            _ = self.decided

    def check_open(self) -> None:
        """Raise if the view or its store was closed.

        Raises
        ------
        ClosedError
        """
        self.store.check_open()
        if self.closed[0]:
            raise ClosedError(self.path)

    def close(self) -> None:
        """Drop computed columns; the store is unchanged."""
        self.closed[0] = True
        for name in ("windows", "recordings", "events"):
            table = vars(self).get(name)
            if isinstance(table, DerivedTable):
                table.forget()

    def _places(self) -> Columns:
        first_block = self.store.recordings["first_block"]
        return place_columns(self.grid, first_block, self.store.geometry.block)

    def _held(self) -> Columns:
        return window_columns(self.grid, self.recordings, self.events, self.spec)

    def _masks(self) -> Columns:
        return {"category_mask": self.windows["category"] == np.arange(len(CATEGORIES))[:, None]}

    def _distances(self) -> Columns:
        return seizure_distances(self.windows, self.recordings, self.events, self.spec)

    def _counts(self) -> Columns:
        return {"first_window": self.grid.first_window, "n_windows": self.grid.n_windows}

    def _labelled(self) -> Columns:
        return {"labelled": self.decided.labelled}

    def _moments(self) -> Columns:
        """Return means and standard deviations that convert values to µV."""
        shape = (self.store.recordings.shape("id")[0], len(self.spec.channels))
        if self.spec.units == "uV":
            return {"mean": np.zeros(shape), "sd": np.ones(shape)}
        mean, sd = find_moments(self.store, self.spec.channels, self.spec.average_of)
        return {"mean": mean, "sd": sd}

    def _states(self) -> Columns:
        """Return the state of channels (interpolated, flat) from those of their sources."""
        table, spec = self.store.recordings, self.spec
        recipes = [find_recipe(c, self.store.spec.channels, spec.average_of) for c in spec.channels]
        parts = [[row for row, _ in recipe or ()] for recipe in recipes]
        found: dict[str, NDArray[Any]] = {}
        for name, join in (
            ("interpolated", np.any),
            ("interpolated_samples", np.max),
        ):
            if name in table.variables:
                values = table[name]
                found[name] = np.stack([join(values[:, rows], axis=1) for rows in parts], axis=1)
        if "flat" in table.variables:
            # minus the average, a flat electrode shows the other electrodes
            flat = [
                table["flat"][:, rows].all(axis=1)
                for rows, channel in zip(parts, spec.channels, strict=True)
            ]
            found["flat"] = np.stack(flat, axis=1)
        return found


def _names() -> Columns:
    return {"mask": np.array(CATEGORIES, object)}

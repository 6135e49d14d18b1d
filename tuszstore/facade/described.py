"""Window metadata, without signals: tables, channels, and selections."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.read.selection import select_windows
from tuszstore.store.categories import CATEGORIES
from tuszstore.store.spec import StoreSpec
from tuszstore.store.tables import BaseTable, WindowTables

if TYPE_CHECKING:
    import xarray


class Described(ABC):
    """Windows of recordings, with their metadata.

    Attributes
    ----------
    metadata : WindowTables
        Tables as NumPy arrays, and the meaning of values; the Datasets are views of these.
    """

    metadata: WindowTables

    @property
    @abstractmethod
    def attrs(self) -> dict[str, Any]:
        """Attributes of the root: split, policy, configuration, versions, warnings."""

    @property
    def path(self) -> Path | str:
        """Location of the store: a folder, or a URL without credentials."""
        return self.metadata.path

    @property
    def name(self) -> str:
        """Last part of the path, such as ``train.zarr``."""
        return PurePosixPath(str(self.path)).name

    @property
    def spec(self) -> StoreSpec:
        """Specification of the content: channels, rate, filters, windows, classes."""
        return self.metadata.spec

    @property
    def config(self) -> Mapping[str, Any]:
        """Configuration with which the store was built, for information."""
        return dict(self.attrs.get("config") or {})

    @property
    def sfreq(self) -> float:
        """Sampling rate (Hz); an int if it is integral."""
        sfreq = self.metadata.spec.sfreq
        return int(sfreq) if float(sfreq).is_integer() else sfreq

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels, in order."""
        return self.metadata.spec.channel_names

    @cached_property
    def index(self) -> "xarray.Dataset":
        """The windows table: ``recording``, ``start_time`` (s), ``category``, ``patient``, ...

        Columns are loaded on first use; :meth:`select` finds windows by their values.
        """
        from tuszstore.datasets.tables import index_dataset

        return index_dataset(self.metadata)

    @cached_property
    def recordings(self) -> "xarray.Dataset":
        """The recordings table; ``mean`` and ``sd`` are in µV, ``(recording, channel)``."""
        return self._dataset(self.metadata.recordings)

    @cached_property
    def events(self) -> "xarray.Dataset":
        """The annotated events, in seconds as annotated and in samples of the store."""
        return self._dataset(self.metadata.events)

    @cached_property
    def left_out(self) -> "xarray.Dataset":
        """Excluded recordings of the split, and why."""
        return self._dataset(self.metadata.left_out)

    def shown(self) -> dict[str, str]:
        """Return how this differs from a single stored store."""
        return {}

    def shown_text(self) -> str:
        """Return :meth:`shown` in one line; may be empty."""
        return "; ".join(f"{name}: {text}" for name, text in self.shown().items())

    def mask(self, category: str) -> NDArray[np.bool_]:
        """Return which windows have a category.

        Parameters
        ----------
        category : {"no_seizure", "partial_seizure", "full_seizure"}
            Unlabelled windows have none.

        Returns
        -------
        ndarray of bool, shape (window,)
            True for the windows of the category.

        Raises
        ------
        ValueError
            If there is no such category.
        """
        if category not in CATEGORIES:
            raise ValueError(f"unknown category {category!r}; known are {', '.join(CATEGORIES)}")
        mask: NDArray[np.bool_] = self.metadata.windows["category_mask"][CATEGORIES.index(category)]
        return mask

    def select(
        self,
        *,
        patient: str | Sequence[str] | None = None,
        category: str | Sequence[str] | None = None,
        event_class: str | Sequence[str] | None = None,
        montage: str | Sequence[str] | None = None,
        recording: str | int | Sequence[str | int] | None = None,
        min_fraction: float | None = None,
        min_seizure_free_before: float | None = None,
        min_seizure_free_after: float | None = None,
    ) -> NDArray[np.int64]:
        """Return the indices of the windows that fulfil all conditions, in order.

        Parameters
        ----------
        patient, montage : str or sequence of str, optional
            Names as in the table `recordings`.
        category : str or sequence of str, optional
            One or several of ``no_seizure``, ``partial_seizure``, ``full_seizure``.
        event_class : str or sequence of str, optional
            Windows with a sample of one of these classes, such as ``"tcsz"``.
        recording : str, int or sequence of them, optional
            By id, by file name with or without suffix, or by row of `recordings`.
        min_fraction : float, optional
            Minimum fraction of samples in a seizure.
        min_seizure_free_before, min_seizure_free_after : float, optional
            Minimum time (s) before and after the window that is recorded and annotated without a
            seizure: guard zones. The patient's other recordings count if clocks give their
            times; a gap of more than a second ends it. A window with a seizure has 0 s.

        Raises
        ------
        ValueError
            If the store has no such value, naming known ones; if a time is negative.
        """
        return select_windows(
            self.metadata,
            patient=patient,
            category=category,
            event_class=event_class,
            montage=montage,
            recording=recording,
            min_fraction=min_fraction,
            min_seizure_free_before=min_seizure_free_before,
            min_seizure_free_after=min_seizure_free_after,
        )

    def __len__(self) -> int:
        return self.metadata.n_windows

    def _dataset(self, table: BaseTable) -> "xarray.Dataset":
        from tuszstore.datasets.tables import table_dataset

        return table_dataset(table, self.channels)

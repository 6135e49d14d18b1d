"""The engine ``tuszstore`` of :func:`xarray.open_dataset`: opens stores by path."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xarray

from tuszstore.datasets.windows import OpenStores
from tuszstore.store.metadata import read_attributes


class TuszstoreBackend(OpenStores):
    """The engine ``tuszstore``; xarray finds it by its entry point."""

    description = "Windows of EEG with seizure labels, from a store that tuszstore has built"

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Return whether this is the path of a complete store."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        attributes = read_attributes(Path(filename_or_obj))
        return (
            attributes.get("complete") is True
            # of any schema version: opening rejects unsupported ones by name
            and {"schema_version", "content_digest"} <= attributes.keys()
        )

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None
    ) -> xarray.Dataset:
        """Return the windows of a store.

        Parameters
        ----------
        filename_or_obj : path or Store
            Path or URL of a store, or an open store, view or series, which stays open when the
            Dataset is closed.
        drop_variables : str or iterable of str, optional
            Variables and coordinates to omit; they are not loaded.

        Returns
        -------
        xarray.Dataset
            As from :meth:`tuszstore.Store.to_xarray`.

        Raises
        ------
        StoreError
            As from :func:`tuszstore.open`.
        """
        from tuszstore.api import open_store
        from tuszstore.facade.windows import WindowCollection

        if isinstance(filename_or_obj, WindowCollection):  # a store passed in is not closed
            return super().open_dataset(filename_or_obj, drop_variables=drop_variables)
        store = open_store(filename_or_obj)
        dataset = super().open_dataset(store, drop_variables=drop_variables)
        dataset.set_close(store.close)
        return dataset

    def open_datatree(self, filename_or_obj: Any, **_: Any) -> Any:
        """Raise: this engine opens a store as one Dataset.

        Raises
        ------
        NotImplementedError
            Names the alternative.
        """
        raise NotImplementedError(_one_dataset(filename_or_obj))

    def open_groups_as_dict(self, filename_or_obj: Any, **_: Any) -> Any:
        """Raise, like :meth:`open_datatree`."""
        raise NotImplementedError(_one_dataset(filename_or_obj))


def _one_dataset(path: Any) -> str:
    return (
        f"{path}: the engine tuszstore opens a store as one Dataset: use xarray.open_dataset, and "
        "store.recordings, store.events and store.left_out of tuszstore.open for its tables; a "
        "tree of its stored arrays is opened by engine='zarr'"
    )

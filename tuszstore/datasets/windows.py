"""The windows of a store as an xarray Dataset.

Everything stays on disk until values are requested. Then the store's reader reads only the windows
that are needed, and of window metadata, such as patients, only the columns that are used.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray
from numpy.typing import NDArray
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

from tuszstore.datasets.tables import index_explicitly, lazy_column, outer
from tuszstore.datasets.window_numbers import window_numbers
from tuszstore.store.categories import CATEGORIES, UNLABELLED
from tuszstore.store.labels import flag_attributes

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection

CHUNK_BYTES = 1 << 27
"""Signal of a Dask chunk, at most: a recording beyond that is cut into equal parts."""

READ_BYTES = 1 << 26
"""Signal that is read at a time where only a part of every window is kept."""

_ATTRIBUTES = ("split", "split_policy", "config_hash", "created")


class OpenStores(BackendEntrypoint):
    """An engine for stores that are open; that of paths is :mod:`tuszstore.xarray`."""

    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None
    ) -> xarray.Dataset:
        """Return the windows of a store.

        Parameters
        ----------
        filename_or_obj : Store
        drop_variables : str or iterable of str, optional
            Variables and coordinates to leave out; they are not loaded.
        """
        dropped = [drop_variables] if isinstance(drop_variables, str) else drop_variables
        return windows_dataset(filename_or_obj, set(dropped or ()))


def open_windows(store: "WindowCollection", chunks: Any = None) -> xarray.Dataset:
    """Return the windows of a store that is open; see :meth:`tuszstore.Store.to_xarray`."""
    opened: Any = store  # engines may accept other types than the annotation says
    dataset = xarray.open_dataset(opened, engine=OpenStores)
    if chunks is None:
        return dataset
    lazy = xarray.open_dataset(
        opened, engine=OpenStores, cache=False, drop_variables=[*map(str, dataset.coords)]
    )
    if isinstance(chunks, Mapping):
        chunks = {**lazy["windows"].encoding["preferred_chunks"], **chunks}
    # coordinates stay as they are: xarray does not group by Dask arrays
    return lazy.chunk(chunks).assign_coords(dataset.coords)


class _LazyWindows(BackendArray):
    """Values of a store's windows, read when indexed.

    Thread-safe. A pickle contains the location of the store, not its data.

    Parameters
    ----------
    store : Store
    method : {"signal", "labels"}
        Method of the store's reader.
    shape : tuple of int
        The first axis is the window.
    dtype : numpy.dtype
    """

    def __init__(
        self, store: "WindowCollection", method: str, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._store = store
        self._method = method

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return index_explicitly(key, self.shape, self._outer)

    def _outer(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Index each axis independently, with little more memory than the result needs."""
        read = getattr(self._store.reader, self._method)
        head, *others = key
        numbers = np.arange(self.shape[0])[head]
        windows = np.atleast_1d(numbers)
        if all(_is_whole(part, size) for part, size in zip(others, self.shape[1:], strict=True)):
            out = read(windows)
        else:
            rest = (slice(None), *others)
            kept = outer(np.empty((0, *self.shape[1:]), self.dtype), rest).shape[1:]
            out = np.empty((len(windows), *kept), self.dtype)
            step = max(1, READ_BYTES // (math.prod(self.shape[1:]) * self.dtype.itemsize))
            for start in range(0, len(windows), step):
                portion = slice(start, start + step)
                out[portion] = outer(read(windows[portion]), rest)
        return np.asarray(out if numbers.ndim else out[0])


def _is_whole(part: Any, size: int) -> bool:
    return isinstance(part, slice) and part.indices(size) == (0, size, 1)


def chunk_sizes(n_windows: Iterable[int], window_bytes: int) -> tuple[int, ...]:
    """Return the windows of each Dask chunk: a recording, or an equal part of a long one.

    Parameters
    ----------
    n_windows : iterable of int
        Number of windows of each recording, in order.
    window_bytes : int
        Signal of a window.
    """
    most = max(1, CHUNK_BYTES // window_bytes)
    sizes: list[int] = []
    for count in n_windows:
        n_parts = -(-count // most)
        sizes += [(count + k) // n_parts for k in range(n_parts)]
    return tuple(sizes) or (0,)


def windows_dataset(store: "WindowCollection", dropped: Collection[str] = ()) -> xarray.Dataset:
    """Return the windows of a store, read each time values are requested.

    Parameters
    ----------
    store : Store
    dropped : collection of str
        Variables and coordinates to leave out; they are not loaded.
    """
    coordinates, variables = _coordinates(store), _variables(store)
    return xarray.Dataset(
        {name: value for name, value in variables.items() if name not in dropped},
        {name: value for name, value in coordinates.items() if name not in dropped},
        {
            **{name: store.attrs[name] for name in _ATTRIBUTES if name in store.attrs},
            "sfreq": store.sfreq,
            **({"view": shown} if (shown := store.shown_text()) else {}),
        },
    )


def _variables(store: "WindowCollection") -> dict[str, xarray.Variable]:
    """Return signal and labels."""
    sizes = {
        "window": len(store),
        "channel": len(store.channels),
        "sample": store.metadata.geometry.window,
    }
    counts = store.metadata.recordings["n_windows"].tolist()
    window_bytes = 4 * sizes["channel"] * sizes["sample"]
    chunks = {**sizes, "window": chunk_sizes(counts, window_bytes)}

    def lazy(
        method: str, dims: tuple[str, ...], dtype: str, attributes: dict[str, Any]
    ) -> xarray.Variable:
        shape = tuple(sizes[dim] for dim in dims)
        array = indexing.LazilyIndexedArray(_LazyWindows(store, method, shape, np.dtype(dtype)))
        encoding = {"preferred_chunks": {dim: chunks[dim] for dim in dims}}
        return xarray.Variable(dims, array, attributes, encoding)

    signal = {"long_name": "EEG", "units": store.spec.units}
    if signal["units"] == "1":
        signal["comment"] = "z-scores: times sd plus mean of the recording they are uV"
    labels = {"long_name": "Event classes", "comment": "0 is background"}
    flags = _flags(store.spec.classes, unlabelled=True)
    return {
        "windows": lazy("signal", ("window", "channel", "sample"), "float32", signal),
        "labels": lazy("labels", ("window", "sample"), "uint16", {**labels, **flags}),
    }


def _coordinates(store: "WindowCollection") -> dict[str, xarray.Variable]:
    """Return metadata of windows, channels and samples."""
    windows, recordings = store.metadata.windows, store.metadata.recordings

    def along_windows(
        load: Callable[..., NDArray[Any]], name: str, dtype: str, comment: str, **more: Any
    ) -> xarray.Variable:
        column = lazy_column((len(store),), np.dtype(dtype), partial(load, store, name))
        return xarray.Variable("window", column, {"comment": comment, **more})

    def of_window(name: str, **more: Any) -> xarray.Variable:
        known = windows.variables[name]
        return along_windows(_load, name, known.dtype, known.comment, **known.attributes, **more)

    def of_recording(name: str) -> xarray.Variable:
        return along_windows(_load_joined, name, "object", recordings.variables[name].comment)

    times = np.arange(store.metadata.geometry.window) / store.sfreq
    return {
        "window": xarray.Variable(
            "window", window_numbers(store), {"comment": "Number of the window in the store"}
        ),
        "channel": xarray.Variable("channel", np.array(store.channels, object)),
        "time": xarray.Variable(
            "sample", times, {"comment": "From the start of the window", "units": "s"}
        ),
        "store": along_windows(_load_path, "store", "object", "Path or URL of the window's store"),
        **(
            {"source": along_windows(_load_source, "source", "object", "Name of that store")}
            if "source" in windows.variables
            else {}
        ),
        "recording": of_recording("id"),
        "patient": of_recording("patient"),
        **{
            name: of_recording(name)
            for name in ("session", "montage")
            if name in recordings.variables
        },
        "category": along_windows(
            _load_names,
            "category",
            "object",
            f"Category by seizure fraction; {UNLABELLED} without annotation",
        ),
        "start_time": of_window("start_time"),
        "seizure_fraction": of_window("seizure_fraction"),
        "event_classes": of_window("event_classes", **_flags(store.spec.classes)),
    }


# each returns a copy: changes by a user must not affect the store's tables


def _load(store: "WindowCollection", name: str) -> NDArray[Any]:
    return store.metadata.windows[name].copy()


def _load_path(store: "WindowCollection", _: str) -> NDArray[Any]:
    if "source" in store.metadata.windows.variables:
        paths = np.array([str(part.path) for part in _series(store).stores], object)
        of_each: NDArray[Any] = paths[store.metadata.windows["source"]]
        return of_each
    return np.full(len(store), str(store.path), object)


def _load_source(store: "WindowCollection", name: str) -> NDArray[Any]:
    sources = np.empty(len(_series(store).sources), object)
    sources[:] = _series(store).sources
    values: NDArray[Any] = sources[store.metadata.windows[name]]
    return values


def _series(store: "WindowCollection") -> Any:
    """Return the store, which is a series here, without a type."""
    return store


def _load_joined(store: "WindowCollection", name: str) -> NDArray[Any]:
    values: NDArray[Any] = store.metadata.recordings[name][store.metadata.windows["recording"]]
    return values


def _load_names(store: "WindowCollection", name: str) -> NDArray[Any]:
    names = np.array([*CATEGORIES, UNLABELLED], object)
    values: NDArray[Any] = names[store.metadata.windows[name]]  # UNKNOWN_CATEGORY is the last
    return values


def _flags(classes: tuple[str, ...], *, unlabelled: bool = False) -> dict[str, Any]:
    """Return the CF attributes of class bits, in the data type of the bits."""
    flags = flag_attributes(classes)
    masks, meanings = flags["flag_masks"], flags["flag_meanings"].split()
    stop = None if unlabelled else len(classes)
    return {
        "flag_masks": np.array(masks[:stop], np.uint16),
        "flag_meanings": " ".join(meanings[:stop]),
    }

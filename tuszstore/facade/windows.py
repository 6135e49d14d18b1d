"""The base class of stores, views and series: windows with their metadata."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import numpy as np
from numpy.typing import NDArray

from tuszstore.compat import explain_missing
from tuszstore.facade.described import Described
from tuszstore.indices import Indices, check_index, is_single
from tuszstore.read.arrays import WindowArray
from tuszstore.read.base import SignalReader
from tuszstore.read.targets import Label, Margins, Rule, Target

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure
    from mne import EpochsArray
    from mne.io import RawArray

    from tuszstore.browse.server import Browsing
    from tuszstore.evaluate.predictions import Predictions

Chunks = Mapping[str, Any] | Literal["auto"] | int | None
"""What :meth:`WindowCollection.to_xarray` passes to xarray."""


class WindowCollection(Described):
    """Windows of recordings, read on demand.

    Samplers, ``WindowDataset``, ``WindowLoader``, xarray, MNE and plots accept any of them. A
    subclass defines `metadata` (everything but the signal), `reader` (which reads the signal),
    and how it is closed and pickled.

    Attributes
    ----------
    metadata : WindowTables
        Tables as NumPy arrays, and the meaning of values; the Datasets are views of these.
    """

    @property
    @abstractmethod
    def reader(self) -> SignalReader:
        """Reader of the windows."""

    @property
    @abstractmethod
    def remote(self) -> bool:
        """Whether it is read from an object store, where each request is a round trip."""

    @abstractmethod
    def close(self) -> None:
        """Release files, tables and buffers; may be called twice."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether it was closed."""

    @property
    def windows(self) -> WindowArray:
        """Signals, ``(window, channel, sample)`` float32, read when indexed."""
        geometry = self.metadata.geometry
        shape = (len(self), len(self.channels), geometry.window)
        return WindowArray(
            "windows",
            shape,
            np.dtype(np.float32),
            ("window", "channel", "sample"),
            self.reader.signal,
            (1, len(self.channels), geometry.block),
        )

    @property
    def labels(self) -> WindowArray:
        """Class bits, ``(window, sample)`` uint16, 0 for background; computed when indexed."""
        shape = (len(self), self.metadata.geometry.window)
        return WindowArray(
            "labels",
            shape,
            np.dtype(np.uint16),
            ("window", "sample"),
            self.reader.labels,
        )

    @overload
    def read(
        self,
        indices: Indices,
        *,
        labels: Literal[False] = ...,
        out: NDArray[Any] | None = ...,
    ) -> NDArray[np.float32]: ...

    @overload
    def read(
        self, indices: Indices, *, labels: Literal[True], out: NDArray[Any] | None = ...
    ) -> tuple[NDArray[np.float32], NDArray[np.uint16]]: ...

    def read(
        self, indices: Indices, *, labels: bool = False, out: NDArray[Any] | None = None
    ) -> Any:
        """Read windows by their indices.

        Parameters
        ----------
        indices : array_like of int or bool, shape (window,), slice, or int
            In any order, possibly repeated; negative ones count from the end. Or a mask of all
            windows. An integer reads one window without the window axis, as in NumPy.
        labels : bool
            Whether to return the class bits as well.
        out : ndarray of float32, shape ([window,] channel, sample), optional
            C-contiguous array to fill, instead of new memory.

        Returns
        -------
        signal : ndarray of float32, shape ([window,] channel, sample)
            z-scores, or µV if `spec.units` says so; `out`, if given.
        labels : ndarray of uint16, shape ([window,] sample)
            Only with `labels`.

        Raises
        ------
        IndexError, TypeError
            If an index is out of range, or not an integer; or `out` is not an array.
        ValueError
            If `out` cannot be filled.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        if out is not None and not isinstance(out, np.ndarray):
            raise TypeError(f"out must be a NumPy array, not {type(out).__name__}")
        if is_single(indices):
            number = check_index(indices, len(self))
            signal = self.reader.signal([number], None if out is None else out[None])[0]
            signal = signal if out is None else out
            return (signal, self.labels[number]) if labels else signal
        signal = self.reader.signal(indices, out)
        return (signal, self.reader.labels(indices)) if labels else signal

    def read_recording(
        self,
        recording: str | int,
        start: float = 0.0,
        stop: float | None = None,
        *,
        microvolts: bool = False,
    ) -> NDArray[np.float32]:
        """Read a stretch of one recording, independent of windows.

        Parameters
        ----------
        recording : str or int
            Id, file name with or without suffix, or row of `recordings`.
        start, stop : float
            Seconds from the start of the recording, rounded to samples; by default to its end.
        microvolts : bool
            Whether to undo the normalisation, with the recording's mean and standard deviation.
            Clipped values stay clipped.

        Returns
        -------
        ndarray of float32, shape (channel, sample)
            As stored, or in µV.

        Raises
        ------
        ValueError
            If there is no such recording or stretch.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        return self.reader.recording(recording, start, stop, microvolts=microvolts)

    def targets(
        self,
        indices: Indices,
        label: Label = "seizure",
        *,
        horizon: float | None = None,
        interval: float | None = None,
        rule: Rule | None = None,
        ignore: Margins | None = None,
    ) -> NDArray[Any]:
        """Return the labels of windows for training, like loaders do.

        Parameters
        ----------
        indices : array_like of int or bool, shape (window,), slice, or int
            Windows, as for :meth:`read`.
        label, horizon, interval, rule, ignore
            As of :meth:`tuszstore.read.targets.Target.of`.

        Returns
        -------
        ndarray of float32, or of int32 for class bits
            ``([window,] sample)``; without `sample` with a `rule` and for ``preictal``; and
            ``([window,] channel, sample)`` for ``channels``. NaN where unlabelled.

        Raises
        ------
        ValueError
            If there is no such label, or it does not take an option.
        IndexError, TypeError
            If an index is out of range, or not an integer.
        """
        target = Target.of(label, horizon=horizon, interval=interval, rule=rule, ignore=ignore)
        if is_single(indices):
            number = check_index(indices, len(self))
            return np.asarray(self.reader.target(target, [number])[0])
        return self.reader.target(target, indices)

    def to_xarray(self, *, chunks: Chunks = None) -> "xarray.Dataset":
        """Return all windows as one lazy Dataset.

        Parameters
        ----------
        chunks : mapping, int or "auto", optional
            As of :func:`xarray.open_dataset`. ``{}`` makes Dask arrays with a chunk for each
            recording, or for equal parts of one that takes more than 128 MiB. Unlike there, only
            signal and labels are chunked, so that ``groupby`` knows its groups.

        Returns
        -------
        xarray.Dataset
            ``windows`` ``(window, channel, sample)`` float32 and ``labels`` ``(window, sample)``
            uint16. Along ``window``, which counts from 0: ``recording`` (id), ``patient``,
            ``session``, ``montage``, ``category`` (its name; ``unlabelled`` without annotation),
            ``start_time`` (s), ``seizure_fraction`` and ``event_classes``; besides ``channel``
            and, along ``sample``, ``time`` (s from the start of the window).
        """
        from tuszstore.datasets.windows import open_windows

        return open_windows(self, chunks)

    def to_raw(self, recording: str | int, *, annotations: bool = True) -> "RawArray":
        """Return a recording as an MNE object, in volts.

        Parameters
        ----------
        recording : str or int
            Id, file name with or without suffix, or row of `recordings`.
        annotations : bool
            Whether its events become annotations: class, onset and duration as annotated, cut to
            the recording, and channels unless the whole montage is meant.

        Returns
        -------
        mne.io.RawArray
            With positions of the 10-20 system and no measurement date. A channel without signal
            is among the bads; one that was interpolated is named in ``info["description"]``, as
            are filters, repairs, and that a recording is unlabelled.

        Raises
        ------
        ValueError
            If there is no such recording, or nothing of it is stored.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        from tuszstore.plotting.mne_objects import make_raw

        return make_raw(self, recording, annotations=annotations)

    def to_epochs(self, indices: Indices) -> "EpochsArray":
        """Return windows as epochs of MNE, in volts.

        Parameters
        ----------
        indices : array_like of int or bool, slice, or int
            Windows, as for :meth:`read`. An epoch takes 2.3 MB of memory.

        Returns
        -------
        mne.EpochsArray
            In the order given; event ids by category, and metadata with ``window``, ``recording``,
            ``patient``, ``session``, ``montage``, ``start_time``, ``category``,
            ``seizure_fraction`` and ``event_classes``. A channel without signal in any of the
            recordings is among the bads.

        Raises
        ------
        ValueError
            If there are no windows.
        IndexError, TypeError
            If an index is out of range, or not an integer.
        StoreError
            If a block is missing or damaged, naming recording and time.
        """
        from tuszstore.plotting.mne_objects import make_epochs

        return make_epochs(self, indices)

    def browse(
        self,
        predictions: "Predictions | None" = None,
        *,
        threshold: float = 0.5,
        indices: Indices | None = None,
        recording: str | int | None = None,
        at: float = 0.0,
        port: int = 0,
    ) -> "Browsing":
        """Serve pages to browse the recordings, only to this machine.

        In a notebook the result is displayed; elsewhere open its ``url``. `docs/browse.md` has the
        keys.

        Parameters
        ----------
        predictions : Predictions, optional
            Predictions of this store, shown beside seizures, with lists of misses and false alarms.
        threshold : float
            Minimum probability of an event.
        indices : array_like of int or bool, or slice, optional
            Windows to jump to, such as those that a sampler draws.
        recording : str or int, optional
            Recording to show first.
        at : float
            Time (s) to show first.
        port : int
            Port of the server; 0 chooses a free one.

        Returns
        -------
        Browsing
            Served until its ``close()``, or the end of the process.

        Raises
        ------
        ValueError
            If there is no such recording.
        PredictionError
            If the predictions are of another store.
        OSError
            If the port is taken.
        """
        with explain_missing():
            from tuszstore.browse.server import browse
        return browse(
            self,
            predictions,
            threshold=threshold,
            indices=indices,
            recording=recording,
            at=at,
            port=port,
        )

    def plot(
        self,
        number: int,
        *,
        bipolar: bool = False,
        scale: float | None = None,
        negative_up: bool = True,
        width: float = 14.0,
    ) -> "Figure":
        """Draw a window.

        :func:`tuszstore.plotting.plots.plot_recording` draws any stretch of a recording.

        Parameters
        ----------
        number : int
            Index of the window; negative ones count from the end.
        bipolar, scale, negative_up, width
            As of :func:`tuszstore.plotting.plots.plot_window`.

        Returns
        -------
        matplotlib.figure.Figure
            In a notebook it is displayed.
        """
        with explain_missing():
            from tuszstore.plotting.plots import plot_window
        return plot_window(
            self, number, bipolar=bipolar, scale=scale, negative_up=negative_up, width=width
        )

    def __enter__(self) -> Self:
        self.metadata.check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repr_html_(self) -> str:
        from tuszstore.plotting.reprs import store_html

        return store_html(self)

"""The interface of readers of windows: of a store, a view or several stores."""

from typing import Any, Protocol

from numpy.typing import NDArray

from tuszstore.indices import Indices
from tuszstore.read.labels import Shift
from tuszstore.read.targets import Target


class SignalReader(Protocol):
    """Signals and labels of windows; safe to use from several threads at once."""

    def signal(
        self, indices: Indices, out: NDArray[Any] | None = None, shift: Shift = None
    ) -> NDArray[Any]:
        """Read windows; see :meth:`tuszstore.read.windows.WindowReader.signal`."""

    def labels(self, indices: Indices, shift: Shift = None) -> NDArray[Any]:
        """Return the class bits of windows, ``(window, sample)`` uint16."""

    def target(
        self,
        target: Target,
        indices: Indices,
        out: NDArray[Any] | None = None,
        shift: Shift = None,
    ) -> NDArray[Any]:
        """Return the labels of windows for a target, as used in training."""

    def load_labels(self, target: Target) -> None:
        """Load the tables for labels: in a thread it may be too late."""

    def recording(
        self,
        recording: str | int,
        start: float = 0.0,
        stop: float | None = None,
        *,
        microvolts: bool = False,
    ) -> NDArray[Any]:
        """Read a stretch of one recording, ``(channel, sample)`` float32."""

    def length(self, recording: str | int) -> int:
        """Return how many samples of a recording can be read, from its start."""

    def limit_threads(self, n_threads: int) -> None:
        """Set the maximum number of threads, from the next batch on."""

    def close(self) -> None:
        """Release files and buffers."""

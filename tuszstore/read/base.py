"""What reads windows, be they of a store, of a view or of several."""

from typing import Any, Protocol

from numpy.typing import NDArray

from tuszstore.indices import Indices


class SignalReader(Protocol):
    """Signals and labels of windows; safe to use from several threads at once."""

    def signal(self, indices: Indices, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Read windows; see :meth:`tuszstore.read.windows.WindowReader.signal`."""

    def labels(self, indices: Indices) -> NDArray[Any]:
        """Return the class bits of windows, ``(window, sample)`` uint16."""

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

    def close(self) -> None:
        """Let go of files and buffers."""

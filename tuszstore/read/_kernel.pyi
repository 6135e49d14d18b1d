from typing import Any

from numpy.typing import NDArray

UNKNOWN: str
SHARED: int

def fill(
    folder: int,
    name: str,
    begin: int,
    content: Any,
    spans: Any,
    first: int,
    targets: Any,
    out: NDArray[Any],
    scratch: Any,
    shape: tuple[int, int, int],
    itemsize: int,
    scale: float,
    compressed: bool,
    verify: bool,
    rows: tuple[Any, ...] | None = None,
    /,
) -> bool | tuple[int, str]: ...

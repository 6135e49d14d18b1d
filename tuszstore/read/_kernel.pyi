from typing import Any

from numpy.typing import NDArray

UNKNOWN: str

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
    /,
) -> bool | tuple[int, str]: ...

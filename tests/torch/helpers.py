"""What the tests of the torch room share."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any


def seen(batches: Iterable[Any]) -> list[list[int]]:
    """Return the windows of each batch of a loader with `return_meta`."""
    return [batch[2]["window"].tolist() for batch in batches]


def flat(parts: Iterable[list[int]]) -> list[int]:
    return [number for numbers in parts for number in numbers]


def prefetch_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "tuszstore-prefetch"]


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    stop = time.monotonic() + seconds
    while not condition() and time.monotonic() < stop:
        time.sleep(0.01)
    return condition()

"""Loaded by Dask workers in the tests: recordings that wait, or take all memory."""

import functools
import inspect
import os
import time
from pathlib import Path
from typing import Any

from tuszstore.builder import recording

GATES = Path(os.environ["TUSZSTORE_TEST_GATES"])
# Dask may load this twice
original = inspect.unwrap(recording.read_microvolts)


@functools.wraps(original)
def read_microvolts(corpus: Any, source: Any, *args: Any) -> Any:
    path = source.path
    if (GATES / path.stem).exists():
        (GATES / f"{path.stem}.waits").touch()
        while not (GATES / "open").exists():
            time.sleep(0.05)
    hoard = []
    while (GATES / f"{path.stem}.hungry").exists():
        hoard.append(bytes(20_000_000))
        hoard[-1] = bytearray(hoard[-1])  # touched, so that it is there
        time.sleep(0.02)
    return original(corpus, source, *args)


recording.read_microvolts = read_microvolts

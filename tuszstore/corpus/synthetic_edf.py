"""Writing EDF files of whole seconds, for the synthetic corpus.

Fields are as the specification has them (Kemp et al. 1992, https://www.edfplus.info/specs/edf.html),
and a record is one second. Only what the synthetic corpus needs is supported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trace:
    """One signal of a file.

    Attributes
    ----------
    label : str
    samples : ndarray of int16, shape (sample,)
        As stored, from -32768 to 32767.
    rate : int
        Samples per second.
    unit : str
    limits : (float, float)
        What -32768 and 32767 mean, in `unit`.
    """

    label: str
    samples: NDArray[np.int16]
    rate: int
    unit: str
    limits: tuple[float, float]


def write_records(path: Path, traces: Sequence[Trace], *, patient: str, recording: str) -> None:
    """Write signals of equal duration as records of one second.

    Parameters
    ----------
    path : Path
    traces : sequence of Trace
    patient, recording : str
        Local identifications of the header.
    """
    n_records = len(traces[0].samples) // traces[0].rate
    columns: list[tuple[int, list[str]]] = [
        (16, [trace.label for trace in traces]),
        (80, ["Unknown"] * len(traces)),
        (8, [trace.unit for trace in traces]),
        (8, [_number(trace.limits[0]) for trace in traces]),
        (8, [_number(trace.limits[1]) for trace in traces]),
        (8, ["-32768"] * len(traces)),
        (8, ["32767"] * len(traces)),
        (80, [""] * len(traces)),
        (8, [str(trace.rate) for trace in traces]),
        (32, [""] * len(traces)),
    ]
    fields = [
        (8, "0"),
        (80, patient),
        (80, recording),
        (8, "01.01.85"),
        (8, "00.00.00"),
        (8, str(256 * (len(traces) + 1))),
        (44, ""),
        (8, str(n_records)),
        (8, "1"),
        (4, str(len(traces))),
        *((width, text) for width, column in columns for text in column),
    ]
    records = [trace.samples.reshape(n_records, trace.rate) for trace in traces]
    with path.open("wb") as file:
        for width, text in fields:
            field = text.encode("ascii").ljust(width)
            if len(field) > width:
                raise ValueError(f"{text!r} is longer than the {width} bytes of its field")
            file.write(field)
        file.write(np.concatenate(records, axis=1).astype("<i2").tobytes())


def _number(value: float) -> str:
    """Return the shortest text of a number that fits into its 8 bytes."""
    if float(value).is_integer():
        return str(int(value))
    for digits in range(12, 0, -1):
        if len(text := f"{value:.{digits}g}") <= 8 and "e" not in text:
            return text
    raise ValueError(f"{value} does not fit into 8 characters")

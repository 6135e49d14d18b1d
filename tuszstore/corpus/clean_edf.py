"""An EDF file with a clean header, for MNE.

The samples are unchanged, but the header has no dates, names or wrong counts. Thus a colon in a
date or a record count of -1 does no harm, and personal fields do not leave this module.
"""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from tuszstore.corpus.edf import FIELDS, WIDTH, EdfHeader, columns_of
from tuszstore.corpus.regular import open_regular
from tuszstore.corpus.units import MILLIVOLT, VOLT, volts

_MNE_UNITS: dict[float | None, bytes] = {MILLIVOLT: b"mV", VOLT: b"V"}
"""MNE's names of the units that are not read as microvolts."""
_RANGE = {
    "physical_min": b"-1",
    "physical_max": b"1",
    "digital_min": b"-32768",
    "digital_max": b"32767",
}


def clean_edf(path: Path, header: EdfHeader, names: Mapping[int, str]) -> "CleanEdf":
    """Open an EDF file with a header reduced to what is needed to read it.

    Parameters
    ----------
    path : Path
    header : EdfHeader
        As :func:`read_header` gave it.
    names : mapping of int to str
        New labels of the signals that will be read; all others are named by number.

    Returns
    -------
    CleanEdf
        A binary file from which MNE reads volts. MNE does not know nV: those signals are a
        thousand times too large.
    """
    raw = open_regular(path)
    record_seconds = raw.read(256)[244:252].split(b"\x00")[0]
    table = raw.read(WIDTH * len(header.signals))
    columns = columns_of(table, len(header.signals))
    columns["label"] = [
        names.get(number, f"signal {number}").encode() for number in range(len(header.signals))
    ]
    columns["unit"] = [_MNE_UNITS.get(volts(signal.unit), b"uV") for signal in header.signals]
    for field in ("transducer", "prefilter", "reserved"):
        columns[field] = [b""] * len(header.signals)
    for field, harmless in _RANGE.items():  # may be invalid for signals that are not read
        columns[field] = [
            value if number in names else harmless for number, value in enumerate(columns[field])
        ]
    main = _fields(
        (b"0", 8),
        (b"X X X X", 80),
        (b"Startdate X X X X", 80),
        (b"01.01.85", 8),
        (b"00.00.00", 8),
        (str(header.n_bytes).encode(), 8),
        (b"", 44),
        (str(header.n_records).encode(), 8),
        (record_seconds, 8),
        (str(len(header.signals)).encode(), 4),
    )
    body = b"".join(value.ljust(width) for field, width in FIELDS for value in columns[field])
    return CleanEdf(raw, main + body, header.n_bytes + header.n_records * header.record_bytes)


class CleanEdf(io.RawIOBase):
    """A read-only file: a new header, then the bytes of another file up to a size."""

    def __init__(self, file: BinaryIO, head: bytes, size: int) -> None:
        self._file = file
        self._head = head
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Fill a buffer from the position on."""
        view = memoryview(buffer).cast("B")[: max(0, self._size - self._position)]
        if self._position < len(self._head):
            piece = self._head[self._position : self._position + len(view)]
            view[: len(piece)] = piece
            count = len(piece)
        else:
            self._file.seek(self._position)
            count = self._file.readinto(view)  # type: ignore[attr-defined]
        self._position += count
        return int(count)

    def close(self) -> None:
        """Close the underlying file as well."""
        self._file.close()
        super().close()


def _fields(*values: tuple[bytes, int]) -> bytes:
    return b"".join(value.ljust(width) for value, width in values)

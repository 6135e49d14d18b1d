"""The header of an EDF file: checked and, where safe, repaired, without reading the data.

A header is read for planning (length, channels, sampling rate) and to give MNE a clean one
(:mod:`tuszstore.corpus.clean_edf`). Personal fields do not leave these two modules.

The format is described at https://www.edfplus.info/specs/edf.html.
"""

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from pathlib import Path

from tuszstore.corpus.regular import open_regular
from tuszstore.corpus.units import known_unit, volts
from tuszstore.errors import RecordingError

ANNOTATION_LABEL = "EDF Annotations"

FIELDS = (
    ("label", 16),
    ("transducer", 80),
    ("unit", 8),
    ("physical_min", 8),
    ("physical_max", 8),
    ("digital_min", 8),
    ("digital_max", 8),
    ("prefilter", 80),
    ("samples", 8),
    ("reserved", 32),
)
WIDTH = sum(width for _, width in FIELDS)
_MANY_DIGITS = 6
"""From this many significant digits, a number may have been rounded."""

_COLON_DATE = re.compile(rb"\d\d[^.]\d\d[^.]\d\d")


@dataclass(frozen=True)
class EdfSignal:
    """One signal of an EDF file.

    Attributes
    ----------
    label, unit : str
        As in the header, stripped.
    physical_min, physical_max : float
        In `unit`; the minimum may be above the maximum (an inverted signal).
    digital_min, digital_max : float
    samples : int
        Samples in a data record.
    """

    label: str
    unit: str
    physical_min: float
    physical_max: float
    digital_min: float
    digital_max: float
    samples: int


@dataclass(frozen=True)
class EdfHeader:
    """What an EDF header says, after repairs.

    Attributes
    ----------
    signals : tuple of EdfSignal
    record_seconds : Fraction
        Duration of a data record.
    rounding : float
        Possible error of `record_seconds` (s), because the field holds few digits.
    n_records : int
        Complete data records in the file, whatever its header declares.
    continuous : bool
        False for EDF+D, whose records may have gaps between them.
    notes : tuple of str
        What was repaired.
    declared : int
        Data records that the header declares; 0 if it does not.
    """

    signals: tuple[EdfSignal, ...]
    record_seconds: Fraction
    rounding: float
    n_records: int
    continuous: bool
    notes: tuple[str, ...]
    declared: int = 0

    @property
    def cut_off(self) -> str:
        """What the file has of the data records that its header declares; empty if all."""
        if self.declared <= self.n_records:
            return ""
        return f"{self.n_records} of {self.declared} data records"

    @property
    def n_bytes(self) -> int:
        """Size of the header."""
        return 256 + WIDTH * len(self.signals)

    @property
    def record_bytes(self) -> int:
        """Size of a data record."""
        return 2 * sum(signal.samples for signal in self.signals)

    def rate(self, numbers: Iterable[int]) -> Fraction:
        """Return the sampling rate (Hz) that some signals share.

        Raises
        ------
        RecordingError
            If they differ, naming two of them.
        """
        first, *rest = [self.signals[number] for number in numbers]
        for signal in rest:
            if signal.samples != first.samples:
                raise RecordingError(
                    f"{first.label!r} and {signal.label!r} have different sampling rates "
                    f"({_hertz(first.samples / self.record_seconds)} and "
                    f"{_hertz(signal.samples / self.record_seconds)})"
                )
        return first.samples / self.record_seconds

    def n_samples(self, number: int) -> int:
        """Return the number of samples of one signal."""
        return self.n_records * self.signals[number].samples


def _hertz(rate: Fraction) -> str:
    return f"{float(rate):g} Hz"


def read_header(path: Path) -> EdfHeader:
    """Read and check the header of an EDF file, and repair what can be repaired.

    Raises
    ------
    RecordingError
        If it is not an EDF file, or cannot be read safely; the text says why.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            main = file.read(256)
            if not main:
                raise RecordingError("file is empty")
            if main[:8].strip() != b"0":
                kind = "a BDF file" if main[1:8] == b"BIOSEMI" else "not an EDF file"
                raise RecordingError(f"{kind} (it does not start with the version '0')")
            if len(main) < 256:
                raise RecordingError(f"header is cut off after {len(main)} bytes")
            n_signals = _integer(main[252:256], "number of signals", at_least=1)
            table = file.read(WIDTH * n_signals)
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror or error}") from error
    if len(table) < WIDTH * n_signals:
        raise RecordingError(
            f"header is cut off: {n_signals} signals need {WIDTH * n_signals} "
            f"bytes, but {len(table)} follow"
        )
    declared = _integer(main[184:192], "header size")
    if declared != 256 + WIDTH * n_signals:
        raise RecordingError(
            f"header size of {declared} bytes contradicts {n_signals} signals "
            f"({256 + WIDTH * n_signals} bytes)"
        )
    record_seconds, rounding = _seconds(main[244:252])
    signals = _signals(table, n_signals)
    record_bytes = 2 * sum(signal.samples for signal in signals)
    if record_bytes == 0:
        raise RecordingError("data records hold no samples")
    n_records, rest = divmod(size - len(main) - len(table), record_bytes)
    if n_records == 0:
        raise RecordingError("no complete data record in the file")
    notes = list(_count_notes(main[236:244], n_records))
    begin = len(main) + len(table)
    if (notes or rest) and (second := _second_file(path, begin, record_bytes, n_records)):
        notes = [
            f"another EDF file is appended after {second} data records: ignored",
            *_count_notes(main[236:244], second),
        ]
        n_records = second
    elif rest:
        notes.append(f"last data record is cut off ({rest} of {record_bytes} bytes): dropped")
    if _COLON_DATE.fullmatch(main[168:176]):
        notes.append("start date is not written DD.MM.YY: ignored")
    continuous = not main[192:236].startswith(b"EDF+D")
    declared = max(0, _declared(main[236:244]) or 0)
    return EdfHeader(
        signals, record_seconds, rounding, n_records, continuous, tuple(notes), declared
    )


def check_signals(signals: Sequence[EdfSignal]) -> list[str]:
    """Reject signals that cannot be scaled to volts; return notes on unusual ones.

    Raises
    ------
    RecordingError
        Naming the signal and what is wrong with it.
    """
    notes = []
    inverted = []
    for signal in signals:
        if signal.samples == 0:
            raise RecordingError(f"signal {signal.label!r} has no samples")
        limits = (signal.physical_min, signal.physical_max, signal.digital_min, signal.digital_max)
        # far beyond any amplifier, in any unit
        if not all(abs(limit) < 1e9 for limit in limits):
            raise RecordingError(f"signal {signal.label!r} has an unreadable range")
        for kind in ("physical", "digital"):
            low, high = getattr(signal, f"{kind}_min"), getattr(signal, f"{kind}_max")
            if low == high or (kind == "digital" and abs(high - low) < 1):
                raise RecordingError(
                    f"signal {signal.label!r}: {kind} minimum and maximum are equal, "
                    "so its scale is unknown"
                )
        if signal.unit and volts(signal.unit) is None:
            unit = known_unit(signal.unit)
            raise RecordingError(
                f"signal {signal.label!r} is in {repr(unit) if unit else 'an unknown unit'}, not a "
                "voltage; known units are V, mV, uV and nV: correct the unit in a copy of the file"
            )
        if signal.physical_min > signal.physical_max:
            inverted.append(signal.label)
    if inverted:
        notes.append(f"inverted physical range: {', '.join(inverted)}")
    if blank := [signal.label for signal in signals if not signal.unit]:
        notes.append(f"no unit, taken as uV: {', '.join(blank)}")
    return notes


def records_of(path: Path, header: EdfHeader, number: int) -> Iterator[bytes]:
    """Yield the bytes of one signal in each record.

    They are read, not memory-mapped, since a map would kill the process if the file is truncated or
    the disk fails.

    Parameters
    ----------
    path : Path
    header : EdfHeader
    number : int
        Number of the signal.

    Raises
    ------
    RecordingError
        If the file is too short.
    OSError
        If it cannot be read.
    """
    before = 2 * sum(signal.samples for signal in header.signals[:number])
    size = 2 * header.signals[number].samples
    with open_regular(path, buffering=0) as file:
        for k in range(header.n_records):
            begin = header.n_bytes + k * header.record_bytes + before
            content = os.pread(file.fileno(), size, begin)
            if len(content) < size:
                raise RecordingError("ends before its last record")
            yield content


def columns_of(table: bytes, n_signals: int) -> dict[str, list[bytes]]:
    """Return the fields of :data:`FIELDS`, one value per signal, as in the header."""
    columns = {}
    start = 0
    for field, width in FIELDS:
        columns[field] = [
            table[start + k * width : start + (k + 1) * width] for k in range(n_signals)
        ]
        start += n_signals * width
    return columns


class _Signals(tuple[EdfSignal, ...]):
    """The signals of a table, with the hash computed once, since it is the key of caches."""

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return super().__hash__()


@lru_cache(maxsize=64)  # most files of a corpus share a few tables
def _signals(table: bytes, n_signals: int) -> tuple[EdfSignal, ...]:
    columns = columns_of(table, n_signals)
    return _Signals(
        EdfSignal(
            label=columns["label"][k].decode("latin-1").split("\x00")[0].strip(),
            unit=columns["unit"][k].decode("latin-1").split("\x00")[0].strip(),
            physical_min=_number(columns["physical_min"][k]),
            physical_max=_number(columns["physical_max"][k]),
            digital_min=_number(columns["digital_min"][k]),
            digital_max=_number(columns["digital_max"][k]),
            samples=_integer(columns["samples"][k], f"record length of signal {k}", at_least=0),
        )
        for k in range(n_signals)
    )


def _count_notes(field: bytes, n_records: int) -> Iterable[str]:
    declared = _declared(field)
    if declared is None:
        yield f"header has no number of data records, but the file has {n_records}"
    elif declared < 0:  # -1 in a file that is being recorded
        yield (
            f"header does not state the number of data records ({declared}), as in an unfinished "
            f"recording, but the file has {n_records}"
        )
    elif declared != n_records:
        yield f"header declares {declared} data records, but the file has {n_records}"


def _declared(field: bytes) -> int | None:
    """Return the number of data records in a header; None if there is none."""
    try:
        return int(field.split(b"\x00")[0])
    except ValueError:
        return None


def _second_file(path: Path, begin: int, record_bytes: int, n_records: int) -> int:
    """Return the number of records before the header of another EDF file; 0 if there is none.

    Byte-wise concatenation of files leaves such headers, which would be read as samples.
    """
    try:
        with path.open("rb", buffering=0) as file:
            for k in range(1, n_records + 1):
                head = os.pread(file.fileno(), 256, begin + k * record_bytes)
                if head.startswith(b"0       ") and _is_header(head):
                    return k
    except OSError as error:
        raise RecordingError(f"cannot be read: {error.strerror or error}") from error
    return 0


def _is_header(main: bytes) -> bool:
    try:
        n_signals = _integer(main[252:256], "number of signals", at_least=1)
        return _integer(main[184:192], "header size") == 256 + WIDTH * n_signals
    except RecordingError:
        return False


def _integer(field: bytes, name: str, at_least: int = 0) -> int:
    try:
        value = int(field.split(b"\x00")[0])
    except ValueError:
        raise RecordingError(f"{name} is not a number in the header") from None
    if value < at_least:
        raise RecordingError(f"{name} is {value} in the header")
    return value


def _number(field: bytes) -> float:
    """Return a number, or NaN, since only signals that are used must have a valid range."""
    try:
        return float(field.split(b"\x00")[0].replace(b",", b"."))
    except ValueError:
        return math.nan


def _seconds(field: bytes) -> tuple[Fraction, float]:
    """Return a record's duration (s), and the unit of its last digit if it may be rounded."""
    text = field.split(b"\x00")[0].decode("latin-1").strip()
    try:
        # float() first: it bounds the exponent, which Fraction() would write out in full
        if 1e-6 < float(text) < 1e6:
            number = Decimal(text).as_tuple()
            decimals = -int(number.exponent)
            full = len(text) == len(field) or len(number.digits) >= _MANY_DIGITS
            return Fraction(text), 10.0**-decimals if full and decimals > 0 else 0.0
        told = repr(text)
    except ValueError:
        told = "not a number"  # the text is not quoted: it may be a name
    raise RecordingError(f"duration of a data record is {told} in the header")

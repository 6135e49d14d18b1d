"""EDF files for tests, byte by byte and without the code that reads them.

A test names only what matters to it::

    eeg(path)                                      # 20 s of 19 channels at 256 Hz
    eeg(path, without=["Pz"], extra=[channel("EKG1")])
    eeg(path, changes={"Cz": {"unit": "mV"}}, n_records=-1, date="01:01:85")

Header fields take text, bytes or numbers; text that is too long for its field is an error, and
everything else goes in as it is, right or wrong.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CHANNELS = (
    "Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Fz", "Cz", "Pz",
    "Fp2", "F4", "C4", "P4", "F8", "T4", "T6", "O2",
)  # fmt: skip

Field = str | bytes | int | float

MAIN = (
    ("version", 8), ("patient", 80), ("recording", 80), ("date", 8), ("time", 8),
    ("header_bytes", 8), ("reserved", 44), ("n_records", 8), ("record_seconds", 8),
    ("n_signals", 4),
)  # fmt: skip
TABLE = (
    ("label", 16), ("transducer", 80), ("unit", 8), ("physical_min", 8), ("physical_max", 8),
    ("digital_min", 8), ("digital_max", 8), ("prefilter", 80), ("samples", 8), ("reserved", 32),
)  # fmt: skip


@dataclass(frozen=True)
class Channel:
    """One signal: its row of the header, and its digital samples."""

    label: Field
    digital: NDArray[np.int16]
    per_record: int
    unit: Field = "uV"
    physical_min: Field = -3276.8
    physical_max: Field = 3276.7
    digital_min: Field = -32768
    digital_max: Field = 32767
    transducer: Field = "AgAgCl cup"
    prefilter: Field = "HP:0.5Hz LP:120Hz"
    reserved: Field = ""
    header: Mapping[str, Field] = field(default_factory=dict)
    """Fields of the header that say something else than is so."""

    @property
    def physical(self) -> NDArray[np.float64]:
        """The samples in `unit`, by the formula of the EDF specification."""
        low, high = float(self.physical_min), float(self.physical_max)
        bottom, top = float(self.digital_min), float(self.digital_max)
        return (self.digital - bottom) * (high - low) / (top - bottom) + low


def noise(n_samples: int, seed: object = 0, *, scale: float = 300) -> NDArray[np.int16]:
    """Digital white noise; the same for the same seed."""
    numbers = [ord(letter) for letter in str(seed)]
    return np.random.default_rng(numbers).normal(0, scale, n_samples).astype(np.int16)


def channel(
    name: str,
    seconds: float = 20,
    sfreq: int = 256,
    *,
    record_seconds: float = 1,
    digital: NDArray[np.int16] | int | None = None,
    **fields: Field,
) -> Channel:
    """One signal of noise (or of given digital values), with a label as TUSZ writes it.

    Wrong header fields go into `header`: ``channel("Cz", header={"per_record": "x"})``.
    """
    n_samples = round(seconds * sfreq)
    values = noise(n_samples, name) if digital is None else digital
    samples = np.broadcast_to(np.asarray(values, np.int16), (n_samples,))
    known = {"label": tusz(name), **fields}
    return Channel(digital=samples, per_record=round(sfreq * record_seconds), **known)


def tusz(name: str, reference: str = "REF") -> str:
    """A label as TUSZ writes it.

    >>> tusz("Fp1")
    'EEG FP1-REF'
    """
    return f"EEG {name.upper()}-{reference}"


def eeg_channels(
    seconds: float = 20,
    sfreq: int = 256,
    *,
    names: Sequence[str] = CHANNELS,
    without: Iterable[str] = (),
    changes: Mapping[str, Mapping[str, object]] | None = None,
    record_seconds: float = 1,
) -> dict[str, Channel]:
    """The 19 channels by name; `changes` replaces fields of some."""
    channels = {
        name: channel(name, seconds, sfreq, record_seconds=record_seconds)
        for name in names
        if name not in without
    }
    for name, fields in (changes or {}).items():
        channels[name] = replace(channels[name], **fields)
    return channels


def eeg(
    path: Path,
    seconds: float = 20,
    sfreq: int = 256,
    *,
    names: Sequence[str] = CHANNELS,
    without: Iterable[str] = (),
    extra: Sequence[Channel] = (),
    changes: Mapping[str, Mapping[str, object]] | None = None,
    record_seconds: float = 1,
    onsets: Sequence[float] | None = None,
    cut: int = 0,
    **header: Field,
) -> dict[str, Channel]:
    """Write the 19 channels, then `extra`, and return all of them.

    The keys are the names of the 19, and the labels of the others. See :func:`eeg_channels` and
    :func:`write_edf`.
    """
    channels = eeg_channels(
        seconds,
        sfreq,
        names=names,
        without=without,
        changes=changes,
        record_seconds=record_seconds,
    )
    signals = [*channels.values(), *extra]
    write_edf(path, signals, record_seconds, onsets=onsets, cut=cut, **header)
    return {str(one.label): one for one in extra} | channels


def write_edf(
    path: Path,
    channels: Sequence[Channel],
    record_seconds: Field = 1,
    *,
    onsets: Sequence[float] | None = None,
    cut: int = 0,
    **header: Field,
) -> None:
    """Write an EDF file.

    Parameters
    ----------
    path : Path
    channels : sequence of Channel
        All with the same number of whole records.
    record_seconds : number, str or bytes
    onsets : sequence of float, optional
        Times of the records: adds an annotation signal that holds them. The file is an EDF+D one
        if `header` says ``reserved="EDF+D"``.
    cut : int
        Bytes to leave out at the end of the file.
    **header : str, bytes or number
        Fields of :data:`MAIN` that say something else than is so.
    """
    content = edf_bytes(channels, record_seconds, onsets=onsets, **header)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content[: len(content) - cut])


def edf_bytes(
    channels: Sequence[Channel],
    record_seconds: Field = 1,
    *,
    onsets: Sequence[float] | None = None,
    **header: Field,
) -> bytes:
    """The bytes of the file that :func:`write_edf` writes."""
    if onsets is not None:
        channels = [*channels, time_keeping(onsets)]
    counts = {len(one.digital) // one.per_record for one in channels if one.per_record}
    (n_records,) = counts
    main = {
        "version": "0",
        "patient": "X X X X",
        "recording": "Startdate X X X X",
        "date": "01.01.09",
        "time": "00.00.00",
        "header_bytes": 256 * (len(channels) + 1),
        "reserved": "",
        "n_records": n_records,
        "record_seconds": record_seconds,
        "n_signals": len(channels),
        **header,
    }
    head = b"".join(_text(main[name], width) for name, width in MAIN)
    table = b"".join(
        _text(
            one.header.get(name, one.per_record if name == "samples" else getattr(one, name)), width
        )
        for name, width in TABLE
        for one in channels
    )
    records = [one.digital.reshape(n_records, one.per_record) for one in channels]
    return head + table + np.concatenate(records, axis=1).astype("<i2").tobytes()


def mark(path: Path, text: str) -> None:
    """Make a file another one by a field of its header, with the same samples."""
    with path.open("r+b") as file:
        file.seek(main_offset("recording").start)
        file.write(_text(text, 80))


def time_keeping(onsets: Sequence[float | bytes], *, per_record: int = 16) -> Channel:
    """An annotation signal with the time of each record; bytes go in as they are."""
    size = 2 * per_record
    lists = [
        onset if isinstance(onset, bytes) else f"{onset:+g}\x14\x14\x00".encode()
        for onset in onsets
    ]
    content = b"".join(text.ljust(size, b"\x00") for text in lists)
    return Channel(
        label="EDF Annotations",
        digital=np.frombuffer(content, "<i2"),
        per_record=per_record,
        unit="",
        physical_min=-1,
        physical_max=1,
        transducer="",
        prefilter="",
    )


def main_offset(name: str) -> slice:
    """Where a field of :data:`MAIN` lies in the file."""
    start = 0
    for known, width in MAIN:
        if known == name:
            return slice(start, start + width)
        start += width
    raise KeyError(name)


def table_offset(name: str, number: int, *, n_signals: int) -> slice:
    """Where a field of :data:`TABLE` of one signal lies in the file."""
    start = 256
    for known, width in TABLE:
        if known == name:
            return slice(start + number * width, start + (number + 1) * width)
        start += n_signals * width
    raise KeyError(name)


def _text(value: Field, width: int) -> bytes:
    if isinstance(value, bytes):
        content = value
    elif isinstance(value, str):
        content = value.encode("latin-1")
    else:
        content = f"{value:.{width}g}".encode() if isinstance(value, float) else b"%d" % value
    if len(content) > width:
        raise ValueError(f"{value!r} does not fit into {width} bytes")
    return content.ljust(width)

"""Whether the records of an EDF+D file follow each other without a gap.

Their times are text, and so is the length of a record. Both may be rounded, so a difference counts
as a gap only if it is larger than the rounding of the printed digits.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal, DecimalTuple
from fractions import Fraction
from pathlib import Path

from tuszstore.corpus.edf import ANNOTATION_LABEL, EdfHeader, records_of
from tuszstore.errors import RecordingError

# bounded, so that no number is slow to parse
_ONSET = re.compile(
    rb"([+-](?:\d{1,15}(?:[.,]\d{0,20})?|[.,]\d{1,20})(?:[eE][+-]?\d{1,2})?)\x14\x14"
)

_SINGLE = 2.0**-23
"""Relative error of times that were computed in single precision."""


def check_continuous(path: Path, header: EdfHeader) -> list[str]:
    """Reject an EDF+D file with gaps; one without gaps is accepted.

    Raises
    ------
    RecordingError
        Naming the first gap, or if the records carry no times.
    """
    if header.continuous:
        return []
    labels = [signal.label for signal in header.signals]
    if ANNOTATION_LABEL not in labels:
        raise RecordingError("discontinuous (EDF+D), and its records have no times")
    onsets = list(_onsets(records_of(path, header, labels.index(ANNOTATION_LABEL))))
    _check_onsets(onsets, header)
    return ["marked discontinuous (EDF+D), but has no gap"]


def _onsets(annotations: Iterable[bytes]) -> Iterable[Decimal]:
    for k, text in enumerate(annotations):
        match = _ONSET.match(text)
        if not match:
            raise RecordingError(f"discontinuous (EDF+D), and record {k} has no time")
        yield Decimal(match[1].decode().replace(",", "."))


def _check_onsets(onsets: Sequence[Decimal], header: EdfHeader) -> None:
    """Compare each time with the first one, and with the previous one.

    The first comparison finds gaps that add up. The second finds a single gap that is hidden in the
    first by the accumulated rounding of record lengths.
    """
    length, drift = header.record_seconds, header.rounding
    digits = _Digits(onsets, length)
    step = float(length)
    start = previous = float(onsets[0])
    for k, onset in enumerate(onsets[1:], start=1):
        time = float(onset)
        since_start, since_previous = time - (start + k * step), time - (previous + step)
        previous = time
        always = max(step / 1000, abs(time) * _SINGLE)
        if abs(since_start) <= always and abs(since_previous) <= 2 * always:
            continue
        # the uncertainty due to rounding, computed only if needed
        quantum = max(digits.unit(0, k), digits.unit(k - 1, k))
        for off, allowed in (
            (since_previous, 2 * always + quantum + drift),
            (since_start, always + quantum + k * drift),
        ):
            if abs(off) > allowed * (1 + 1e-9):
                what = "a gap" if off > 0 else "an overlap"
                raise RecordingError(
                    f"discontinuous (EDF+D): {what} of {abs(off):g} s after {float(k * length):g} s"
                )


class _Digits:
    """The number of digits with which a file's times are printed.

    Trailing zeros may be omitted. The last digit of a time is therefore derived from the file's
    format, which has a number of decimals or of significant digits.

    Parameters
    ----------
    onsets : sequence of Decimal
    length : Fraction
        Length of a record (s).
    """

    def __init__(self, onsets: Sequence[Decimal], length: Fraction) -> None:
        parts = [onset.as_tuple() for onset in onsets]
        self._own = [-int(part.exponent) for part in parts]
        self._whole = [onset.adjusted() + 1 if onset else 0 for onset in onsets]
        self._decimals = max(0, *self._own)
        self._significant = max(len(part.digits) for part in parts)
        # integers, since fractions are slow: times in units of the smallest digit
        scale = 10**self._decimals
        self._times = [_scaled(part, self._decimals) for part in parts]
        self._length = length.numerator * scale, length.denominator

    def unit(self, first: int, k: int) -> float:
        """Return the unit of a time's last digit (s); 0 if no rounding was necessary.

        Parameters
        ----------
        first : int
            A record before, from whose time on the records are counted.
        k : int
        """
        last = min(self._decimals, self._significant - max(0, self._whole[k]))
        last = max(self._own[k], last)
        numerator, denominator = self._length
        expected = self._times[first] * denominator + (k - first) * numerator
        if expected % (denominator * 10 ** (self._decimals - last)) == 0:
            return 0.0
        return 10.0**-last


def _scaled(number: DecimalTuple, decimals: int) -> int:
    """Return a number times a power of ten, without the rounding of Decimal's context."""
    digits = int("".join(map(str, number.digits)))
    scale: int = 10 ** (decimals + int(number.exponent))
    return (-digits if number.sign else digits) * scale

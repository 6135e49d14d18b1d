"""``.edf.seizures`` of CHB-MIT: binary annotations of WFDB, with codes of seizures.

A file is a sequence of 16-bit little-endian words: a code in the upper six bits, and in the lower
ten the samples since the previous annotation. A few codes have other content: ``SKIP`` a longer
distance, ``AUX`` a text. The first annotation is a note of the time resolution; then ``[`` is the
onset of a seizure and ``]`` its end. A word of zero ends the file; what follows is
ignored (256 bytes in chb17b_69).

The format is described at https://wfdb.io/spec/annotation-files.html.
"""

import re
from dataclasses import dataclass

from tuszstore.corpus.formats.text import MAX_BYTES, number_of, shown
from tuszstore.errors import AnnotationError

_NOTE, _ONSET, _END = 22, 32, 33
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
_RESOLUTION = re.compile(r"## time resolution: (\S+)")


@dataclass(frozen=True)
class WfdbSeizures:
    """The seizures of a file.

    Attributes
    ----------
    sfreq : float
        Samples per second of the times.
    samples : tuple of (int, int)
        Onset and end of each seizure in samples, in the order of the file.
    trailing : int
        Bytes after the end, which are ignored.
    """

    sfreq: float
    samples: tuple[tuple[int, int], ...]
    trailing: int

    @property
    def seconds(self) -> tuple[tuple[float, float], ...]:
        """Onset and end of each seizure in seconds."""
        return tuple((onset / self.sfreq, end / self.sfreq) for onset, end in self.samples)


def read_seizures(content: bytes, name: str, sfreq: float | None = None) -> WfdbSeizures:
    """Read a file of seizures.

    Parameters
    ----------
    content : bytes
    name : str
        Name of the file, for messages.
    sfreq : float, optional
        Sampling rate (Hz) of the recording, for a file that does not give that of its times.

    Raises
    ------
    AnnotationError
        If the file is cut off, holds other annotations, or a seizure without onset or end. It names
        the byte, counted from 0.
    """
    if not content:
        raise AnnotationError(f"{name}: is empty")
    if len(content) > MAX_BYTES:
        raise AnnotationError(f"{name}: {len(content)} bytes are too many for an annotation")
    seizures: dict[tuple[int, int], None] = {}
    onset: int | None = None
    resolution: float | None = None
    time = position = 0
    while True:
        begin = position
        word = _word(content, position, name)
        position += 2
        code, value = word >> 10, word & 0x3FF
        if word == 0:
            break
        if code == _SKIP:
            high, low = _word(content, position, name), _word(content, position + 2, name)
            position += 4
            distance = high << 16 | low
            time += distance - (1 << 32 if distance >= 1 << 31 else 0)
        elif code == _AUX:
            text = content[position : position + value]
            position += value + value % 2
            if position > len(content):
                raise _cut_off(name, len(content))
            if match := _RESOLUTION.match(text.decode("latin-1")):
                resolution = number_of(match[1], name, begin, "the time resolution", unit="byte")
                if not 0 < resolution < 1e6:
                    raise _error(name, begin, f"the time resolution is {shown(match[1])}")
        elif code in (_NUM, _SUB, _CHN):
            pass  # signal and class numbers: seizures do not depend on them
        elif code in (0, _NOTE):
            time += value
        elif code == _ONSET:
            time += value
            if onset is not None:
                raise _error(name, begin, "second onset before the end of a seizure")
            if time < 0:
                raise _error(name, begin, f"an onset at sample {time}")
            onset = time
        elif code == _END:
            time += value
            if onset is None:
                raise _error(name, begin, "end without an onset before it")
            if time < onset:
                raise _error(
                    name, begin, f"a seizure ends (sample {time}) before it starts ({onset})"
                )
            if (onset, time) in seizures:
                raise _error(name, begin, f"the seizure at sample {onset} is listed twice")
            seizures[onset, time] = None
            onset = None
        else:
            raise _error(name, begin, f"code {code} is neither the onset of a seizure nor its end")
    if onset is not None:
        raise _error(name, begin, f"the seizure at sample {onset} has no end")
    rate = resolution or sfreq
    if rate is None:
        raise AnnotationError(f"{name}: gives no time resolution")
    return WfdbSeizures(float(rate), tuple(seizures), len(content) - position)


def _word(content: bytes, position: int, name: str) -> int:
    piece = content[position : position + 2]
    if len(piece) < 2:
        raise _cut_off(name, len(content))
    return int.from_bytes(piece, "little")


def _error(name: str, position: int, reason: str) -> AnnotationError:
    return AnnotationError.at(name, position, reason, unit="byte")


def _cut_off(name: str, size: int) -> AnnotationError:
    return AnnotationError(f"{name}: is cut off after {size} bytes")

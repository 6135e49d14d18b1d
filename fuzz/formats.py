"""Fuzz targets of the annotation formats: text or bytes of a file, read or refused.

They are in a module of their own because each needs only its parser; :data:`fuzz.targets.TARGETS`
has them all.
"""

from collections.abc import Callable

from tuszstore.corpus.formats.chb_summary import read_summary
from tuszstore.corpus.formats.text import text_of
from tuszstore.errors import AnnotationError


def chb_summary(data: bytes) -> None:
    """Read a summary of CHB-MIT."""
    try:
        found = read_summary(text_of(data, "a"), "a")
    except AnnotationError:
        return
    assert found.entries
    for entry in found.entries.values():
        assert all(0 <= onset <= offset < float("inf") for onset, offset in entry.seizures)
        assert entry.digest
        # what decides an entry is an entry by itself
        again = read_summary(entry.text, "a").entries
        assert again[entry.file].seizures == entry.seizures


FORMATS: dict[str, Callable[[bytes], None]] = {
    "chb_summary": chb_summary,
}

SEEDS: dict[str, tuple[bytes, ...]] = {
    "chb_summary": (
        b"Data Sampling Rate: 256 Hz\n***\nChannels in EDF Files:\nChannel 1: F7-T7\nChannel 2: -\n"
        b"\nFile Name: chb09_08.edf\nFile Start Time: 23:21:32\nFile End Time: 24:21:32\n"
        b"Number of Seizures in File: 2\nSeizure 1 Start Time:  2951 seconds\n"
        b"Seizure 1 End Time: 3030 seconds\nSeizure 2 Start Time: 9196 seconds\n"
        b"Seizure 1 End Time: 9267 seconds\n\nChannels changed:\nChannel 1: F7-CS2\n\n"
        b"File Name: chb02_16+.edf\nNumber of Seizures in File: 0\n",
        b"File Name: a.edf\r\nNumber of Seizures in File: 1\r\nSeizure Start Time: 1 seconds\r\n"
        b"Seizure End Time: 2 seconds\r\n",
    ),
}
"""Files of each format from which its fuzzer begins; every one is read."""

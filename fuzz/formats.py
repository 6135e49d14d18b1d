"""Fuzz targets of the annotation formats: text or bytes of a file, read or refused.

They are in a module of their own because each needs only its parser; :data:`fuzz.targets.TARGETS`
has them all.
"""

from collections.abc import Callable

from tuszstore.corpus.formats.chb_summary import read_summary
from tuszstore.corpus.formats.seizeit import read_seizeit
from tuszstore.corpus.formats.siena_list import DAY, interval, read_seizure_list
from tuszstore.corpus.formats.text import text_of
from tuszstore.corpus.formats.wfdb import read_seizures
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


def wfdb(data: bytes) -> None:
    """Read binary annotations of seizures."""
    try:
        found = read_seizures(data, "a", sfreq=256)
    except AnnotationError:
        return
    assert all(0 <= onset <= end for onset, end in found.samples)
    assert 0 <= found.trailing <= len(data) - 2


def siena_list(data: bytes) -> None:
    """Read a seizure list of the Siena database."""
    try:
        found = read_seizure_list(text_of(data, "a"), "a")
    except AnnotationError:
        return
    assert found.seizures
    for seizure in found.seizures:
        assert seizure.file
        for start in seizure.starts:
            for end in seizure.ends:
                onset, offset = interval(start.seconds, end.seconds, 70_000)
                assert 0 <= onset <= offset < 2 * DAY


def seizeit(data: bytes) -> None:
    """Read an annotation of SeizeIT1."""
    try:
        found = read_seizeit(text_of(data, "a"), "a")
    except AnnotationError:
        return
    assert all(one.offset is None or one.offset >= one.onset >= 0 for one in found)
    assert all(len(one.remarks) <= len(one.remark) for one in found)


FORMATS: dict[str, Callable[[bytes], None]] = {
    "chb_summary": chb_summary,
    "wfdb": wfdb,
    "siena_list": siena_list,
    "seizeit": seizeit,
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
    "wfdb": (
        b"\x00X\x17\xfc## time resolution: 256\x00\x00\xec\xff\xff\xff\xff\x01\x00"
        b"\x00\xec\x0b\x00\x00\xb4\x00\x80\x00\xec\x00\x00\x00(\x00\x84\x00\x00",
        b"\x05\x80\x03\xf0\xff\xf8\x10\x84\x00\x00trailing",
    ),
    "siena_list": (
        b"PN10\n\nData Sampling Rate: 512 Hz\n\nChannels in EDF files:\nChannel 5: 1  \r\n\n"
        b"Seizure n 1 (in sleep):\nFile name: PNO6-1.edf\nRegistration start time:1 6.49.25\n"
        b"Registration end time: 03.28.52\n"
        b"Seizure start time: 15.43.53 (CLINICAL ONSET); 15.43.59 (ELECTRIC ONSET)\n"
        b"Seizure end time:11.41.04 opure 11.40.43\n\nSeizure n 2\nStart time: 07:53:17\n"
        b"End time: 07:54:31\n",
        b"File name: PN01.edf\nRegistration start time: 19.00.44\nRegistration end time: 08.29.41\n"
        b"Seizure n 1\nStart time: 21:51:02\nEnd time: 21:51.56\n",
    ),
    "seizeit": (
        b"# Source: SeizeIt1\n \n\n8971\tNone\tFIA\tHem:L, Orig:Temp, bhe: 0\n404\t457\tF-BTC\t\n",
        b"# comments alone\n",
    ),
}
"""Files of each format from which its fuzzer begins; every one is read."""

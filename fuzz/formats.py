"""Fuzz targets of the annotation formats: text or bytes of a file, read or refused.

They are in a module of their own because each needs only its parser; :data:`fuzz.targets.TARGETS`
has them all.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from fuzz import corpora, lists
from tests.corpus.edf_files import channel, edf_bytes, time_keeping
from tuszstore.corpus.base import Recording
from tuszstore.corpus.formats.bids import read_channels, read_events, read_participants
from tuszstore.corpus.formats.chb_summary import read_summary
from tuszstore.corpus.formats.clocks import DAY, interval
from tuszstore.corpus.formats.edfplus import read_edf_texts, read_tals
from tuszstore.corpus.formats.errata import corrections_of, parse_errata
from tuszstore.corpus.formats.helsinki import read_helsinki
from tuszstore.corpus.formats.lbl import read_lbl
from tuszstore.corpus.formats.markers import Marker, Patterns, spans_of
from tuszstore.corpus.formats.seizeit import read_seizeit
from tuszstore.corpus.formats.siena_list import read_seizure_list
from tuszstore.corpus.formats.text import text_of
from tuszstore.corpus.formats.tse import read_tse
from tuszstore.corpus.formats.wfdb import read_seizures
from tuszstore.corpus.split_files import divide, load_splits
from tuszstore.errors import AnnotationError, ConfigError, CorpusError

FOLDER = Path(tempfile.mkdtemp(prefix="tuszstore-fuzz-"))
"""Where a target writes what is read as a file."""

PATTERNS = Patterns(starts=("*onset*", "sz start"), ends=("*offset*", "sz end"), spans=("sz_*",))


def chb_summary(data: bytes) -> None:
    """Read a summary of CHB-MIT."""
    try:
        found = read_summary(text_of(data, "a"), "a")
    except AnnotationError:
        return
    assert found.entries or found.faults
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
    assert found.seizures or found.faults
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


def bids(data: bytes) -> None:
    """Read each of the tables of BIDS, and pair the events of one."""
    try:
        text = text_of(data, "a")
    except AnnotationError:
        return
    for read in (read_channels, read_participants):
        try:
            assert len(read(text, "a")) <= text.count("\n") + text.count("\r")
        except AnnotationError:
            continue
    try:
        events = read_events(text, "a")
    except AnnotationError:
        return
    assert all(event.duration is None or event.duration >= 0 for event in events)
    _pair([event.marker for event in events])


def _pair(markers: list[Marker]) -> None:
    for open_end in (True, False):
        try:
            spans = spans_of(markers, PATTERNS, "a", open_end=open_end).spans
        except AnnotationError:
            continue
        assert len(spans) <= len(markers)
        assert all(span.offset is None or span.offset >= span.onset >= 0 for span in spans)


def tse(data: bytes) -> None:
    """Read events of the whole montage."""
    try:
        found = read_tse(text_of(data, "a"), "a")
    except AnnotationError:
        return
    assert all(0 <= event.onset <= event.offset <= found.seconds for event in found.events)
    assert all(0 <= begin < end <= found.seconds for begin, end in found.gaps)


def lbl(data: bytes) -> None:
    """Read events of each channel."""
    try:
        found = read_lbl(text_of(data, "a"), "a")
    except AnnotationError:
        return
    names = {one.name for one in found.montage.values()} | {"TERM"}
    assert found.events
    for event in found.events:
        assert event.channel in names
        assert 0 <= event.onset <= event.offset
        assert 0 < event.confidence <= 1


def helsinki(data: bytes) -> None:
    """Read an annotation of all recordings, second by second."""
    try:
        found = read_helsinki(text_of(data, "a"), "a")
    except AnnotationError:
        return
    assert found.recordings or found.faults
    for one in found.recordings.values():
        assert sum(end - onset for onset, end in one.intervals) == sum(one.marks)


def edfplus(data: bytes) -> None:
    """Read one data record of an annotation signal, by itself and in a file."""
    try:
        lists = read_tals(data, "a", 1)
    except AnnotationError:
        return
    path = FOLDER / "texts.edf"
    signal = time_keeping([data], per_record=len(data) // 2 + 1)
    path.write_bytes(edf_bytes([channel("Cz", 1, 4), signal], reserved="EDF+C"))
    found = read_edf_texts(path)
    texts = [text for _, _, texts in lists for text in texts if text]
    assert [marker.text for marker in found.markers] == texts
    _pair(list(found.markers))


def errata(data: bytes) -> None:
    """Read errata, and take the corrections that hold."""
    try:
        found = parse_errata(text_of(data, "a"), "a")
    except AnnotationError:
        return
    assert found
    assert len(corrections_of(found)) <= len(found)
    for erratum in found:
        assert not erratum.applies_to("no such file", data)


def splits(data: bytes) -> None:
    """Read a list of splits, and divide a few recordings by it."""
    path = FOLDER / "splits.yaml"
    path.write_bytes(data)
    recordings = [
        Recording(f"{name}/1.edf", Path(name), "", name, corpus="chbmit") for name in "abc"
    ]
    try:
        file = load_splits(str(path))
        found, _ = divide(recordings, file, "f")
    except (ConfigError, CorpusError):
        return
    listed = {name: split for split, names in file.lists.items() for name in names}
    assert found
    for split, members in found.items():
        assert {listed[one.patient] for one in members} == {split}


FORMATS: dict[str, Callable[[bytes], None]] = {
    "chb_summary": chb_summary,
    "wfdb": wfdb,
    "siena_list": siena_list,
    "seizeit": seizeit,
    "bids": bids,
    "tse": tse,
    "lbl": lbl,
    "helsinki": helsinki,
    "edfplus": edfplus,
    "errata": errata,
    **lists.CORPORA,
    "splits": splits,
    "bids_events": corpora.bids_events,
    "bids_channels": corpora.bids_channels,
    "bids_lists": corpora.bids_lists,
    "tse_events": corpora.tse_events,
    "lbl_events": corpora.lbl_events,
    "edf_texts": corpora.edf_texts,
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
    "bids": (
        b"onset\tduration\teventType\tconfidence\tchannels\tdateTime\trecordingDuration\n"
        b"36.89\t200.32\tsz_foc_ia\t1.00\tfp1,f3\t2000-01-01 00:00:00\t3600.00\n"
        b"304.56\t121.14\tsz\tn/a\tn/a\t2000-01-01 00:00:00\t3600.00\n",
        b'\xef\xbb\xbftrial_type\tonset\tduration\r\n"sz onset"\t-1\t0\r\nsz offset\t9\tn/a\r\n',
        b"name\ttype\tunits\tstatus\nFp1-Avg\tEEG\tuV\tgood\nCz\tEEG\tuV\tbad\n",
        b"participant_id\tage\tsex\nsub-01\t11\tf\nsub-02\tn/a\tm\n",
    ),
    "tse": (
        b"version = tse_v1.0.0\n\n0.0000 17.0000 bckg 1.0000\n17.0000 30.5000 fnsz 0.9000\n",
        b"# comment\r\nversion=tse_v1.0.0\r\n2.0 3.0 seiz 1\r\n1 1 bckg 1\r\n",
    ),
    "lbl": (
        b"version = lbl_v1.0.0\n\nmontage =  0, FP1-F7: EEG FP1-REF -- EEG F7-REF\n"
        b"montage =  5, F8-T4 : EEG F8-REF --  EEG T4-REF\n\nnumber_of_levels = 1\n\n"
        b"level[0] = 1\n\nsymbols[0] = {0: '(null)', 1: 'bckg', 2: 'fnsz'}\n\n"
        b"label = {0, 0, 0.0000, 36.8868, 5, [0.0, 1.0, 0.0]}\n"
        b"label = {0, 0, 36.8868, 183.3055, -1, [0.0, 0.1, 0.9]}\n",
    ),
    "helsinki": (
        b"1,7,79\n0,1,0\n1,1,0\n1,,1\n0,,1\n",
        b'"1","2"\r\n0.0,1\r\n1.0,\r\n,\r\n',
    ),
    "edfplus": (
        b"+0\x14\x14\x00+0.5\x151.25\x14sz_foc\x14\x00+1\x14sz start\x14two\x14\x00"
        b"+3\x14sz end\x14\x00",
        b"-0.5\x14\x14\x00+2\x15\x14d\xe9but\x14\x00\x00\x00",
    ),
    "errata": (
        b"corpus: siena\nrows:\n  - file: a.txt\n    says: '19.29.29'\n"
        b"    correction: {kind: listed_clock, recording: a.edf, seizure: 3, which: end,\n"
        b"                 listed: 19.29.29, use: 18.29.29}\n    reason: x\n    source: y\n"
        b"  - file: b.txt\n    bytes: 12\n    decision:\n      key: onset\n      default: one\n"
        b"      choices:\n        one: null\n"
        b"        two: {kind: seizure_onset, recordings: [b], listed: 4, use: 2.5, keeps: end}\n"
        b"    reason: x\n    source: y\n",
    ),
    **lists.SEEDS,
    "splits": (
        b"title: t\ncorpus: chbmit\nby: folder\ntrain: [a, d]\ndev: [b]\nleaks: [x]\n",
        b"\xef\xbb\xbftrain: [a]\r\nval: [b]\r\neval:\r\n  - c\r\n",
    ),
    "bids_lists": (
        b"participant_id\tfilename\tage\tacq_time\nsub-01\tsub-01_task-x_eeg.edf\tn/a\t"
        b"2001-02-03T04:05:06\nsub-02\teeg/sub-02_eeg.edf\t4\tn/a\n",
    ),
    "edf_texts": (
        b"+0\x14\x14\x00+3\x155\x14sz_foc\x14\x00+9\x14sz start\x14\x00+12\x14sz end\x14\x00",
        b"+1\x14Anfall\x14\x00+2\x14impd\x14\x00-3\x151\x14seizure\x14\x00",
    ),
}
"""Files of each format from which its fuzzer begins; every one is read."""

SEEDS |= {
    "bids_events": SEEDS["bids"],
    "bids_channels": SEEDS["bids"],
    "tse_events": SEEDS["tse"],
    "lbl_events": SEEDS["lbl"],
}

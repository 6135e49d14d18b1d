"""Fuzz targets of corpora: lists of seizures beside recordings whose headers have a start.

Whatever a list holds, each recording has seizures, or is refused with a reason.
"""

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.corpus.edf_files import channel, edf_bytes
from tuszstore.corpus.chbmit import ChbMit
from tuszstore.corpus.checked import CheckedCorpus
from tuszstore.corpus.helsinki import Helsinki
from tuszstore.corpus.seizeit import SeizeIt
from tuszstore.corpus.siena import Siena
from tuszstore.errors import RecordingError

DAY = 86_400


def _target(
    plugin: type[ChbMit] | type[Helsinki] | type[SeizeIt] | type[Siena],
    listed: str,
    *recordings: str,
) -> Callable[[bytes], None]:
    """Return the target that writes one list and reads some recordings by it."""
    root = Path(tempfile.mkdtemp(prefix="tuszstore-fuzz-"))
    header = edf_bytes([channel("Cz", 1, 4)], time="23.59.50")
    for name in (listed, *recordings):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(header)

    def target(data: bytes) -> None:
        (root / listed).write_bytes(data)
        for errata in ("correct", "none"):
            corpus = CheckedCorpus(plugin(root, {"errata": errata}), plugin.name)
            found = corpus.recordings()
            assert [one.id for one in found.recordings] == list(recordings)
            for one in found.recordings:
                try:
                    annotation = corpus.annotation(one)
                except RecordingError:
                    continue
                for event in annotation.events:
                    assert event.onset >= 0
                    assert math.isnan(event.offset) or event.offset >= event.onset
                    assert event.rater in annotation.raters
                assert corpus.annotation(one) == annotation or any(
                    math.isnan(event.offset) for event in annotation.events
                )

    return target


CORPORA: dict[str, Callable[[bytes], None]] = {
    "chbmit_corpus": _target(
        ChbMit, "chb24/chb24-summary.txt", "chb24/chb24_02.edf", "chb24/chb24_21.edf"
    ),
    "helsinki_corpus": _target(
        Helsinki, "annotations_2017_A_fixed.csv", "other.edf", "eeg1.edf", "eeg7.edf"
    ),
    "seizeit_corpus": _target(SeizeIt, "P_ID64/P_ID64_r1_a1.tsv", "P_ID64/P_ID64_r1.edf"),
    "siena_corpus": _target(
        Siena,
        "PN10/Seizures-list-PN10.txt",
        "PN10/PN10-2.edf",
        "PN10/PN10-3.edf",
        "PN10/PN10-7.8.9.edf",
    ),
}

SEEDS: dict[str, tuple[bytes, ...]] = {
    "chbmit_corpus": (
        b"Data Sampling Rate: 256 Hz\n\nFile Name: chb24_21.edf\nNumber of Seizures in File: 1\n"
        b"Seizure 1 Start Time: 2804 seconds\nSeizure 1 End Time: 2872 seconds\n",
    ),
    "helsinki_corpus": (b"1,7\n0,1\n1,1\n1,\n", b'"7"\r\n1.0\r\n0\r\n'),
    "seizeit_corpus": (b"# x\n5\tNone\tFIA\tHem:L, Orig:Temp\n7\t9\tF-BTC\t\n", b"# none\n"),
    "siena_corpus": (
        b"PN10\n\nSeizure n 2\nFile name: PN10-2.edf\nRegistration start time: 23.59.50\n"
        b"Seizure start time: 23.59.55\nSeizure end time: 00.00.04 opure 00.00.01\n\n"
        b"Seizure n 3\nFile name: PN1O-3.edf\nRegistration start time:2 3.59.50\n"
        b"Seizure start time: 00.00.01 (CLINICAL ONSET); 00.00.02 (ELECTRIC ONSET)\n"
        b"Seizure end time: 00:00.09\n\nSeizure n 7 (in sleep):\nFile name: PN10-7.8.9.edf\n"
        b"Registration start time:1 6.49.25\nStart time: 17.00.00\nEnd time: 17.01.00\n",
    ),
}
"""Lists from which the fuzzer of a corpus begins."""

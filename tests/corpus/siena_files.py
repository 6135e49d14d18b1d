"""A small Siena database with all its quirks: headers, labels and lists as they were released."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.corpus.edf_files import Channel, channel, write_edf

SECONDS = {"PN00-3": 72}
"""Of recordings that are not 40 s long."""

ELECTRODES = (
    "Fp1", "F3", "C3", "P3", "O1", "F7", "T3", "T5", "Fz", "Cz", "Pz", "Fp2", "F4", "C4", "P4",
    "O2", "F8", "T4", "T6",
)  # fmt: skip
OTHERS = ("EEG Fc1", "EEG F10", "EKG EKG", "SPO2", "HR", "PLET", "1", "61", "A", "MK")
HEAD = """\
{patient}

Data Sampling Rate: 512 Hz

Channels in EDF files:
Channel 1: Fp1      
Channel 5: 1      
Channel 33: EKG 1


"""  # noqa: W291


def signals(seed: str, upper: Sequence[str] = ("Fp2", "Cz")) -> list[Channel]:
    """Electrodes at 512 Hz, some of them in capitals, and what lies beside them."""
    labels = [f"EEG {name.upper() if name in upper else name}" for name in ELECTRODES]
    return [
        channel(f"{seed}{label}", SECONDS.get(seed, 40), 512, label=label)
        for label in (*labels, *OTHERS)
    ]


def recording(root: Path, name: str, start: str, *, date: str = "01.01.16") -> None:
    """Write a recording that begins at a clock time such as ``19.39.33``."""
    write_edf(root / name[:4] / f"{name}.edf", signals(name), date=date, time=start)


def block(
    number: int,
    file: str,
    first: str,
    start: str,
    end: str,
    *,
    last: str = "",
) -> str:
    """A seizure of a list; without a file or times of its own where these are empty."""
    lines = [
        f"Seizure n {number}",
        f"File name: {file}" if file else "",
        f"Registration start time: {first}" if first else "",
        f"Registration end time:  {last}" if last else "",
        f"Seizure start time: {start}",
        f"Seizure end time: {end}",
    ]
    return "\n".join(filter(None, lines)) + "\n\n"


def write_list(root: Path, patient: str, *blocks: str, encoding: str = "utf-8") -> Path:
    """Write the list of a patient."""
    path = root / patient / f"Seizures-list-{patient}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = HEAD.format(patient=patient) + "".join(blocks)
    path.write_bytes(text.encode(encoding))
    return path


STARTS = {
    "PN00-1": "19.39.33",
    "PN00-3": "18.28.20",
    "PN01-1": "23.59.50",
    "PN05-3": "06.01.13",
    "PN06-1": "04.21.00",
    "PN06-2": "21.11.00",
    "PN06-3": "06.25.00",
    "PN10-2": "11.40.30",
    "PN10-3": "15.43.40",
    "PN10-4.5.6": "15.18.00",
    "PN10-7.8.9": "16.49.25",
    "PN11-1": "11.31.00",
    "PN12-1.2": "15.51.00",
    "PN14-3": "19.17.45",
    "PN16-1": "22.53.00",
}
"""When each recording begins, according to its header."""

SEIZURES = {
    "PN00-1": [(3, 13)],
    "PN00-3": [(9, 69)],
    "PN01-1": [(2, 12), (15, 20)],
    "PN05-3": [(20, 30)],
    "PN06-1": [(5, 15)],
    "PN06-2": [(6, 16)],
    "PN06-3": [(7, 17)],
    "PN10-2": [(5, 34)],
    "PN10-3": [(19, 30)],
    "PN10-4.5.6": [(2, 4), (10, 12), (26, 36)],
    "PN10-7.8.9": [(1, 2), (5, 6), (35, 39)],
    "PN11-1": [(1, 11)],
    "PN12-1.2": [(10, 20), (25, 30)],
    "PN14-3": [(5, 15)],
    "PN16-1": [(10, 25)],
}
"""Seizures in seconds, read by hand and with errata."""


def write_siena(root: Path, starts: Mapping[str, str] = STARTS) -> Path:
    """Write nine patients with 15 recordings and 21 seizures; PN06-4 and PN00-2 are not there."""
    for name, start in starts.items():
        recording(root, name, start)
    write_list(
        root,
        "PN00",
        block(1, "PN00-1.edf", "19.39.33", "19.39.36", "19.39.46", last="20.22.58"),
        block(2, "PN00-2.edf", "02.18.17", "02.38.37", "02.39.31"),
        block(3, "PN00-3.edf", "18.28.20", "18.28.29", "19.29.29"),
    )
    write_list(
        root,
        "PN01",
        "File name: PN01.edf\nRegistration start time: 23.59.50\n\nSeizure n 1\n"
        "Start time: 23:59:52\nEnd time: 00:00.02\n\n"
        "Seizure n 2\nStart time: 00:00:05\nEnd time: 00:00:10\n",
    )
    write_list(root, "PN05", block(2, "PN05-3.edf", "06.01.23", "06.01.33", "06.01.43"))
    write_list(
        root,
        "PN06",
        block(1, "PNO6-1.edf", "04.21.00", "04:21.05", "04.21.15"),
        block(2, "PNO6-2.edf", "21.11.00", "21.11.06", "21.11.16"),
        block(3, "PN06-3.edf", "06.25.00", "06.25.07", "06.25.17"),
        block(4, "PNO6-4.edf", "11.00.00", "11.10.00", "11.11.00"),
    )
    both = "15.43.53 (CLINICAL ONSET); 15.43.59 (ELECTRIC ONSET)"
    write_list(
        root,
        "PN10",
        block(2, "PN10-2.edf", "11.40.30", "11.40.35", "11.41.04 opure 11.40.43"),
        block(3, "PN10-3.edf", "15.43.40", both, "15.44.10"),
        block(4, "PN10-4.5.6.edf", "15.18.00", "15.18.02", "15.18.04"),
        block(5, "PN10-4.5.6.edf", "15.18.00", "15.18.10", "15.18.12"),
        block(6, "PN10-4.5.6.edf", "15.18.00", "15.18.26 (CLINICAL ONSET)", "15.18.36"),
        block(7, "PN10-7.8.9.edf", "1 6.49.25", "16.49.26", "16.49.27"),
        block(8, "PN10-7.8.9.edf", "16.49.25", "16.49.30", "16.49.31"),
        block(9, "PN10-7.8.9.edf", "16.49.25", "16.50.00", "16.50.04"),
    )
    write_list(root, "PN11", block(1, "PN11-.edf", "11.31.00", "11.31.01", "11.31.11"))
    write_list(
        root,
        "PN12",
        block(1, "PN12-1.2.edf", "15.51.00", "15.51.10", "15.51.20"),
        block(2, "PN12-1.2.edf", "", "15.51.25", "15.51.30"),
    )
    write_list(root, "PN14", block(3, "PN14-3.edf", "16.17.45", "19.17.50", "19.18.00"))
    path = write_list(
        root,
        "PN16",
        "Seizure n 1 (in sleep):\nFile name: PN16-1.edf  \nRegistration start time: 22.53.00\n"
        "Seizure start time: 22.53.10 \nSeizure end time:22.53.25\n",
    )
    text = path.read_text()
    path.write_bytes(text.replace("\n", "\r\n", 12).encode())
    return root

"""The content of a synthetic corpus: its patients, sessions, files, and their quirks.

The first 24 files follow `_ROLES`, which assigns every entry of `QUIRKS`; later ones are
ordinary, with the frequencies of the real corpus.
"""

import math
import string
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

import numpy as np

QUIRKS: dict[str, str] = {
    "sfreq_250": "250 Hz instead of 256 Hz",
    "sfreq_400": "400 Hz",
    "sfreq_512": "512 Hz",
    "sfreq_1000": "1000 Hz",
    "montage_le": "names such as EEG FP1-LE, under 02_tcp_le",
    "montage_ar_a": "no A1 and A2, under 03_tcp_ar_a",
    "shuffled_channels": "channels in another order",
    "extra_channels": "T1, LOC, ROC, 31 and PHOTIC as well",
    "side_channels": "IBI, BURSTS, SUPPR at 1 Hz and RESP ABDOMEN at 16 Hz",
    "no_fz_pz_with_ekg1": "FZ and PZ missing beside a channel without a position",
    "no_fz_pz_with_a1_a2": "FZ and PZ missing, A1 and A2 present, no EKG1",
    "asymmetric_range": "asymmetric physical ranges, another one for each channel",
    "millivolts": "signals in mV",
    "inverted_range": "physical minimum above the maximum in one channel",
    "dc_offset": "1 to 3 mV of offset in three channels",
    "short": "5 to 50 s long",
    "colon_date": "start date written 01:01:85",
    "personal_header": "a name, a date of birth and a technician in the header",
    "reserved_edf": "the reserved header field says EDF",
    "truncated_record": "the last data record is cut off",
    "unknown_record_count": "-1 data records in the header",
    "excess_record_count": "more data records in the header than in the file",
    "events_past_end": "one event runs over the end of the file, one lies past it",
    "overlapping_events": "two rows of one class overlap",
    "zero_length_event": "a row that ends where it starts",
    "mixed_types": "fnsz that turns into gnsz",
    "short_background_row": "the bckg row of the .csv_bi spans about 1 s",
    "duration_4_decimals": "4 decimals in the duration line instead of 2",
    "other_montage_file": "another montage_file line",
    "extra_header_lines": "header lines of older releases",
    "no_annotation": "no annotation files",
    "header_only_annotation": "annotation files without rows",
    "duplicate": "a copy of another recording under a second montage folder",
}
"""Quirks of recordings, by the name in :attr:`SyntheticRecording.quirks`."""

# Whether the file has a seizure, and its quirks. The first three are the first recordings of the
# splits, which must be long and have a seizure. Quirks that exclude a recording come late, so that
# all files of a small corpus can be built.
_ROLES: tuple[tuple[bool, str], ...] = (
    (True, "personal_header shuffled_channels extra_channels"),
    (True, "sfreq_250 dc_offset mixed_types"),
    (True, "shuffled_channels montage_le duration_4_decimals"),
    (False, "no_fz_pz_with_ekg1 montage_ar_a short_background_row"),
    (True, "sfreq_400 events_past_end duration_4_decimals"),
    (False, "short sfreq_1000"),
    (False, "side_channels extra_channels shuffled_channels short_background_row"),
    (False, "sfreq_250 montage_le duration_4_decimals"),
    (True, "overlapping_events other_montage_file"),
    (False, "no_fz_pz_with_a1_a2 shuffled_channels short_background_row"),
    (False, "duplicate"),
    (True, "zero_length_event extra_header_lines"),
    (False, "no_annotation"),
    (False, "millivolts shuffled_channels short_background_row"),
    (True, "sfreq_512 asymmetric_range"),
    (False, "truncated_record duration_4_decimals"),
    (False, "header_only_annotation"),
    (True, "unknown_record_count dc_offset"),
    (False, "excess_record_count inverted_range short_background_row"),
    (False, "short sfreq_400 extra_channels"),
    (True, "personal_header sfreq_250 shuffled_channels"),
    (False, "colon_date"),
    (True, "montage_ar_a extra_channels side_channels"),
    (False, "short montage_le short_background_row"),
)
_ORDINARY = {
    "shuffled_channels": 0.5, "extra_channels": 0.4, "side_channels": 0.1, "dc_offset": 0.1,
    "short": 0.04, "short_background_row": 0.5, "duration_4_decimals": 0.5,
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Place of a recording in the corpus, and its properties."""

    split: str
    patient: str
    session: str
    year: int
    token: int
    first: bool
    seizure: bool = False
    quirks: tuple[str, ...] = ()

    @property
    def stem(self) -> str:
        """Name of its files, without a suffix."""
        return f"{self.patient}_{self.session}_t{self.token:03d}"

    @property
    def montage(self) -> str:
        """Folder of its montage."""
        if "montage_le" in self.quirks:
            return "02_tcp_le"
        return "03_tcp_ar_a" if "montage_ar_a" in self.quirks else "01_tcp_ar"

    def path(self, montage: str) -> PurePosixPath:
        """Return the path of its EDF file under the folder of a montage."""
        session = f"{self.session}_{self.year}"
        return PurePosixPath("edf", self.split, self.patient, session, montage, f"{self.stem}.edf")


def layout(patients: int, files: int, seed: int) -> list[Place]:
    """Return the places of the recordings of a corpus, those of train first."""
    rng = np.random.default_rng([seed, 2**32 - 1])
    dev = max(1, round(0.2 * patients)) if patients >= 2 else 0
    held_out = max(1, round(0.2 * patients)) if patients >= 3 else 0
    splits = ["train"] * (patients - dev - held_out) + ["dev"] * dev + ["eval"] * held_out
    names = sorted(_name(int(k)) for k in rng.choice(26**3, patients, replace=False))
    places = []
    for name, split in zip(names, rng.permutation(splits).tolist(), strict=True):
        sessions = 1 if files < 3 else int(rng.integers(1, 3))
        session = token = 0
        for k in range(files):
            if k % math.ceil(files / sessions) == 0:
                session, token = session + int(rng.integers(1, 4)), int(rng.integers(0, 2))
                year = int(rng.integers(2002, 2016))
            token += 1 + int(rng.random() < 0.3)
            places.append(Place(split, name, f"s{session:03d}", year, token, first=False))
    places.sort(key=lambda place: ("train", "dev", "eval").index(place.split))
    return [
        replace(place, first=k == 0 or places[k - 1].split != place.split)
        for k, place in enumerate(places)
    ]


def _name(number: int) -> str:
    letters = string.ascii_lowercase
    return "aaaaa" + letters[number // 676] + letters[number // 26 % 26] + letters[number % 26]


def deal_roles(places: list[Place], seed: int, quirks: bool) -> list[Place]:
    """Return the same places, with whether they have a seizure, and their quirks."""
    if not quirks:
        return [replace(p, seizure=p.first or 2 * k % 5 < 2) for k, p in enumerate(places)]
    rng = np.random.default_rng([seed, 2**32 - 2])
    order = sorted(range(len(places)), key=lambda k: not places[k].first)
    dealt = list(places)
    for turn, k in enumerate(order):
        if turn < len(_ROLES):
            seizure, names = _ROLES[turn][0], _ROLES[turn][1].split()
        else:
            seizure = bool(rng.random() < 0.4)
            rate = rng.choice(
                ["", "sfreq_250", "sfreq_400", "sfreq_512"], p=[0.68, 0.19, 0.11, 0.02]
            )
            montage = rng.choice(["", "montage_le", "montage_ar_a"], p=[0.7, 0.2, 0.1])
            names = [str(name) for name in (rate, montage) if name]
            names += [name for name, share in _ORDINARY.items() if rng.random() < share]
            if seizure:
                names = [name for name in names if name not in ("short", "short_background_row")]
        dealt[k] = replace(places[k], seizure=seizure, quirks=(*names, "reserved_edf"))
    return dealt

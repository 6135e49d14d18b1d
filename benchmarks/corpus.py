"""The EDF files of the benchmarks, like those of TUSZ in all that costs time or bytes.

:func:`tuszstore.corpus.synthetic.write_corpus` makes more irregular files than TUSZ has. Here all
files are ordinary, so that every file can be built both ways.
"""

from collections.abc import Sequence
from pathlib import Path

import edfio
import numpy as np

from tuszstore.corpus.synthetic_eeg import POSITIONS, add_seizure, auxiliary, background

RATES = {256: 0.67, 250: 0.19, 400: 0.11, 512: 0.02, 1000: 0.01}
"""Shares of files in TUSZ v2.0.3 by sampling rate (Hz)."""

N_SIGNALS = 33
"""Signals per file, of which the 19 of the 10-20 system are used."""

_STEPS = (0.15, 0.30, 0.90)  # µV, as in TUSZ's amplifiers
_SEIZURE_SECONDS = 45.0


def rates_of(files: int) -> list[int]:
    """Return the sampling rate (Hz) of each file, in the shares of :data:`RATES`.

    Parameters
    ----------
    files : int
    """
    exact = {rate: share * files for rate, share in RATES.items()}
    counts = {rate: int(count) for rate, count in exact.items()}
    largest_rest = sorted(exact, key=lambda rate: counts[rate] - exact[rate])
    for rate in largest_rest[: files - sum(counts.values())]:
        counts[rate] += 1
    return [rate for rate, count in counts.items() for _ in range(count)]


def write_files(root: Path, files: int, minutes: float, seed: int = 0) -> list[int]:
    """Write recordings with annotations to ``root/edf/train``, each of a different patient.

    Two of five have a seizure.

    Parameters
    ----------
    root : Path
    files : int
    minutes : float
        Approximate length of a recording.
    seed : int

    Returns
    -------
    list of int
        Their sampling rates (Hz).
    """
    rates = rates_of(files)
    for k, sfreq in enumerate(rates):
        rng = np.random.default_rng([seed, k])
        seconds = round(60 * minutes * rng.uniform(0.85, 1.15))
        write_recording(_place(root, k), rng, seconds, sfreq, seizure=2 * k % 5 < 2)
    return rates


def link_files(paths: Sequence[Path], target: Path) -> None:
    """Make a corpus of some recordings, each linked under the name of another patient.

    Links take neither space nor additional page cache.

    Parameters
    ----------
    paths : sequence of Path
        EDF files, each with its ``.csv`` beside it.
    target : Path
        Root of the new corpus.
    """
    for number, path in enumerate(paths):
        link = _place(target, number)
        link.parent.mkdir(parents=True)
        for suffix in (".edf", ".csv"):
            link.with_suffix(suffix).symlink_to(path.with_suffix(suffix).absolute())


def write_recording(
    path: Path,
    rng: np.random.Generator,
    seconds: int,
    sfreq: int,
    *,
    seizure: bool = True,
    missing: Sequence[str] = (),
) -> None:
    """Write one EDF file of :data:`N_SIGNALS` signals at one rate, and its ``.csv``.

    Parameters
    ----------
    path : Path
    rng : numpy.random.Generator
    seconds : int
    sfreq : int
        Sampling rate (Hz).
    seizure : bool
        Whether the recording has a seizure.
    missing : sequence of str
        Electrodes to omit; open inputs replace them.
    """
    names = [name for name in POSITIONS if name not in missing]
    eeg = background(rng, names, seconds * sfreq, sfreq)
    event = (0.4 * seconds, min(0.4 * seconds + _SEIZURE_SECONDS, 0.9 * seconds), "fnsz")
    if seizure:
        add_seizure(rng, eeg, names, sfreq, event, "T3")
    others = ["EKG1", "PHOTIC", *map(str, range(20, 20 + N_SIGNALS))][: N_SIGNALS - len(names)]
    half = 32768 * _STEPS[rng.integers(len(_STEPS))]
    signals = [
        edfio.EdfSignal.from_digital(
            np.rint(row * (32768 / half)).clip(-32768, 32767).astype(np.int16),
            sfreq,
            label=f"EEG {name}-REF",
            physical_dimension="uV",
            physical_range=(round(-half, 1), round(half * 32767 / 32768, 1)),
        )
        for name, row in [
            *zip(names, eeg, strict=True),
            *((name, auxiliary(rng, name, seconds * sfreq, sfreq)) for name in others),
        ]
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    edfio.Edf(signals, data_record_duration=1).write(path)
    path.with_suffix(".csv").write_text(_annotation(seconds, event if seizure else None))


def _place(root: Path, number: int) -> Path:
    first, last = divmod(number, 26)
    patient = f"aaaaa{chr(97 + first // 26)}{chr(97 + first % 26)}{chr(97 + last)}"
    folder = root / "edf" / "train" / patient / "s001_2010" / "01_tcp_ar"
    return folder / f"{patient}_s001_t001.edf"


def _annotation(seconds: int, event: tuple[float, float, str] | None) -> str:
    onset, offset, label = event or (0.0, seconds, "bckg")
    return (
        f"# version = csv_v1.0.0\n# duration = {seconds:.2f} secs\n#\n"
        "channel,start_time,stop_time,label,confidence\n"
        f"F7-T3,{onset:.4f},{offset:.4f},{label},1.0000\n"
    )

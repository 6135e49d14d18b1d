"""Frequency of the mains, according to the sidecars ``_eeg.json`` of recordings in BIDS."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuszstore.corpus.bids_files import find_sidecars, parse_name
from tuszstore.corpus.formats.text import shown
from tuszstore.corpus.parsed import Parsed
from tuszstore.errors import RecordingError

_KEY = "PowerLineFrequency"
_MOST = 1 << 20


class Mains:
    """Frequencies of the mains where recordings were made."""

    def __init__(self) -> None:
        self._sidecars = Parsed(_parse, _MOST)

    def of(self, path: Path, dataset: Path) -> tuple[float | None, str]:
        """Return the frequency (Hz), None if it is unknown, and its source.

        It is only used for advice: a sidecar that cannot be read is treated as if it did not
        exist.

        Parameters
        ----------
        path : Path
            Path of the recording.
        dataset : Path
            Folder of its dataset.
        """
        name = parse_name(path.name)
        if name is None:
            return None, ""
        for sidecar in find_sidecars(path, dataset, name.suffix, ".json"):
            try:
                told = self._sidecars(sidecar)
            except (FileNotFoundError, RecordingError):
                continue
            if _KEY in told:
                freq = _frequency(told[_KEY])
                return freq, "" if freq is None else f"{_KEY} in {sidecar.name}"
        return None, ""


def _parse(content: bytes, name: str) -> Mapping[str, Any]:
    """Read a JSON object, of which only one key is kept.

    Raises
    ------
    RecordingError
        If it is not a JSON object.
    """
    try:
        told = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{name}: is not JSON: {shown(str(error))}") from error
    if not isinstance(told, dict):
        raise RecordingError(f"{name}: is not a JSON object")
    return {_KEY: told[_KEY]} if _KEY in told else {}


def _frequency(value: object) -> float | None:
    """Return a frequency (Hz), which some write as text; None if it is unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        freq = float(value)
    except (ValueError, OverflowError):
        return None
    return freq if 0 < freq < math.inf else None

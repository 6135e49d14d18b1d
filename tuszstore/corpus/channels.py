"""The 19 channels of the international 10-20 system, found by name.

TUSZ files hold 25 to 129 signals in 49 orders, so a position in the file means nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tuszstore.channels.names import CHANNELS
from tuszstore.compat import standard_montage
from tuszstore.errors import RecordingError

SYNONYMS = {"T7": "T3", "T8": "T4", "P7": "T5", "P8": "T6"}
"""Names of the newer 10-10 nomenclature for four of the 19."""

REFERENCES = ("-LE", "-REF", "-AR")
"""Suffixes that name the reference: linked ears, a common reference, the average."""


@dataclass(frozen=True)
class ChannelMap:
    """Which signal of a file is which electrode.

    Attributes
    ----------
    signals : dict of str to int
        Signal number of each of the 19 channels that the file has.
    others : dict of str to int
        Signal number of each other electrode that has a position in MNE's
        10-20 montage, such as A1 and A2.
    duplicates : dict of str to tuple of int
        Further signals that bear the name of one of the 19.
    """

    signals: dict[str, int]
    others: dict[str, int]
    duplicates: dict[str, tuple[int, ...]]

    @property
    def missing(self) -> list[str]:
        """Channels of the 19 that the file does not have, sorted."""
        return sorted(set(CHANNELS) - set(self.signals))


def electrode(label: str, *, ignore_case: bool = True) -> str:
    """Return what is left of a signal's label without ``EEG`` and the reference.

    >>> electrode("EEG FP1-REF"), electrode("Fp1-Ref"), electrode("EEG EKG1-REF")
    ('FP1', 'Fp1', 'EKG1')

    Parameters
    ----------
    label : str
        Label as in the EDF header.
    ignore_case : bool
        Whether ``eeg`` and ``-Ref`` count as well.
    """
    name = label.replace(" ", "")
    folded = name.upper() if ignore_case else name
    if folded.startswith("EEG"):
        name, folded = name[3:], folded[3:]
    for suffix in REFERENCES:
        if folded.endswith(suffix):
            return name[: -len(suffix)]
    return name


def match_channels(labels: Sequence[str], *, ignore_case: bool = True) -> ChannelMap:
    """Find the 19 channels and the other positioned electrodes among a file's labels.

    Parameters
    ----------
    labels : sequence of str
        Labels of all signals of the file.
    ignore_case : bool
        Whether prefix, reference and synonyms are matched without case; the 19 always are.
    """
    return _match(tuple(labels), ignore_case)


@lru_cache(maxsize=256)  # the files of a corpus have their signals in a few orders
def _match(labels: tuple[str, ...], ignore_case: bool) -> ChannelMap:
    canonical = {name.upper(): name for name in CHANNELS}
    positioned = {name.upper(): name for name in _positioned_electrodes()}
    found: dict[str, list[int]] = {}
    synonyms: dict[str, list[int]] = {}
    others: dict[str, int] = {}
    for number, label in enumerate(labels):
        name = electrode(label, ignore_case=ignore_case)
        synonym = SYNONYMS.get(name.upper() if ignore_case else name)
        if name.upper() in canonical:
            found.setdefault(canonical[name.upper()], []).append(number)
        elif synonym:
            synonyms.setdefault(synonym, []).append(number)
        elif name.upper() in positioned:
            others.setdefault(positioned[name.upper()], number)
    for name, numbers in synonyms.items():
        found.setdefault(name, numbers)
    return ChannelMap(
        signals={name: numbers[0] for name, numbers in found.items()},
        others=others,
        duplicates={name: tuple(rest) for name, (_, *rest) in found.items() if rest},
    )


def require_channels(channels: ChannelMap, may_miss: Sequence[str]) -> None:
    """Refuse a file that lacks a channel which may not be interpolated.

    Raises
    ------
    RecordingError
        Naming the missing channels.
    """
    if lost := [name for name in channels.missing if name not in may_miss]:
        raise RecordingError(
            f"{'channels are' if len(lost) > 1 else 'channel is'} missing: {', '.join(lost)}"
        )


def _positioned_electrodes() -> tuple[str, ...]:
    return tuple(name for name in standard_montage().ch_names if name not in SYNONYMS)

"""The 19 electrodes found by their labels alone, as tuszstore 1 found them: an oracle."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tuszstore.channels.labels import (
    PLAIN_REFERENCES,
    describe_labels,
    electrode,
    is_common,
    parse_label,
    positioned_electrodes,
)
from tuszstore.channels.names import CHANNELS, SYNONYMS
from tuszstore.errors import RecordingError

_FEW = 4
"""Missing channels up to which it is worth to say that they may be interpolated."""


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


def match_channels(
    labels: Sequence[str], *, ignore_case: bool = True, may_miss: Sequence[str] = ()
) -> ChannelMap:
    """Find the 19 channels and the other positioned electrodes among a file's labels.

    All are taken against one reference, whichever the file has, such as in ``Fp1-Avg``,
    ``EEG Fp1-A1A2`` or ``Fp1-Pz``: signals of two references are not mixed.

    Parameters
    ----------
    labels : sequence of str
        Labels of all signals of the file.
    ignore_case : bool
        Whether prefix, reference and synonyms are matched without case; the 19 always are.
    may_miss : sequence of str
        Channels that need not be there.
    """
    return _match(tuple(labels), ignore_case, tuple(may_miss))


@lru_cache(maxsize=256)  # the files of a corpus have their signals in a few orders
def _match(labels: tuple[str, ...], ignore_case: bool, may_miss: tuple[str, ...]) -> ChannelMap:
    """Choose the signals that share a reference and are the first to have all that is needed.

    What has always been read goes first, so that no other spelling changes what is read of a file.
    """
    plain = _channel_map(
        [(n, electrode(label, ignore_case=ignore_case)) for n, label in enumerate(labels)],
        ignore_case,
    )
    if plain.signals and set(plain.missing) <= set(may_miss):
        return plain
    groups: dict[str, list[tuple[int, str]]] = {}
    for number, label in enumerate(labels):
        if (spelled := parse_label(label, ignore_case=ignore_case)) is not None:
            groups.setdefault(spelled.reference, []).append((number, spelled.electrode))
    unnamed = [entry for name in PLAIN_REFERENCES for entry in groups.pop(name, ())]
    candidates = [
        plain,
        _filled(plain, _channel_map(sorted(unnamed), ignore_case)),
        *(
            _channel_map(group, ignore_case)
            for reference, group in groups.items()
            if is_common(reference, len({name.upper() for _, name in group}))
        ),
    ]
    for found in candidates:
        if found.signals and set(found.missing) <= set(may_miss):
            return found
    return max(candidates, key=lambda found: len(found.signals))  # the first of equal ones


def _channel_map(entries: Sequence[tuple[int, str]], ignore_case: bool) -> ChannelMap:
    canonical = {name.upper(): name for name in CHANNELS}
    positioned = {name.upper(): name for name in positioned_electrodes()}
    found: dict[str, list[int]] = {}
    synonyms: dict[str, list[int]] = {}
    others: dict[str, int] = {}
    for number, name in entries:
        synonym = SYNONYMS.get(name.upper() if ignore_case else name)
        if name.upper() in canonical:
            found.setdefault(canonical[name.upper()], []).append(number)
        elif synonym:
            synonyms.setdefault(synonym, []).append(number)
        elif name.upper() in positioned:
            others.setdefault(positioned[name.upper()], number)
    for name, numbers in synonyms.items():
        found.setdefault(name, []).extend(numbers)
    return ChannelMap(
        signals={name: numbers[0] for name, numbers in found.items()},
        others=others,
        duplicates={name: tuple(rest) for name, (_, *rest) in found.items() if rest},
    )


def _filled(first: ChannelMap, second: ChannelMap) -> ChannelMap:
    """Return the first, with what only the second has."""
    return ChannelMap(
        signals=second.signals | first.signals,
        others=second.others | first.others,
        duplicates=first.duplicates
        | {name: more for name, more in second.duplicates.items() if name not in first.signals},
    )


def require_channels(
    channels: ChannelMap,
    may_miss: Sequence[str],
    labels: Sequence[str] = (),
    *,
    ignore_case: bool = True,
) -> None:
    """Refuse a file that lacks a channel which may not be interpolated.

    Parameters
    ----------
    channels : ChannelMap
    may_miss : sequence of str
        Channels that may be interpolated.
    labels : sequence of str
        Labels of all signals of the file, to say what it has instead.
    ignore_case : bool
        As for :func:`match_channels`.

    Raises
    ------
    RecordingError
        Naming the missing channels, and what the file has.
    """
    lost = [name for name in channels.missing if name not in may_miss]
    if not lost and not channels.signals:
        lost = channels.missing  # nothing can be interpolated from nothing
    if lost:
        way_out = ""
        if not ignore_case and set(match_channels(labels).missing) <= set(may_miss):
            way_out = "; they exist in another case: set channels.ignore_case to true"
        elif len(channels.missing) <= _FEW:
            them = "them" if len(lost) > 1 else "it"
            way_out = f"; to interpolate {them}, add {', '.join(lost)} to channels.interpolate"
        raise RecordingError(
            f"{'channels are' if len(lost) > 1 else 'channel is'} missing: {', '.join(lost)}; "
            f"{describe_labels(labels, ignore_case=ignore_case)}{way_out}"
        )

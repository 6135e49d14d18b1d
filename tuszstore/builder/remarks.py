"""Warnings about a corpus from planning."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from tuszstore.builder.planned import PlannedRecording
from tuszstore.channels.derivations import Channel
from tuszstore.channels.resolve import Resolution
from tuszstore.channels.sets import SETS
from tuszstore.config import Channels, Signal
from tuszstore.corpus.annotations import has_rows
from tuszstore.corpus.base import Recording, SourceFacts
from tuszstore.corpus.copies import same_name_other_content
from tuszstore.corpus.pseudonyms import Pseudonyms
from tuszstore.corpus.reading import resolve_labels
from tuszstore.corpus.tusz import beside
from tuszstore.errors import RecordingError
from tuszstore.reasons import plural
from tuszstore.registry import ANNOTATIONS
from tuszstore.text import printable

_EXAMPLES = 3
_SAME = 0.5
"""Difference (Hz) up to which the notch has the frequency of the mains."""


def several_montages(recordings: Iterable[Recording], pseudonyms: Pseudonyms | None) -> list[str]:
    """Warn of files with the same name under several montages that are not copies."""
    groups = same_name_other_content(recordings)
    if not groups:
        return []
    named = groups[0] if pseudonyms is None else map(pseudonyms.recording, groups[0])
    example = " and ".join(recording.id for recording in named)
    return [
        f"{plural(sum(map(len, groups)), 'file')} with one name and session are under several "
        f"montages with different content; all are kept, such as {example}"
    ]


def bipolar_recordings(
    left_out: Iterable[Recording], facts_of: Callable[[Recording], SourceFacts], config: Channels
) -> list[str]:
    """Warn of excluded recordings that have the longitudinal bipolar montage, not electrodes.

    Parameters
    ----------
    left_out : iterable of Recording
        Recordings that cannot be used.
    facts_of : callable
        Reads the header of one.
    config : Channels
    """
    count = sum(_is_bipolar(recording, facts_of, config) for recording in left_out)
    if not count:
        return []
    are = "recording is" if count == 1 else "recordings are"
    return [
        f"{count:,} {are} bipolar, and the channels of this configuration cannot be computed from "
        f"{'it' if count == 1 else 'them'}: use --config bipolar"
    ]


def _is_bipolar(
    recording: Recording, facts_of: Callable[[Recording], SourceFacts], config: Channels
) -> bool:
    def has(wanted: Sequence[Channel]) -> Resolution | None:
        with suppress(RecordingError):
            return resolve_labels(labels, config, wanted)
        return None

    try:
        labels = facts_of(recording).labels
    except (RecordingError, OSError):
        return False  # its reason says so
    banana = has(SETS["double_banana"])
    return banana is not None and not banana.electrodes and has(config.channels) is None


def other_annotations(unlabelled: Iterable[Recording], kind: str) -> list[str]:
    """Warn of recordings treated as unlabelled although another annotation exists."""
    kinds = Counter(
        other for recording in unlabelled for other in annotations_beside(recording, kind)
    )
    return [
        f"{plural(count, 'recording')} treated as unlabelled, although .{other} annotations exist "
        f"beside: to read those of all recordings, --set labels.annotation={other}"
        for other, count in kinds.items()
    ]


def annotations_beside(recording: Recording, kind: str) -> list[str]:
    """Return the other kinds of annotations that exist beside a recording and have rows."""
    others = (other for other in ANNOTATIONS if other != kind)
    return [other for other in others if has_rows(beside(recording.path, other), other)]


def cut_off(planned: Iterable[PlannedRecording]) -> list[str]:
    """Warn of recordings whose files end before the recordings do."""
    found = [
        f"{printable(one.recording.id)} ({printable(one.cut_off)})"
        for one in planned
        if one.cut_off
    ]
    if not found:
        return []
    told = (
        "is cut off: its header declares more data records than the file holds"
        if len(found) == 1
        else "are cut off: their headers declare more data records than the files hold"
    )
    return [
        f"{plural(len(found), 'recording')} {told}: {'; '.join(found[:_EXAMPLES])}"
        f"{'; ...' if found[_EXAMPLES:] else ''}. What is there is built; compare the sizes of the "
        "files with those of the source"
    ]


def other_mains(
    planned: Iterable[PlannedRecording], config: Signal, *, named: bool = True
) -> list[str]:
    """Warn of recordings whose mains have another frequency than the notch.

    Mains above half of the store's sampling rate are removed by resampling.

    Parameters
    ----------
    planned : iterable of PlannedRecording
    config : Signal
    named : bool
        Whether to name the source of the frequency, which may contain a patient's name.

    Returns
    -------
    list of str
        One for each frequency, the most frequent first.
    """
    if config.notch is None:
        return []
    notch = config.notch.freq
    found: dict[float, list[str]] = {}
    for one in planned:
        freq = one.mains
        if freq is not None and abs(freq - notch) > _SAME and freq < config.sfreq / 2:
            found.setdefault(float(freq), []).append(one.mains_from)
    return [
        f"the notch is at {notch:.6g} Hz (signal.notch.freq), but the mains are at {freq:.6g} Hz "
        f"in {plural(len(sources), 'recording')}"
        f"{f' ({printable(sources[0])})' if named and sources[0] else ''}: "
        f"--set signal.notch.freq={freq:.6g}"
        for freq, sources in sorted(found.items(), key=lambda item: -len(item[1]))
    ]

"""Warnings about a corpus from planning."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from tuszstore.channels.derivations import Channel
from tuszstore.channels.resolve import Resolution, resolve
from tuszstore.channels.sets import SETS
from tuszstore.config import Channels
from tuszstore.corpus.annotations import holds_something
from tuszstore.corpus.base import Recording, SourceFacts
from tuszstore.corpus.copies import same_name_other_content
from tuszstore.corpus.pseudonyms import Pseudonyms
from tuszstore.corpus.tusz import beside
from tuszstore.errors import RecordingError
from tuszstore.reasons import plural
from tuszstore.registry import ANNOTATIONS


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
            return resolve(
                labels,
                wanted,
                ignore_case=config.ignore_case,
                rename=config.rename,
                references=config.references,
                interpolate=config.interpolate,
                average_of=config.average_of,
            )
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
        f"beside: to read them, --set labels.annotation={other}"
        for other, count in kinds.items()
    ]


def annotations_beside(recording: Recording, kind: str) -> list[str]:
    """Return the other kinds of annotations that exist beside a recording and are not empty."""
    others = (other for other in ANNOTATIONS if other != kind)
    return [other for other in others if holds_something(beside(recording.path, other))]

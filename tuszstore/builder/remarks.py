"""Warnings about a corpus from planning."""

from collections import Counter
from collections.abc import Iterable

from tuszstore.corpus.annotations import holds_something
from tuszstore.corpus.base import Recording
from tuszstore.corpus.copies import same_name_other_content
from tuszstore.corpus.pseudonyms import Pseudonyms
from tuszstore.corpus.tusz import beside
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

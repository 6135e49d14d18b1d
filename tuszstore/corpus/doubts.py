"""Annotated events that are impossible, and how a build reports them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tuszstore.config import Labels
from tuszstore.corpus.annotations import BACKGROUND, Event
from tuszstore.corpus.words import words_of
from tuszstore.errors import RecordingError
from tuszstore.store.labels import UNLABELLED
from tuszstore.text import printable

LATE = 10.0
"""Seconds that an event may end past the recording's end, owing to clocks and rounding."""

EXAMPLES = 3
"""Events of a kind that a warning names."""

KINDS = {
    "open_end": "without an end",
    "outside": "outside the recording, dropped",
    "past_end": f"past the recording's end by more than {LATE:g} s",
    "before_start": f"before the recording's start by more than {LATE:g} s",
    "too_long": "longer than the recording",
    "overlap": "overlapping another one of the same class",
    "zero": "without duration",
}
"""Kinds of doubt, and how each is reported."""

IN_SECONDS = "are onset and duration in seconds?"
"""What to check about an event that is wholly outside its recording, unless its corpus says."""

CUT_OFF = "the file is cut off, and the event may be in the part that is missing"
"""The cause where a file ends before the recording does."""

_WAY_OUT = "--set labels.suspicious=leave_out excludes such recordings"

CANNOT_BE = "impossible events"
"""How the warning that counts them begins."""


@dataclass(frozen=True)
class Doubt:
    """An impossible event.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`.
    told : str
        The event: its row, class and times.
    rows : int
        Rows of the file that hold it: one for each channel, or one.
    hint : str
        What to check, if it is wholly outside the recording.
    lost : bool
        Whether it is a seizure of a recording that without it has none.
    """

    kind: str
    told: str
    rows: int = 1
    hint: str = ""
    lost: bool = False


def find_doubts(
    events: Sequence[Event], seconds: float, config: Labels, hint: str = ""
) -> tuple[Doubt, ...]:
    """Return the impossible events of a recording.

    Only events that mean a class are checked, not background or ignored ones.
    An event that is wholly outside the recording is not also past its end, before its start or too
    long. An event overlaps if an earlier one of its class, channel and rater has not ended. An
    event in the rows of several channels counts once.

    Parameters
    ----------
    events : sequence of Event
    seconds : float
        Duration of the recording.
    config : Labels
    hint : str
        What to check about an event that is wholly outside; see
        :attr:`~tuszstore.corpus.annotations.Annotation.outside`.
    """
    words = words_of(config)
    outside, seizures_within = set(), False
    found: list[tuple[int, Doubt]] = []
    groups: dict[tuple[int, str, str], list[tuple[float, float, int]]] = {}
    for number, event in enumerate(events):
        bit = words.bit(event.label, event.meaning)
        if not bit or bit == UNLABELLED or event.label.lower() == BACKGROUND:
            continue
        onset, offset = event.onset, event.offset
        if math.isnan(offset):
            offset = onset
            kinds = ["open_end"]
        else:
            kinds = ["zero"] if offset == onset else []
            groups.setdefault((bit, event.channel, event.rater), []).append((onset, offset, number))
        lasts = offset > onset or kinds == ["open_end"]
        if lasts and (onset >= seconds or onset < offset <= 0):
            kinds.append("outside")
            if bit & config.seizure_bits:
                outside.add(number)
        else:
            seizures_within |= lasts and bool(bit & config.seizure_bits)
            if offset > seconds + LATE:
                kinds.append("past_end")
            if onset < -LATE:
                kinds.append("before_start")
            if offset - onset > seconds:
                kinds.append("too_long")
        found += [
            (number, Doubt(kind, _told(event, seconds), hint=_hint(kind, hint))) for kind in kinds
        ]
    for group in groups.values():
        latest = -math.inf
        for onset, offset, number in sorted(group):
            if onset < latest and offset > onset:
                found.append((number, Doubt("overlap", _told(events[number], seconds))))
            latest = max(latest, offset)
    # annotations by channel repeat an event for many channels: only the first is reported
    same: dict[tuple[str, str, float, str, str], list[Doubt]] = {}
    for number, doubt in sorted(found, key=lambda pair: pair[0]):
        if doubt.kind == "outside" and number in outside and not seizures_within:
            doubt = replace(doubt, lost=True)
        event = events[number]
        what = (doubt.kind, event.label, event.onset, str(event.offset), event.rater)
        same.setdefault(what, []).append(doubt)
    return tuple(replace(doubts[0], rows=len(doubts)) for doubts in same.values())


def _hint(kind: str, hint: str) -> str:
    return (hint or IN_SECONDS) if kind == "outside" else ""


def _told(event: Event, seconds: float) -> str:
    end = "an unknown time" if math.isnan(event.offset) else f"{event.offset:g} s"
    row = f"line {event.row}: " if event.row else ""
    rater = f" of {printable(event.rater)}" if event.rater else ""
    return f"{row}{printable(event.label)}{rater} from {event.onset:g} s to {end}, of {seconds:g} s"


def refuse_doubtful(
    events: Sequence[Event], seconds: float, config: Labels, file: str = "", hint: str = ""
) -> None:
    """Reject a recording with impossible events, if the configuration asks for it.

    Parameters
    ----------
    events : sequence of Event
    seconds : float
        Duration of the recording.
    config : Labels
    file : str
        Name of the annotation file, for messages.
    hint : str
        As for :func:`find_doubts`.

    Raises
    ------
    RecordingError
        Names the first such event.
    """
    if config.open_end == "leave_out" and (open_ := [e for e in events if math.isnan(e.offset)]):
        raise RecordingError(
            f"{file or 'annotation'}, line {open_[0].row}: event {open_[0].label!r} has no end; "
            "set labels.open_end to the duration (s) of such an event"
        )
    if config.suspicious == "leave_out" and (doubts := find_doubts(events, seconds, config, hint)):
        doubt = doubts[0]
        more = f" ({len(doubts)} in all)" if len(doubts) > 1 else ""
        kind = KINDS[doubt.kind].removesuffix(", dropped")
        cause = f" ({doubt.hint})" if doubt.hint else ""
        raise RecordingError(
            f"{f'{file}: ' if file else ''}impossible annotation: an event "
            f"{kind}, {doubt.told}{more}{cause}; to keep the recording anyway, set "
            "labels.suspicious to 'keep'"
        )


def warn_of_doubts(found: Iterable[tuple[str, Iterable[Doubt]]]) -> list[str]:
    """Return a warning for each kind of doubt, with a count and examples.

    Parameters
    ----------
    found : iterable of (str, iterable of Doubt)
        Id of each recording, and its impossible events.
    """
    by_kind: dict[tuple[str, str], list[tuple[str, Doubt]]] = {}
    for id_, doubts in found:
        for doubt in doubts:
            by_kind.setdefault((doubt.kind, doubt.hint), []).append((id_, doubt))
    order = list(KINDS)
    warnings = []
    for (kind, hint), same in sorted(by_kind.items(), key=lambda item: order.index(item[0][0])):
        rows = sum(doubt.rows for _, doubt in same)
        # notes of recordings count rows, which annotations by channel repeat
        more = f" (in {rows} rows)" if rows > len(same) else ""
        examples = "; ".join(f"{printable(id_)}, {doubt.told}" for id_, doubt in same[:EXAMPLES])
        lost = len({id_ for id_, doubt in same if doubt.lost})
        are = "recording is" if lost == 1 else "recordings are"
        follows = f"{lost} {are} stored as background although a seizure is annotated: " * bool(
            lost
        )
        stop = "" if hint.endswith("?") else "."
        cause = f". {follows}{hint}{stop} {_WAY_OUT}" if hint else ""
        warnings.append(f"{CANNOT_BE}: {len(same)} {KINDS[kind]}{more}, such as {examples}{cause}")
    return warnings

"""TUSZ before version 2: folders by montage, and annotations in four files of two formats.

    edf/dev_test/01_tcp_ar/002/00009578/s006_2012_07_05/00009578_s006_t001.{edf,tse,tse_bi,lbl,lbl_bi}

``.tse`` has classes of the whole montage, ``.lbl`` those of each channel; their ``_bi`` variants
have seizure or background. ``labels.annotation`` may name one of the four; ``csv`` and ``csv_bi``
use the equivalent file if a recording has neither.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from tuszstore.corpus.annotations import BACKGROUND, Annotation, Event, Looked
from tuszstore.corpus.formats.lbl import read_lbl
from tuszstore.corpus.formats.tse import read_tse

SAYS_THE_SAME = {"csv": ("tse", "lbl"), "csv_bi": ("tse_bi", "lbl_bi")}
"""Suffixes to try, in this order, if a recording has no file of a kind."""

SPLITS = {"dev_test": "dev"}
"""Folders of official splits under other names, as version 1.5.0 has them."""

GROUP = re.compile(r"\d{3}")
"""Folders between montage and patient, each of some hundred patients."""

NO_CLASS = frozenset({BACKGROUND, "(null)", "null"})
"""Classes that mark nothing."""

_GAP = 0.01  # s, from which time without a row counts as a gap
_END = 1.0  # s, by which a recording may be longer than its rows


def read_tse_events(text: str, name: str) -> Annotation:
    """Read ``.tse`` or ``.tse_bi``; time that no row covers is unlabelled.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Raises
    ------
    AnnotationError
    """
    found = read_tse(text, name)
    gaps = [(start, stop) for start, stop in found.gaps if stop - start >= _GAP]
    looked, begin = [], 0.0
    for start, stop in gaps:
        if start > begin:
            looked.append(Looked("", begin, start))
        begin = stop
    notes = [f"no row covers {start:g} to {stop:g} s: unlabelled" for start, stop in gaps]
    return Annotation(
        _marking(found.events),
        found.seconds,
        "",
        notes=tuple(notes[:3] + [f"and {len(notes) - 3} more stretches"] * (len(notes) > 3)),
        looked=(*looked, Looked("", begin, found.seconds + _END)),
    )


def read_lbl_events(text: str, name: str) -> Annotation:
    """Read ``.lbl`` or ``.lbl_bi``: the most probable class of each row, on its channel.

    Parameters
    ----------
    text : str
    name : str
        Name of the file, for messages.

    Raises
    ------
    AnnotationError
    """
    return Annotation(_marking(read_lbl(text, name).events), None, "")


def find_old(folder: Path, montage: re.Pattern[str], session: re.Pattern[str]) -> str:
    """Return a path below a split's folder that has the layout of these versions.

    Parameters
    ----------
    folder : Path
    montage, session : re.Pattern
        Of the names of such folders.

    Returns
    -------
    str
        From `folder` on; empty if there is none.
    """
    patterns = (montage, GROUP, re.compile(r"[^_.]+"), session)

    def below(place: Path, left: Sequence[re.Pattern[str]]) -> Iterator[Path]:
        if not left:
            yield place
            return
        try:
            some = [entry for entry, _ in zip(place.iterdir(), range(8), strict=False)]
        except OSError:
            return
        for entry in sorted(some)[:3]:
            if left[0].fullmatch(entry.name) and entry.is_dir():
                yield from below(entry, left[1:])

    found = next(below(folder, patterns), None)
    return found.relative_to(folder).as_posix() if found else ""


def _marking(events: Sequence[Event]) -> tuple[Event, ...]:
    return tuple(event for event in events if event.label.lower() not in NO_CLASS)

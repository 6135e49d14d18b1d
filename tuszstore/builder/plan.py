"""The plan of a build: recordings, positions of their blocks, and exclusions."""

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from tuszstore.builder.beside import compare_settings
from tuszstore.builder.neighbours import check_neighbours
from tuszstore.builder.overlap import overlapped
from tuszstore.builder.planned import Plan, PlannedRecording
from tuszstore.builder.publish import place_of
from tuszstore.builder.remarks import (
    bipolar_recordings,
    cut_off,
    other_annotations,
    other_mains,
    several_montages,
)
from tuszstore.builder.spec import geometry_of
from tuszstore.channels.derivations import Channel
from tuszstore.config import Config
from tuszstore.corpus.annotations import NONE, Unlabelled
from tuszstore.corpus.base import Discovery, LeftOut, Recording
from tuszstore.corpus.checked import CheckedCorpus
from tuszstore.corpus.choose import CorpusRef, choose_corpus
from tuszstore.corpus.copies import choose_originals, find_equal
from tuszstore.corpus.doubts import CUT_OFF, find_doubts, warn_of_doubts
from tuszstore.corpus.events import mark_events, not_counted, warn_not_counted
from tuszstore.corpus.listing import is_utf8
from tuszstore.corpus.pseudonyms import (
    Pseudonyms,
    by_pseudonym,
    pseudonyms_of,
    without_names,
)
from tuszstore.corpus.reading import inspect
from tuszstore.corpus.sources import stat_signal
from tuszstore.corpus.split_advice import Origin
from tuszstore.corpus.splits import (
    Split,
    available_splits,
    canonical_split,
    choose_split,
    concerns,
)
from tuszstore.errors import CorpusError, RecordingError
from tuszstore.reasons import plural
from tuszstore.signal.resample import nominal_rate, resampled_length
from tuszstore.store.geometry import Geometry
from tuszstore.store.local import absolute
from tuszstore.store.metadata import read_attributes
from tuszstore.store.raters import RULES, UnknownRaterError, check_rater
from tuszstore.text import printable

_LOG = logging.getLogger("tuszstore")


@dataclass(frozen=True)
class Survey:
    """The content of a corpus, for all splits.

    Attributes
    ----------
    corpus : CorpusRef
    found : Discovery
    equal : list of list of Recording
        Groups of recordings with the same content.
    """

    corpus: CorpusRef
    found: Discovery
    equal: list[list[Recording]]

    @classmethod
    def of(cls, config: Config) -> Self:
        """List a corpus, and compare possible copies.

        Raises
        ------
        CorpusError
            If there is no such corpus, or several recognise the folder.
        """
        ref = choose_corpus(config, _given(config.paths.data, "corpus", "data"))
        found = ref.open().recordings()
        return cls(ref, found, find_equal(found.recordings, overlapped))


def make_plan(
    config: Config,
    split: str,
    *,
    limit: int | None = None,
    survey: Survey | None = None,
    together: Collection[str] = (),
) -> Plan:
    """Plan the build of one split: list, divide, and read every header and annotation.

    Parameters
    ----------
    config : Config
        With ``paths.data`` and ``paths.store``.
    split : str
        ``train``, ``dev`` (or ``val``) or ``eval``.
    limit : int, optional
        Build at most this many recordings, the first in the store's order.
    survey : Survey, optional
        Survey of the corpus, if already made.
    together : collection of str
        Splits that are built with it.

    Raises
    ------
    CorpusError
        If there is no such corpus or split, it shares a patient with another split of this
        corpus or of a neighbouring store, or the split policy needs patients that names do not
        identify.
    BuildError
        If the store's name is a broken link.
    """
    made = time.time_ns()
    _given(config.paths.data, "corpus", "data")
    store = _given(config.paths.store, "folder for stores", "store")
    survey = survey or Survey.of(config)
    found, kind = survey.found, config.labels.annotation
    corpus = survey.corpus.open()
    _require_utf8(store)
    place = place_of(store / f"{canonical_split(split)}.zarr")
    pseudonyms = pseudonyms_of(config, read_attributes(place), place)
    name_of = pseudonyms.patient if pseudonyms else str
    chosen = choose_split(
        found.recordings,
        split,
        config.corpus,
        name_of,
        equal=survey.equal,
        annotation_of=corpus.annotation,
        origin=Origin.of(survey.corpus, config),
    )
    warnings = [*_notes(found, chosen, config), *chosen.warnings]
    left_out = [
        entry
        for entry in found.left_out
        if concerns(entry, chosen.name, config.corpus) and chosen.concerned(entry.id)
    ]
    recordings = sorted(chosen.recordings, key=lambda recording: recording.order)
    warnings += several_montages(recordings, pseudonyms)
    wanted = config.channels.channels
    inspected = list(overlapped(_inspector(corpus, config, wanted), recordings))
    left_out += [entry for entry in inspected if isinstance(entry, LeftOut)]
    buildable = [entry for entry in inspected if isinstance(entry, PlannedRecording)]
    lost = (entry for entry in inspected if isinstance(entry, LeftOut))
    failed = {entry.id for entry in lost if entry.kind == "failed"}
    unused = (recording for recording in recordings if recording.id in failed)
    warnings += bipolar_recordings(unused, corpus.facts, config.channels)
    without = (entry.recording for entry in buildable if not entry.annotation_digest)
    warnings += other_annotations(without, kind)
    _require_rater(config, buildable, found.recordings, corpus)
    if limit is not None and limit < len(buildable):
        warnings.append(f"limited to the first {limit} of {len(buildable)} recordings")
        buildable = buildable[:limit]
    warnings += warn_not_counted(planned.doubtful for planned in buildable)
    if pseudonyms:
        left_out += [copy.left_out(pseudonyms.recording) for copy in chosen.copies]
        buildable, left_out = _renamed(buildable, left_out, found.recordings, pseudonyms)
    else:
        left_out += [copy.left_out() for copy in chosen.copies]
    warnings += warn_of_doubts((planned.recording.id, planned.doubts) for planned in buildable)
    warnings += cut_off(buildable)
    warnings += other_mains(buildable, config.signal, named=pseudonyms is None)
    plan = Plan(
        split=chosen.name,
        config=config,
        corpus=survey.corpus,
        store=place,
        recordings=tuple(_placed(buildable, geometry_of(config))),
        left_out=tuple(sorted(left_out, key=lambda entry: entry.id)),
        warnings=tuple(warnings),
        patients_from=found.patients_from,
        pseudonyms=pseudonyms,
        limit=limit,
        made=made,
    )
    more = check_neighbours(plan, together)
    _LOG.info(
        "%s: %s of corpus %s at %s, %g h, and %s excluded; split policy %s, patients from %s",
        plan.split,
        plural(len(plan.recordings), "recording"),
        plan.corpus.name,
        plan.data,
        round(plan.hours, 2),
        plural(len(plan.left_out), "recording"),
        config.corpus.split_policy,
        plan.patients_from or "the corpus",
    )
    beside = tuple(compare_settings(plan, together))
    return replace(plan, warnings=(*plan.warnings, *more), beside=beside)


def _require_rater(
    config: Config,
    planned: Iterable[PlannedRecording],
    recordings: Iterable[Recording],
    corpus: CheckedCorpus,
) -> None:
    """Reject a rater who does not occur in the corpus."""
    rater = config.labels.rater
    known: set[str] = set()
    if rater in RULES or config.labels.annotation == NONE:
        return
    if any(rater in entry.raters for entry in planned):
        return
    # all recordings, since the rater may be in any of them, and the message names all raters
    for recording in recordings:
        try:
            known.update(corpus.annotation(recording).raters)
        except (RecordingError, OSError):
            continue  # the error is reported for the recording
        if rater in known:
            return
    try:
        check_rater(rater, sorted(known), f"{corpus.name}'s annotations")
    except UnknownRaterError as error:
        raise CorpusError(f"labels.rater: {error}") from None


def _renamed(
    planned: Iterable[PlannedRecording],
    left_out: Iterable[LeftOut],
    recordings: Iterable[Recording],
    pseudonyms: Pseudonyms,
) -> tuple[list[PlannedRecording], list[LeftOut]]:
    """Replace names by pseudonyms, after order and split are decided."""
    by_pseudonym(pseudonyms, recordings := list(recordings))
    origin = {recording.id: recording for recording in recordings}
    known = {recording.id: pseudonyms.recording(recording) for recording in recordings}
    renamed = [replace(entry, recording=known[entry.recording.id]) for entry in planned]
    hidden = []
    for entry in left_out:
        if entry.kind == "duplicate":
            hidden.append(entry)  # already has pseudonyms
        elif entry.id not in known:
            hidden.append(replace(entry, id=pseudonyms.path(entry.id)))
        else:
            new = known[entry.id]
            reason = without_names(entry.reason, origin[entry.id], new.id)
            hidden.append(replace(entry, id=new.id, reason=reason))
    return renamed, hidden


def make_plans(config: Config, split: str, *, limit: int | None = None) -> list[Plan]:
    """Plan one split, or with ``all`` every split of the corpus.

    Parameters
    ----------
    config, split, limit
        As for :func:`make_plan`.

    Raises
    ------
    CorpusError
        As for :func:`make_plan`; with ``all`` also if the corpus has no split.
    """
    if split != "all":
        return [make_plan(config, split, limit=limit)]
    survey = Survey.of(config)
    copies = choose_originals(survey.equal, survey.corpus.open().annotation)
    origin = Origin.of(survey.corpus, config)
    names = available_splits(survey.found.recordings, config.corpus, copies, origin)
    return [make_plan(config, name, limit=limit, survey=survey, together=names) for name in names]


def _notes(found: Discovery, split: Split, config: Config) -> list[str]:
    """Return notes on the corpus, unless they may name patients that must be hidden."""
    if config.corpus.pseudonymize:
        return []
    of_folders = found.folder_notes.items()
    return [
        *found.notes,
        *(note for folder, notes in of_folders if split.concerned(folder) for note in notes),
    ]


def _require_utf8(store: Path) -> None:
    if not is_utf8(path := str(store.absolute())):
        raise CorpusError(
            f"{printable(path)}: this path is not UTF-8; choose another folder with --store"
        )


def _given(path: Path | None, what: str, key: str) -> Path:
    if path is None:
        raise CorpusError(
            f"no {what} given: use --{key}, TUSZSTORE_{key.upper()}, or paths.{key} in the "
            "configuration"
        )
    return absolute(path)  # workers may have another working directory


def _inspector(
    corpus: CheckedCorpus, config: Config, wanted: Sequence[Channel]
) -> Callable[[Recording], PlannedRecording | LeftOut]:
    def inspected(recording: Recording) -> PlannedRecording | LeftOut:
        try:
            return _inspect(corpus, recording, config, wanted)
        except Unlabelled as reason:
            return LeftOut(recording.id, f"unlabelled: {reason}", "unlabelled")
        except (RecordingError, OSError) as reason:
            return LeftOut(recording.id, str(reason), "failed")

    return inspected


def _inspect(
    corpus: CheckedCorpus, recording: Recording, config: Config, wanted: Sequence[Channel]
) -> PlannedRecording:
    facts = inspect(corpus, recording, config.channels, wanted)
    sfreq = config.signal.sfreq
    rate = nominal_rate(facts.sfreq, sfreq, config.signal.resample)
    n_samples = resampled_length(facts.n_samples, rate, sfreq)
    if n_samples == 0:
        raise RecordingError(f"too short: less than one sample at {sfreq} Hz")
    labels = config.labels
    told: dict[str, Any] = {"annotation_digest": ""}
    try:
        known = corpus.annotation(recording)
        if facts.facts.cut_off:
            known = replace(known, outside=CUT_OFF)
        marked = mark_events(known, n_samples, sfreq, labels)
        words = (event.label for event in marked.events)
        told = {
            "annotation_digest": known.digest,
            "raters": marked.raters,
            "doubts": find_doubts(known.events, n_samples / sfreq, labels, known.outside),
            "doubtful": tuple(
                sorted(not_counted(zip(words, marked.class_bit.tolist(), strict=True), labels))
            ),
        }
    except Unlabelled:
        if labels.unlabelled == "leave_out":
            raise
    files = corpus.files(recording)
    others = (os.stat(path) for path in files.annotation)
    return PlannedRecording(
        recording=recording,
        origin=recording,
        start=facts.facts.start,
        clock=facts.facts.clock,
        reference=facts.resolution.reference or recording.reference,
        n_channels=max(len(wanted), len(facts.resolution.signals)),
        sfreq=facts.sfreq,
        n_source=facts.n_samples,
        n_samples=n_samples,
        first_block=0,
        mains=facts.facts.mains,
        mains_from=facts.facts.mains_from,
        cut_off=facts.facts.cut_off,
        timeline=facts.facts.timeline,
        fingerprint=(
            *stat_signal(files.signal),
            *(n for stat in others for n in (stat.st_size, stat.st_mtime_ns)),
        ),
        **told,
    )


def _placed(
    recordings: Iterable[PlannedRecording], geometry: Geometry
) -> Iterable[PlannedRecording]:
    """Assign a whole number of shards to each recording, consecutively."""
    first_block = 0
    for planned in recordings:
        yield PlannedRecording(**{**vars(planned), "first_block": first_block})
        first_block += geometry.n_shards(planned.n_samples) * geometry.shard

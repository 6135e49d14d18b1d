"""Rebuilding a store's index without touching its signal.

The result is a new store whose signal files are hard links to the old one's, published like any
other: readers see the old index or the new one.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.builder.blocks import label_samples, write_label
from tuszstore.builder.files import Files, link_or_copy
from tuszstore.builder.keys import Keys
from tuszstore.builder.leftovers import remove_leftovers
from tuszstore.builder.lock import locked
from tuszstore.builder.provenance import built_with
from tuszstore.builder.publish import publish
from tuszstore.builder.recording import writing
from tuszstore.builder.report import BuildReport, report_of
from tuszstore.builder.tables import event_columns, rater_columns, strings
from tuszstore.config import Config
from tuszstore.corpus.annotations import Annotation, Unlabelled
from tuszstore.corpus.base import Recording
from tuszstore.corpus.checked import CheckedCorpus
from tuszstore.corpus.doubts import CANNOT_BE, CUT_OFF, Doubt, find_doubts, warn_of_doubts
from tuszstore.corpus.events import NOT_COUNTED, mark_events, not_counted, warn_not_counted
from tuszstore.corpus.pseudonyms import without_names
from tuszstore.corpus.sources import Sources, find_sources, root_of
from tuszstore.errors import BuildError, ConfigError, RecordingError
from tuszstore.reasons import group_reasons, in_a_line, plural
from tuszstore.store.create import finish, write_table
from tuszstore.store.find import local_folder
from tuszstore.store.generations import remove_unused
from tuszstore.store.index import derive_windows, seizure_distances
from tuszstore.store.labels import LabelChunks, flag_attributes
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.raters import joined

_LOG = logging.getLogger("tuszstore")


def reindex(
    path: Path | str,
    options: Mapping[str, Any] | None = None,
    *,
    reread_annotations: bool = False,
    data: Path | None = None,
) -> BuildReport:
    """Rebuild the index of a store from its labels.

    Parameters
    ----------
    path : path or str
        A complete store; its index may be stale.
    options : mapping, optional
        Dotted keys of ``labels``, such as ``{"labels.full_seizure": 0.9}``.
    reread_annotations : bool
        Whether to reread all annotation files and write `label` and `events` from them.
    data : Path, optional
        Root of the corpus, if it has moved.

    Raises
    ------
    ConfigError
        If an option is not in ``labels``, or requires rereading the annotations.
    BuildError
        If an annotation cannot be read, or the store cannot be written; the store is then
        unchanged.
    StoreError
        If there is no store, or it is in an object store, which is read-only.
    """
    path = local_folder(path, "tuszstore index").resolve()
    _reindex(path, options or {}, reread_annotations=reread_annotations, data=data)
    remove_unused(path)
    return report_of(StoreMetadata.open(path), "indexed")


def _reindex(
    path: Path, options: Mapping[str, Any], *, reread_annotations: bool, data: Path | None
) -> None:
    store = StoreMetadata.open(path, allow_stale_index=True)
    config = _new_config(store, options, reread_annotations=reread_annotations)
    labels = config.labels
    spec = replace(
        store.spec,
        classes=labels.classes,
        seizure=labels.seizure,
        full_seizure=labels.full_seizure,
        rater=labels.rater,
    )
    unfinished = path.parent / f".{path.name}.indexing"
    with locked(path), writing(unfinished):
        remove_leftovers(path)
        try:
            _link(path, unfinished, without={"windows"}, labels=not reread_annotations)
            recordings: Mapping[str, NDArray[Any]] = store.recordings
            events: Mapping[str, NDArray[Any]] = store.events
            warnings: list[str] = store.attributes["warnings"]
            if reread_annotations:
                root = root_of(store.attributes, data, path)
                sources = find_sources(root, config, store.attributes, path)
                made, events, doubts = _write_labels(unfinished, store, config, sources)
                kept = (text for text in warnings if not text.startswith(CANNOT_BE))
                warnings = [*kept, *warn_of_doubts(doubts)]
                _name_classes(unfinished, labels.classes)
                recordings = {n: v for n, v in store.recordings.items() if n != "raters"} | made
                write_table(unfinished, "recordings", recordings)
            _LOG.info("deriving windows of %s", plural(len(recordings["id"]), "recording"))
            label = LabelChunks(unfinished, spec.geometry)
            windows = derive_windows(label, recordings, spec, n_threads=os.cpu_count() or 1)
            windows |= seizure_distances(windows, recordings, events, spec)
            write_table(unfinished, "windows", windows)
            attributes = {
                **store.attributes,
                "config": config.model_dump(mode="json"),
                "config_hash": config.digest(),
                "sources_digest": "",  # the next build must compare with the sources again
                "warnings": _warnings(warnings, events, config),
            }
            finish(unfinished, spec, attributes)
            publish(unfinished, path)
            store.release()
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def _new_config(
    store: StoreMetadata, options: Mapping[str, Any], *, reread_annotations: bool
) -> Config:
    if strange := [key for key in options if not key.startswith("labels.")]:
        raise ConfigError(
            f"{', '.join(strange)}: only keys of 'labels' can be set here; for others, build "
            "again, or use a view for other windows, channels or units: store.view(length=12)"
        )
    built = built_with(store)
    config = built.replace(**options)
    derived = ("seizure", "full_seizure")
    before, after = (c.labels.model_dump(exclude=set(derived)) for c in (built, config))
    if before != after and not reread_annotations:
        changed = ", ".join(f"labels.{key}" for key in before if before[key] != after[key])
        raise ConfigError(f"{changed} affects the labels: add --reread-annotations")
    return config


def _link(source: Path, target: Path, without: set[str], *, labels: bool) -> None:
    """Copy a store by hard links to its files, except for some groups.

    Only files that are not rewritten are shared: signals, and labels if `labels` is set.
    """
    shared = [f"{source}{os.sep}{name}{os.sep}c{os.sep}" for name in ("signal", "label")]
    prefixes = tuple(shared if labels else shared[:1])

    def link(a: str, b: str) -> None:
        if a.startswith(prefixes):
            link_or_copy(Path(a), Path(b))
        else:
            shutil.copyfile(a, b)

    shutil.copytree(
        source,
        target,
        copy_function=link,
        ignore=lambda folder, names: without if Path(folder) == source else set(),
    )


def _name_classes(path: Path, classes: tuple[str, ...]) -> None:
    """Store the new meaning of the bits of labels."""
    document = path / "label" / "zarr.json"
    values = json.loads(document.read_bytes())
    values["attributes"].update(flag_attributes(classes))
    document.write_text(json.dumps(values, indent=2))


def _warnings(
    before: Iterable[str], events: Mapping[str, NDArray[Any]], config: Config
) -> list[str]:
    """Return the warnings of a store with these events under this configuration."""
    by_recording: dict[int, list[tuple[str, int]]] = {}
    bits = events.get("class_bit", events["bit"])
    columns = (column.tolist() for column in (events["recording"], events["class"], bits))
    for recording, label, bit in zip(*columns, strict=True):
        by_recording.setdefault(recording, []).append((label, bit))
    doubtful = (not_counted(group, config.labels) for group in by_recording.values())
    kept = [warning for warning in before if not warning.startswith(NOT_COUNTED)]
    return [*kept, *warn_not_counted(doubtful)]


def _annotation(
    read: Callable[[Recording], Annotation], recording: Recording, *, stays: bool
) -> Annotation | None:
    """Read an annotation; a recording that was kept without one may remain without."""
    try:
        return read(recording)
    except Unlabelled:
        if stays:
            return None
        raise


def _is_cut_off(corpus: CheckedCorpus, recording: Recording) -> bool:
    """Return whether the file of a recording is known to end before the recording does."""
    try:
        return bool(corpus.facts(recording).cut_off)
    except (OSError, RecordingError):
        return False


def _write_labels(
    path: Path, store: StoreMetadata, config: Config, sources: Sources
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]], list[tuple[str, tuple[Doubt, ...]]]]:
    """Write labels and events from annotations.

    Returns
    -------
    recordings, events : dict of str to ndarray
        The changed columns of recordings, and all columns of events.
    doubts : list of (str, tuple of Doubt)
        Id of each annotated recording, and what is impossible in its annotation.
    """
    corpus = sources.corpus
    annotations: list[Annotation | None] = []
    impossible = []
    failed = []
    sfreq = store.geometry.sfreq
    names = ("id", "n_samples", "first_block", "annotation_digest")
    rows = list(zip(*(store.recordings[name].tolist() for name in names), strict=True))
    for id_, n_samples, _, digest in rows:
        source = None
        try:
            source = sources.find(id_)
            known = _annotation(corpus.annotation, source, stays=not digest)
            if known:
                doubts_of = partial(find_doubts, known.events, n_samples / sfreq, config.labels)
                doubts = doubts_of(known.outside)
                if any(doubt.hint for doubt in doubts) and _is_cut_off(corpus, source):
                    doubts = doubts_of(CUT_OFF)
                impossible.append((id_, doubts))
                mark_events(known, n_samples, sfreq, config.labels)
            annotations.append(known)
        except RecordingError as error:
            reason = str(error)
            if config.corpus.pseudonymize and source:
                reason = without_names(reason, source, id_)
            failed.append(("", reason, id_))
            _LOG.info("%s: annotation cannot be read: %s", id_, reason)
        else:
            told = "no annotation, as before"
            if known:
                same = "as before" if known.digest == digest else "changed"
                told = f"{plural(len(known.events), 'event')}, {same}"
            _LOG.info("%s: %s", id_, told)
    if failed:
        told = "; ".join(map(in_a_line, group_reasons(failed)))
        raise BuildError(f"{store.path}: not indexed: {told}")
    events, digests = [], []
    for (_, n_samples, first_block, _), known in zip(rows, annotations, strict=True):
        label, marked = label_samples(known, n_samples, config)
        files = Files(path, first_block // store.geometry.shard)
        digests.append(write_label(files, label, store.geometry, Path.write_bytes))
        events.append(marked)
    for name in ("events/class_bit", "recordings/raters"):  # absent if they contain no information
        shutil.rmtree(path / name, ignore_errors=True)
    columns = event_columns(events)
    write_table(path, "events", columns)
    annotated = [known.digest if known else "" for known in annotations]
    keys = Keys(config, sources.ref.key)
    made = {
        "label_digest": strings(digests),
        "annotation_digest": strings(annotated),
        "labelled": np.array(
            [known is not None and m.labelled for known, m in zip(annotations, events, strict=True)]
        ),
        **rater_columns([joined(marked.raters) for marked in events]),
        "label_key": strings(
            keys.label(digest, n) for digest, (_, n, _, _) in zip(annotated, rows, strict=True)
        ),
    }
    return made, columns, impossible

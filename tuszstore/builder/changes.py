"""What a build must do, and why; existing parts are reused if possible."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tuszstore.builder.files import Files, find_fault
from tuszstore.builder.keys import Keys, differences
from tuszstore.builder.planned import Plan, PlannedRecording
from tuszstore.builder.records import IO_THREADS, MadeSignal, Record, folder_of
from tuszstore.builder.workplace import Workplace
from tuszstore.corpus.annotations import Event
from tuszstore.corpus.events import MarkedEvents
from tuszstore.corpus.sources import signal_sha256
from tuszstore.errors import RecordingError, StoreError
from tuszstore.store.absent import RARE, AbsentError
from tuszstore.store.metadata import StoreMetadata, refuse_newer
from tuszstore.store.settings import Difference, shown

Action = Literal["keep", "resume", "relabel", "build"]
ACTIONS: tuple[Action, ...] = ("keep", "resume", "relabel", "build")
"""Actions on a recording, the least work first."""


@dataclass(frozen=True)
class Step:
    """The action for one recording.

    Attributes
    ----------
    planned : PlannedRecording
    action : {"keep", "resume", "relabel", "build"}
        Keep it from the store, or from an interrupted build; write its labels again; or
        build it.
    reason : str
        Why it is relabelled or built.
    donor : tuple of Record and Files, optional
        What is reused.
    """

    planned: PlannedRecording
    action: Action
    reason: str = ""
    donor: tuple[Record, Files] | None = None


@dataclass(frozen=True)
class Changes:
    """What a build has to do.

    Attributes
    ----------
    steps : tuple of Step
        One for each planned recording, in the order of the store.
    gone : tuple of str
        Recordings of the store that are no longer planned.
    differences : tuple of Difference
        Keys of the configuration that differ from the store's, with both values.
    why_anew : str
        Why nothing of the store can be reused; empty if it can, or there is no store.
    up_to_date : bool
        Whether the store is what a build would produce.
    damaged : tuple of Path
        Damaged folders of an interrupted build; to be removed.
    """

    steps: tuple[Step, ...]
    gone: tuple[str, ...]
    differences: tuple[Difference, ...]
    why_anew: str
    up_to_date: bool
    damaged: tuple[Path, ...] = ()

    @property
    def settings(self) -> tuple[str, ...]:
        """Keys of the configuration that differ from the store's."""
        return tuple(one.key for one in self.differences)

    @property
    def forgotten(self) -> str:
        """Message on settings that are back at their defaults, so that all signals are built again.

        Options are not remembered: a command without those of the first build has this effect.
        Empty if a signal is reused.
        """
        lost = [
            f"{one.key} {shown(one.before)}"
            for one in self.differences
            if one.is_default and one.key.partition(".")[0] in _OF_SIGNAL
        ]
        reasons = {step.reason for step in self.steps if step.action == "build"}
        if not lost or _SETTINGS not in reasons or self.counts["build"] < len(self.steps):
            return ""
        return (
            f"the store was built with {', '.join(lost)}; repeat the options (--config, --set) to "
            "keep that"
        )

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of recordings by action, and of dropped ones."""
        counts = Counter(step.action for step in self.steps)
        return {**{action: counts[action] for action in ACTIONS}, "drop": len(self.gone)}

    @cached_property
    def reasons(self) -> dict[str, int]:
        """Number of recordings by action and reason, the most frequent first."""
        counts = Counter(f"{s.action}: {s.reason}" for s in self.steps if s.reason)
        return dict(counts.most_common())

    def to_json(self) -> dict[str, Any]:
        """Return the changes as plain values."""
        return {
            "up_to_date": self.up_to_date,
            **self.counts,
            "reasons": self.reasons,
            "settings": list(self.settings),
            "differences": [
                {"key": one.key, "before": one.before, "after": one.after}
                for one in self.differences
            ],
            "why_anew": self.why_anew,
            "gone": list(self.gone),
            "steps": [
                {"id": step.planned.recording.id, "action": step.action, "reason": step.reason}
                for step in self.steps
                if step.action != "keep"
            ],
        }


class Published:
    """Recordings of a store, as records.

    Parameters
    ----------
    store : StoreMetadata
    """

    def __init__(self, store: StoreMetadata) -> None:
        self.store = store
        tables = (store.recordings, store.events, store.shards, store.left_out)
        absent = (variable.path for table in tables for variable in table.absent)
        if lost := [path for path in absent if path not in RARE]:
            raise AbsentError(store.path, lost[0])
        attributes = store.attributes
        self._made_by = attributes.get("versions_of_signal", [attributes["versions"]])
        recordings, events = store.recordings, store.events
        self.rows = {id_: row for row, id_ in enumerate(recordings["id"].tolist())}
        left_out = store.left_out
        self.left_out = dict(zip(left_out["id"].tolist(), left_out["kind"].tolist(), strict=True))
        self._columns = dict(recordings)
        self._events = dict(events)
        numbers = np.arange(len(self.rows))
        self._first = np.searchsorted(events["recording"], numbers, "left")
        self._stop = np.searchsorted(events["recording"], numbers, "right")
        shards = store.shards
        self._shards = list(zip(shards["bytes"].tolist(), shards["digest"].tolist(), strict=True))
        self._first_shard = np.searchsorted(shards["recording"], np.arange(len(self.rows) + 1))
        self._derived = {
            name: (table["mean"], table["sd"]) for name, table in store.derived.items()
        }
        seen = attributes.get("sources_seen")
        self._seen = seen if isinstance(seen, int) else 0

    def get(self, id_: str) -> tuple[Record, Files] | None:
        """Return a recording by id."""
        row = self.rows.get(id_)
        if row is None:
            return None
        values = {name: column[row] for name, column in self._columns.items()}
        n_samples = int(values["n_samples"])
        record = Record(
            id=id_,
            n_samples=n_samples,
            signal_key=str(values["signal_key"]),
            label_key=str(values["label_key"]),
            row={name: values[name] for name in _BUILT_COLUMNS},
            events=self._marked(slice(self._first[row], self._stop[row])),
            signal=MadeSignal(
                self._made_by,
                self._shards[self._first_shard[row] : self._first_shard[row + 1]],
                {name: (mean[row], sd[row]) for name, (mean, sd) in self._derived.items()},
                self._seen,
            ),
        )
        shard = int(values["first_block"]) // self.store.geometry.shard
        return record, Files(Path(self.store.path), shard)

    def _marked(self, span: slice) -> MarkedEvents:
        columns = {name: column[span] for name, column in self._events.items()}
        names = ("channel", "onset", "offset", "class", "confidence", "rater")
        events = [
            Event(channel, onset, offset, label, confidence, 0, rater)
            for channel, onset, offset, label, confidence, rater in zip(
                *(columns[name].tolist() for name in names), strict=True
            )
        ]
        return MarkedEvents(
            tuple(events),
            columns["first_sample"],
            columns["stop_sample"],
            columns["bit"],
            columns["class_bit"],
        )


_BUILT_COLUMNS = (
    "source_digest", "source_bytes", "source_mtime", "labelled", "raters", "annotation_digest",
    "signal_digest", "label_digest", "source_sfreq", "mean", "sd", "interpolated", "flat",
    "interpolated_samples", "notes",
)  # fmt: skip
"""Columns of `recordings/*` that a worker determines."""


def find_changes(plan: Plan, *, force: bool = False, deep: bool = False) -> Changes:
    """Compare a plan with the existing store, and with the rest of an interrupted build.

    Nothing is written. An EDF file with changed times is read, to see if its content changed.

    Parameters
    ----------
    plan : Plan
    force : bool
        Reuse nothing of the store, nor of an interrupted build that was not forced.
    deep : bool
        Whether to read every byte that an interrupted build has left.
    """
    published, why_anew = _published(plan, force=force)
    left, damaged = Workplace(plan.store).scan(forced=force)
    different: tuple[Difference, ...] = ()
    gone: tuple[str, ...] = ()
    if published:
        different = tuple(differences(published.store.attributes["config"], plan.config))
        planned = {p.recording.id for p in plan.recordings}
        gone = tuple(id_ for id_ in published.rows if id_ not in planned)
    finder = _Finder(plan, left, damaged, None if force else published, deep=deep)
    with ThreadPoolExecutor(IO_THREADS) as pool:
        steps = tuple(pool.map(finder.step, plan.recordings))
    if published:
        published.store.release()  # only this build can replace it
    if force:
        why_anew = why_anew or ("requested" if published else "")
    up_to_date = (
        published is not None
        and not (different or gone)
        and all(step.action == "keep" for step in steps)
        and published.left_out == {entry.id: entry.kind for entry in plan.left_out}
    )
    return Changes(steps, gone, different, why_anew, up_to_date, tuple(finder.damaged))


def _published(plan: Plan, *, force: bool) -> tuple[Published | None, str]:
    if not plan.store.is_dir() or not any(plan.store.iterdir()):
        return None, ""
    if not force:
        refuse_newer(plan.store)
    try:
        return Published(StoreMetadata.open(plan.store, allow_stale_index=True)), ""
    except StoreError as error:
        return None, f"the existing store cannot be reused: {error}"


class _Finder:
    """Decides how each recording is built."""

    def __init__(
        self,
        plan: Plan,
        left: Mapping[str, tuple[Record, Files]],
        damaged: Mapping[Path, str],
        published: Published | None,
        *,
        deep: bool,
    ) -> None:
        self._geometry = plan.geometry
        self._corpus = plan.corpus.open()
        self._keys = Keys(plan.config, plan.corpus.key)
        self._left = left
        self._recordings = Workplace(plan.store).recordings
        self.damaged = dict(damaged)
        self._published = published
        self._deep = deep

    def step(self, planned: PlannedRecording) -> Step:
        id_ = planned.recording.id
        steps = [Step(planned, "build", self._why_new(id_))]
        if donor := self._left.get(id_):
            steps.append(self._judge(planned, donor, "resume"))
        elif fault := self.damaged.get(folder_of(self._recordings, id_)):
            steps.append(Step(planned, "build", f"{_INTERRUPTED}{fault}"))
        if self._published and (donor := self._published.get(id_)):
            steps.append(self._judge(planned, donor, "keep"))
        # the least work; if equal, the store's, which records what changed
        return min(reversed(steps), key=lambda step: ACTIONS.index(step.action))

    def _why_new(self, id_: str) -> str:
        if not self._published:
            return ""
        return "excluded before" if id_ in self._published.left_out else "new"

    def _judge(
        self, planned: PlannedRecording, donor: tuple[Record, Files], action: Action
    ) -> Step:
        record, files = donor
        row = record.row
        same_time = planned.source == (row["source_bytes"], row["source_mtime"])
        if not (same_time and planned.changed <= record.signal.seen):
            if not self._same_content(planned, row):
                return Step(planned, "build", "EDF file changed")
            row = {**row, "source_mtime": planned.source[1]}
            seen = max(record.signal.seen, planned.changed)
            record = replace(record, row=row, signal=replace(record.signal, seen=seen))
        if (
            record.signal_key != self._keys.signal(row["source_digest"])
            or record.n_samples != planned.n_samples
        ):
            return Step(planned, "build", _SETTINGS)
        geometry, here = self._geometry, files.first_shard is None
        n_blocks = geometry.n_blocks(planned.n_samples)
        if fault := find_fault(files, n_blocks, geometry.shard, deep=here and self._deep):
            if here:
                self.damaged[files.root] = fault
            return Step(planned, "build", f"{_INTERRUPTED if here else 'damaged: '}{fault}")
        if record.label_key == self._keys.label(planned.annotation_digest, planned.n_samples):
            return Step(planned, action, "", (record, files))
        changed = row["annotation_digest"] != planned.annotation_digest
        why = "annotation changed" if changed else "settings of labels changed"
        return Step(planned, "relabel", why, (record, files))

    def _same_content(self, planned: PlannedRecording, row: Mapping[str, Any]) -> bool:
        if planned.source[0] != row["source_bytes"]:
            return False
        try:
            files = self._corpus.files(planned.origin).signal
            return signal_sha256(files) == str(row["source_digest"])
        except RecordingError:
            return False  # the build reports the error


_SETTINGS = "settings or version of the pipeline changed"

_OF_SIGNAL = ("signal", "channels", "storage", "windows")
"""Sections that determine the bytes of a signal."""

_INTERRUPTED = "damaged since the interruption: "

"""The workplace of a build: a hidden folder beside the store, kept until the store is published.

It holds built recordings (:mod:`tuszstore.builder.records`), a note of the build that
started it, and finally the store assembled from them.
"""

import secrets
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuszstore.builder.files import Files
from tuszstore.builder.planned import Plan
from tuszstore.builder.records import Record, checked, remove_parts, scan_records, with_checksum
from tuszstore.store.generations import name_aside
from tuszstore.store.metadata import read_attributes
from tuszstore.store.nearby import BEGUN, build_folder
from tuszstore.store.shard import write_atomically


@dataclass(frozen=True)
class Workplace:
    """The folder in which a store is built.

    Attributes
    ----------
    target : Path
        The store to build.
    """

    target: Path

    @property
    def path(self) -> Path:
        """The folder."""
        return build_folder(self.target)

    @property
    def recordings(self) -> Path:
        """Folder of built recordings."""
        return self.path / "recordings"

    @property
    def store(self) -> Path:
        """The unfinished store."""
        return self.path / "store"

    def begun(self) -> dict[str, Any]:
        """Return the note of the build that started it; empty if there is none."""
        try:
            return checked((self.path / BEGUN).read_bytes())
        except (OSError, ValueError):
            return {}  # only informative: built recordings are known by their records

    def built(self, *, forced: bool) -> dict[str, tuple[Record, Files]]:
        """Return the complete recordings, by id.

        Parameters
        ----------
        forced : bool
            Whether for a build from scratch: it resumes only an interrupted build of
            that kind.
        """
        return self.scan(forced=forced)[0]

    def scan(self, *, forced: bool) -> tuple[dict[str, tuple[Record, Files]], dict[Path, str]]:
        """Return :meth:`built`, and damaged folders with their faults."""
        if forced and not self.begun().get("forced"):
            return {}, {}
        return scan_records(self.recordings)

    def begin(self, plan: Plan, *, forced: bool) -> None:
        """Create the folder, or resume in that of an interrupted build.

        Raises
        ------
        OSError
            As the file system gives it.
        """
        if forced and not self.begun().get("forced"):
            self.remove()
        self.recordings.mkdir(parents=True, exist_ok=True)
        remove_parts(self.recordings)
        self.clear_store()
        before = self.begun()
        config = plan.config.model_dump(mode="json")
        if plan.pseudonyms:  # a path may contain a name
            config["paths"] = {"data": None, "store": None}
        note = {
            "build": before.get("build") or secrets.token_hex(8),
            "split": plan.split,
            "data": "" if plan.pseudonyms else str(plan.data.absolute()),
            "config": config,
            "limit": plan.limit,
            "forced": forced or bool(before.get("forced")),
            "since": before.get("since") or datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_atomically(self.path / BEGUN, with_checksum(note, indent=1))

    def is_over(self) -> bool:
        """Return whether the store has already been published."""
        build = self.begun().get("build")
        return build is not None and build == read_attributes(self.target).get("build")

    def clear_store(self) -> None:
        """Remove an unfinished store; the recordings are kept."""
        if self.store.exists():
            shutil.rmtree(self.store)

    def remove(self) -> None:
        """Remove the folder, renamed first, so that a partial one is never used."""
        if self.path.exists():
            aside = name_aside(self.target)
            self.path.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)

"""Checks across the stores of a root: no patient and no recording in two splits."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.integrity.contents import Contents
from tuszstore.integrity.report import Check
from tuszstore.reasons import plural
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.patients import are_comparable, persons_of
from tuszstore.text import printable

TOLD = 5
"""Maximum number of patients named in a message."""


def check_splits(contents: Contents, check: Check, notes: list[str]) -> None:
    """Compare patients with those of every complete store of another split beside this one."""
    recordings = contents.table("recordings")
    if recordings is None:
        check.covered = "not checked: the table of recordings is damaged"
        return
    patients, corpora = recordings["patient"], recordings.get("corpus")
    split = contents.attributes.get("split")
    own = set(
        persons_of(
            contents.attributes,
            patients.tolist(),
            [""] * len(patients) if corpora is None else corpora.tolist(),
        )
    )
    compared = []
    for other in _others(contents.path, notes):
        if other.attributes.get("split") == split:
            continue
        name = Path(other.path).name
        if not are_comparable(other.attributes, contents.attributes):
            notes.append(f"{name}: has other pseudonyms, so patients cannot be compared")
            continue
        try:
            table = other.recordings
            there = persons_of(
                other.attributes, table["patient"].tolist(), table.or_blank("corpus").tolist()
            )
            shared = sorted({name for _, name in own.intersection(there)})
            _check_contents(
                recordings, other, f"{split} and {other.attributes.get('split')}", check
            )
        except StoreError as error:
            notes.append(f"not compared with {name}: {error}")
            continue
        compared.append(name)
        if not shared:
            continue
        more = f" and {len(shared) - TOLD} more" if len(shared) > TOLD else ""
        told = f"{', '.join(shared[:TOLD])}{more} in {split} and {other.attributes.get('split')}"
        policies = {one.attributes.get("split_policy") for one in (contents, other)}
        if policies in ({"file_order"}, {"file"}):  # a build rejects files that it does not name
            (policy,) = policies
            notes.append(f"patients in two splits, as split policy {policy} allows: {told}")
        else:
            check.add(
                f"patients in two splits: {told} ({name})", "none", array="recordings/patient"
            )
    known = contents.attributes.get("patients_from")
    origin = f" (from {printable(known)})" if isinstance(known, str) and known else ""
    check.covered = (
        f"{plural(len(own), 'patient')}{origin}, against {', '.join(compared) or 'no other store'}"
    )


def _check_contents(
    recordings: Mapping[str, NDArray[Any]], other: StoreMetadata, splits: str, check: Check
) -> None:
    """Find recordings in both stores with the same EDF file or the same signal."""
    for name, what in (
        ("source_digest", "EDF files with the same content"),
        ("signal_digest", "recordings with the same signal"),
    ):
        own, ids = recordings.get(name), recordings["id"]
        if own is None:
            continue
        there = dict(zip(other.recordings[name].tolist(), other.recordings["id"], strict=True))
        # all constant signals of one length are equal
        alive = np.any(recordings["sd"] > 0, axis=1).tolist()
        pairs = [
            f"{id_} = {there[digest]}"
            for digest, id_, changes in zip(own.tolist(), ids.tolist(), alive, strict=True)
            if digest in there and (changes or name == "source_digest")
        ]
        if pairs:
            more = f" and {len(pairs) - TOLD} more" if len(pairs) > TOLD else ""
            check.add(
                f"{what} in {splits}: {', '.join(pairs[:TOLD])}{more}",
                "none",
                array=f"recordings/{name}",
            )
            return


def _others(path: Path, notes: list[str]) -> Iterator[StoreMetadata]:
    path = path.resolve()
    for place in sorted(path.parent.glob("*.zarr")):
        if place == path or place.is_symlink() or place.name.startswith("."):
            continue
        try:
            yield StoreMetadata.open(place, allow_stale_index=True)
        except StoreError as error:
            notes.append(f"not compared: {error}")

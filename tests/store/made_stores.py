"""Complete stores of any spec, made without a corpus: random blocks, windows and events."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.builder.blocks import cut_blocks, write_label
from tuszstore.builder.files import Files
from tuszstore.builder.tables import strings
from tuszstore.channels.derivations import Channel
from tuszstore.channels.sets import TEN_TWENTY, derivable_sets
from tuszstore.integrity.shards import shard_columns
from tuszstore.store.create import create_arrays, finish, write_derived, write_table
from tuszstore.store.digests import file_digests, seal
from tuszstore.store.encoding import Encoding
from tuszstore.store.index import derive_windows, seizure_distances
from tuszstore.store.labels import UNLABELLED, LabelChunks, paint
from tuszstore.store.place import MAX_METADATA
from tuszstore.store.schema import variables
from tuszstore.store.shard import encode_shard, write_atomically
from tuszstore.store.spec import StoreSpec

SPEC = StoreSpec(
    channels=TEN_TWENTY, sfreq=16.0, window=160, stride=80, block=80, step=80, shard=4,
    classes=("fnsz", "gnsz", "tcsz"), seizure=("fnsz", "tcsz"), full_seizure=0.98, clip=10.0,
)  # fmt: skip
"""Windows of 10 s every 5 s, at 16 Hz."""

INT16 = Encoding("int16", 2.0**-10, "lz4")
LENGTHS = (1000, 130, 640)
"""Samples of the recordings: the second is shorter than a window, the third is unlabelled."""


def spec_with(n_channels: int, **changes: Any) -> StoreSpec:
    """Return a spec with so many channels; up to 19 of them are those of the 10-20 system."""
    more = [Channel(f"E{k}", f"E{k}") for k in range(len(TEN_TWENTY), n_channels)]
    return replace(SPEC, channels=(*TEN_TWENTY[:n_channels], *more), **changes)


@dataclass(frozen=True)
class Made:
    """A store, and what is in it.

    Attributes
    ----------
    path : Path
    signal : list of ndarray
        As stored, ``(channel, sample)``, of each recording.
    label : list of ndarray of uint16, shape (sample,)
    """

    path: Path
    signal: list[NDArray[Any]]
    label: list[NDArray[np.uint16]]

    def window(self, row: int, number: int, spec: StoreSpec, encoding: Encoding) -> NDArray[Any]:
        """Return a window of a recording, as it is read."""
        samples = slice(number * spec.stride, number * spec.stride + spec.window)
        return np.float32(self.signal[row][:, samples]) * np.float32(encoding.scale)


def make_store(
    path: Path,
    spec: StoreSpec = SPEC,
    encoding: Encoding = INT16,
    *,
    lengths: Sequence[int] = LENGTHS,
    seed: int = 0,
    without: Sequence[str] = (),
    attributes: dict[str, Any] | None = None,
) -> Made:
    """Write a complete store.

    Parameters
    ----------
    path : Path
        Must not exist.
    spec : StoreSpec
    encoding : Encoding
    lengths : sequence of int
        Samples of each recording; the last one is unlabelled.
    seed : int
    without : sequence of str
        Paths of optional variables that it has not.
    attributes : dict, optional
        More of them, of the root.
    """
    rng, geometry = np.random.default_rng(seed), spec.geometry
    n_shards = [geometry.n_shards(n) for n in lengths]
    first_shard = np.cumsum(n_shards) - n_shards
    create_arrays(path, spec, encoding, sum(n_shards) * spec.shard)
    signal, label, digests, events = [], [], [], []
    for row, n_samples in enumerate(lengths):
        files = Files(path, int(first_shard[row]))
        signal.append(_noise(rng, (len(spec.channels), n_samples), spec, encoding))
        label.append(np.zeros(n_samples, np.uint16))
        if row == len(lengths) - 1 and row:
            label[-1][:] = UNLABELLED
        else:
            begin = n_samples // 3
            span = (begin, min(n_samples, begin + spec.window + spec.window // 3))
            for k in (row % len(spec.classes), (row + 1) % len(spec.classes))[: 1 + row]:
                events.append((row, *span, k))
                paint([span[0]], [span[1]], [1 << k], label[-1])
        signal_digest = _write_signal(files, signal[-1], spec, encoding)
        digests.append((signal_digest, write_label(files, label[-1], geometry, write_atomically)))
    recordings = _recordings(rng, lengths, first_shard, digests, spec)
    table = _events(events, spec)
    windows = derive_windows(LabelChunks(path, geometry), recordings, spec)
    windows |= seizure_distances(windows, recordings, table, spec)
    tables = {
        "recordings": recordings,
        "events": table,
        "windows": windows,
        "shards": shard_columns(path, recordings, spec),
        "left_out": {"id": strings(["x"]), "kind": strings(["failed"]), "reason": strings(["?"])},
    }
    for name, columns in tables.items():
        write_table(path, name, columns)
    for name, recipes in derivable_sets(spec.channels).items():
        moments = rng.uniform(1, 9, (2, len(lengths), len(recipes)))
        write_derived(path, name, [f"d{k}" for k in range(len(recipes))], *moments)
    drop(path, *without)
    finish(path, spec, {**ATTRIBUTES, **(attributes or {})})
    return Made(path, signal, label)


def seal_again(path: Path) -> None:
    """Give a store the digests of what is there, whatever that is, as a forger would."""
    root = path / "zarr.json"
    if not root.is_file() or root.is_symlink() or root.stat().st_size > MAX_METADATA:
        return
    try:
        document = json.loads(root.read_bytes())
    except (ValueError, RecursionError):
        return
    if isinstance(document, dict) and isinstance(document.get("attributes"), dict):
        root.write_bytes(seal(document, file_digests(path)))


ATTRIBUTES: dict[str, Any] = {
    "split": "train", "split_policy": "official", "warnings": [], "config": {},
    "config_hash": "0", "sources_digest": "0", "created": "2026-01-01T00:00:00+00:00",
    "versions": {"tuszstore": "0"},
}  # fmt: skip


def drop(path: Path, *names: str) -> None:
    """Remove arrays and groups of a store, which is to be sealed afterwards."""
    for name in names:
        shutil.rmtree(path / name)


def _noise(
    rng: np.random.Generator, shape: tuple[int, int], spec: StoreSpec, encoding: Encoding
) -> NDArray[Any]:
    values = np.clip(rng.normal(0, 2, shape), -9, 9)
    if encoding.dtype == "int16":
        return np.rint(values / encoding.scale).astype(np.int16)
    return values.astype(np.float32)


def _write_signal(files: Files, signal: NDArray[Any], spec: StoreSpec, encoding: Encoding) -> str:
    geometry = spec.geometry
    n_blocks = geometry.n_blocks(signal.shape[1])
    blocks = cut_blocks(signal, n_blocks, geometry, encoding.missing)
    for number, start in enumerate(range(0, n_blocks, spec.shard)):
        shard = encode_shard(blocks[start : start + spec.shard], encoding.codec, spec.shard)
        write_atomically(files.signal(number), shard)
    return hashlib.sha256(blocks.data).hexdigest()


def _recordings(
    rng: np.random.Generator,
    lengths: Sequence[int],
    first_shard: NDArray[Any],
    digests: Sequence[tuple[str, str]],
    spec: StoreSpec,
) -> dict[str, NDArray[Any]]:
    geometry, n = spec.geometry, len(lengths)
    n_windows = np.array([geometry.n_windows(length) for length in lengths])
    known = np.arange(n) < max(1, n - 1)
    columns: dict[str, NDArray[Any]] = {
        "id": strings(f"p{row // 2}/s{row}.edf" for row in range(n)),
        "patient": strings(f"p{row // 2}" for row in range(n)),
        "labelled": known,
        "raters": strings("me" if k else "" for k in known),
        "annotation_digest": strings("0" * 64 if k else "" for k in known),
        "signal_digest": strings(signal for signal, _ in digests),
        "label_digest": strings(label for _, label in digests),
        "n_samples": np.array(lengths),
        "first_block": first_shard * spec.shard,
        "n_blocks": np.array([geometry.n_blocks(length) for length in lengths]),
        "first_window": np.cumsum(n_windows) - n_windows,
        "n_windows": n_windows,
        "mean": rng.normal(0, 1, (n, len(spec.channels))),
        "sd": rng.uniform(20, 40, (n, len(spec.channels))),
        "source_sfreq": np.full(n, spec.sfreq),
        "source_samples": np.array(lengths),
        "patient_time": np.array([60.0 * (row % 2) for row in range(n)]),
    }
    for variable in variables("recordings"):
        if variable.name in columns:
            continue
        shape = (n, len(spec.channels))[: len(variable.dims)]
        is_string = variable.dtype == "string"
        columns[variable.name] = strings([""] * n) if is_string else np.zeros(shape, variable.dtype)
    return columns


def _events(events: Sequence[tuple[int, int, int, int]], spec: StoreSpec) -> dict[str, Any]:
    recording, first, stop, number = (np.array(column) for column in zip(*events, strict=True))
    return {
        "recording": recording,
        "first_sample": first,
        "stop_sample": stop,
        "onset": first / spec.sfreq,
        "offset": stop / spec.sfreq,
        "channel": strings(["TERM"] * len(events)),
        "class": strings(spec.classes[k] for k in number),
        "bit": 1 << number,
        "class_bit": 1 << number,
        "confidence": np.ones(len(events)),
        "rater": strings(["me"] * len(events)),
    }

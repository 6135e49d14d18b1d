"""Stores of any number of windows that take little space, since the signal is shared.

Tables are written as by a build. The shards of the signal, if any, are hard links to a few existing
ones: every window can be read, each shard has its own file name, and its index is parsed again, but
page cache and processor caches contain the same few bytes at every size. Thus the measurements
exclude the cost of more data on a disk, and include all other costs.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.source import Source
from tuszstore.builder.records import versions
from tuszstore.builder.spec import encoding_of, spec_of
from tuszstore.builder.tables import strings
from tuszstore.channels.names import CHANNELS
from tuszstore.config import Config
from tuszstore.store.categories import CATEGORIES
from tuszstore.store.create import create_arrays, finish, write_table
from tuszstore.store.index import categorise
from tuszstore.store.schema import variables
from tuszstore.store.shard import encode_shard, signal_file

WINDOWS_PER_RECORDING = 55
MAX_SHARDS = 16
SHARES = (0.922, 0.052, 0.026)
"""Shares of windows in TUSZ's training split, by category."""


def make_store(path: Path, n_windows: int, shards: list[Path] | None = None) -> None:
    """Write a complete store with a number of windows, in the default configuration.

    Parameters
    ----------
    path : Path
        Must not exist.
    n_windows : int
    shards : list of Path, optional
        Full shards of signal; recording k has a hard link to ``shards[k % len(shards)]``. By
        default, the store has no signal.
    """
    config = Config()
    geometry = spec_of(config).geometry
    rng = np.random.default_rng(0)
    n_recordings = -(-n_windows // WINDOWS_PER_RECORDING)
    recording = np.arange(n_windows) // WINDOWS_PER_RECORDING
    within = np.arange(n_windows) % WINDOWS_PER_RECORDING
    kind = rng.choice(3, n_windows, p=SHARES)
    fraction = np.choose(kind, [0.0, rng.uniform(0.01, 0.98, n_windows), 1.0])
    category = categorise(fraction, config.labels.full_seizure)
    counts = np.bincount(recording, minlength=n_recordings)
    create_arrays(path, spec_of(config), encoding_of(config.storage), n_recordings * geometry.shard)
    write_table(
        path,
        "windows",
        {
            "recording": recording,
            "start_block": recording * geometry.shard + within,
            "start_time": within * 10.0,
            "seizure_fraction": fraction,
            "category": category,
            "event_classes": (category > 0).astype(np.uint16),
            "category_mask": category == np.arange(len(CATEGORIES))[:, None],
            "mask": strings(CATEGORIES),
        },
    )
    names = np.char.mod("aaaa%06d", np.arange(n_recordings) // 8)
    columns = {
        "id": strings(f"edf/train/{name}/{k}.edf" for k, name in enumerate(names)),
        "patient": strings(names),
        "first_block": np.arange(n_recordings) * geometry.shard,
        "n_samples": np.full(n_recordings, 600 * 256),
        "n_windows": counts,
        "first_window": np.cumsum(counts) - counts,
        "n_blocks": np.full(n_recordings, 60),
    }
    for variable in variables("recordings"):
        shape = (n_recordings, len(CHANNELS))[: len(variable.dims)]
        is_string = variable.name not in columns and variable.dtype == "string"
        if is_string and variable.name.endswith(("_digest", "_key", "_id")):
            columns[variable.name] = strings(f"{k:064x}" for k in range(n_recordings))
        elif is_string:
            columns[variable.name] = strings(["01_tcp_ar"] * n_recordings)
        elif variable.name not in columns:
            columns[variable.name] = np.zeros(shape, variable.dtype)
    write_table(path, "recordings", columns)
    for table in ("events", "left_out"):
        empty = {
            v.name: strings([]) if v.dtype == "string" else np.zeros(0, v.dtype)
            for v in variables(table)
        }
        write_table(path, table, empty)
    if shards:
        for number in range(n_recordings):
            link = path / signal_file(number)
            link.parent.mkdir(parents=True)
            link.hardlink_to(shards[number % len(shards)])
    finish(
        path,
        spec_of(config),
        {
            "split": "train",
            "split_policy": "official",
            "warnings": [],
            "config": config.model_dump(mode="json"),
            "config_hash": config.digest(),
            "sources_digest": "",
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": versions(),
        },
    )


def write_shards(source: Source, folder: Path) -> list[Path]:
    """Write full shards of the windows' first blocks, encoded as in a build.

    Parameters
    ----------
    source : Source
        Windows of the default configuration, at least as many as a shard has blocks.
    folder : Path
        Folder to create.

    Returns
    -------
    list of Path
        At most :data:`MAX_SHARDS`.
    """
    config = Config()
    geometry = spec_of(config).geometry
    folder.mkdir(parents=True)
    paths = []
    for number in range(min(MAX_SHARDS, len(source) // geometry.shard)):
        first = number * geometry.shard
        blocks = source.stored(first, first + geometry.shard)[..., : geometry.block]
        paths.append(folder / str(number))
        paths[-1].write_bytes(encode_shard(blocks, config.storage.codec, geometry.shard))
    return paths

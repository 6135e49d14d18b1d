"""Stores whose parts come from two others: files, groups, attributes and metadata at random."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TINY: dict[str, Any] = {
    "signal": {"sfreq": 16, "bandpass": None, "notch": None},
    "windows": {"length": 20, "stride": 10},
    "storage": {"shard_seconds": 40},
}
"""A configuration of stores that are built and verified in no time."""

GROUPS = ("windows", "recordings", "events", "left_out", "signal", "label", "channel")

NONSENSE: tuple[Any, ...] = (
    None, True, 0, -1, 2, 3.5, 1e300, "", "x", "\x1b[31m", "\ud800", "NaN", [], {}, [[]],
    {"a": 1}, ["x"], 2**70,
)  # fmt: skip


def mix(rng: random.Random, store: Path, other: Path) -> list[str]:
    """Replace a few parts of a store by those of another, or by nonsense; return what was done."""
    done = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        step = rng.choice(
            [
                _file,
                _group,
                _column,
                _attributes,
                _value,
                _value,
                _root_value,
                _copy,
                _nonsense,
                _nonsense,
                _lose_key,
                _lose_file,
            ]
        )
        done.append(f"{step.__name__} {step(rng, store, other)}")
    return done


def files_of(store: Path) -> list[str]:
    return sorted(f.relative_to(store).as_posix() for f in store.rglob("*") if f.is_file())


def _file(rng: random.Random, store: Path, other: Path) -> str:
    name = rng.choice(files_of(other))
    (store / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(other / name, store / name)
    return name


def _lose_file(rng: random.Random, store: Path, _: Path) -> str:
    name = rng.choice(files_of(store))
    if name != "zarr.json":  # the steps that follow need it
        (store / name).unlink()
    return name


def _group(rng: random.Random, store: Path, other: Path) -> str:
    return _folder(rng.choice(GROUPS), store, other)


def _column(rng: random.Random, store: Path, other: Path) -> str:
    columns = sorted(
        file.parent.relative_to(other).as_posix() for file in other.glob("*/*/zarr.json")
    )
    return _folder(rng.choice(columns), store, other)


def _folder(name: str, store: Path, other: Path) -> str:
    shutil.rmtree(store / name, ignore_errors=True)
    shutil.copytree(other / name, store / name)
    return name


def _attributes(rng: random.Random, store: Path, other: Path) -> str:
    file = _some_document(rng, store, other)
    document = read(store / file)
    document["attributes"] = read(other / file)["attributes"]
    write(store / file, document)
    return file


def _value(rng: random.Random, store: Path, other: Path, file: str = "") -> str:
    """Replace one value in a document, whatever holds it, by that of the other store."""
    file = file or _some_document(rng, store, other)
    document, source = read(store / file), read(other / file)
    path = rng.choice(list(places(source)))
    return f"{file} {path}: {put(store / file, document, path, at(source, path))}"


def _root_value(rng: random.Random, store: Path, other: Path) -> str:
    return _value(rng, store, other, "zarr.json")


def _copy(rng: random.Random, store: Path, other: Path) -> str:
    """Take the metadata of an array from the other store, in the root, and beside the array."""
    document, source = read(store / "zarr.json"), read(other / "zarr.json")
    name = rng.choice(sorted(source["consolidated_metadata"]["metadata"]))
    value = source["consolidated_metadata"]["metadata"][name]
    path = ("consolidated_metadata", "metadata", name)
    put(store / "zarr.json", document, path, value)
    if rng.random() < 0.7:
        write(store / name / "zarr.json", value)
    return name


def _nonsense(rng: random.Random, store: Path, other: Path) -> str:
    """Put nonsense in a document; mostly in an array's own and in the root's copy of it alike."""
    file = _some_document(rng, store, other)
    document, value = read(store / file), rng.choice(NONSENSE)
    path = rng.choice(list(places(document)))
    told = put(store / file, document, path, value)
    if file != "zarr.json" and rng.random() < 0.7:
        name = file.removesuffix("/zarr.json")
        inside = ("consolidated_metadata", "metadata", name, *path)
        put(store / "zarr.json", read(store / "zarr.json"), inside, value)
    return f"{file} {path}: {told}"


def _lose_key(rng: random.Random, store: Path, other: Path) -> str:
    file = _some_document(rng, store, other)
    document = read(store / file)
    path = rng.choice(list(places(document)))
    del at(document, path[:-1])[path[-1]]
    write(store / file, document)
    return f"{file} {path}"


def _some_document(rng: random.Random, store: Path, other: Path) -> str:
    there = [n for n in files_of(other) if n.endswith("zarr.json") and (store / n).is_file()]
    return "zarr.json" if rng.random() < 0.4 else rng.choice(there)


def read(file: Path) -> Any:
    document = json.loads(file.read_text())
    if not isinstance(document, dict) or "attributes" not in document:
        document = {"attributes": {}}  # an earlier step has left no more of it
    return document


def write(file: Path, document: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document))


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in a document."""
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in entries:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def at(node: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        node = node[key]
    return node


def put(file: Path, document: Any, path: tuple[Any, ...], value: Any) -> str:
    """Set a value in a document, and write that, unless an earlier step has lost the place."""
    try:
        at(document, path[:-1])[path[-1]] = value
    except (LookupError, TypeError):
        return "no longer there"
    write(file, document)
    return f"{value!r:.60}"

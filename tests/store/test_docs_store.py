"""docs/store.md against stores that are written: tables, examples, and how the seal is made."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.store.made_stores import make_store, spec_with
from tuszstore.errors import StoreError
from tuszstore.store.metadata import StoreMetadata
from tuszstore.store.schema import ATTRIBUTES, OPTIONAL, SCHEMA_VERSION, markdown
from tuszstore.store.spec import KNOWN_REQUIREMENTS, LATER, MAX_CHANNELS, SpecError, StoreSpec

PAGE = (ROOT / "docs" / "store.md").read_text(encoding="utf-8")

TYPES = {"int": int, "bool": bool, "object": dict, "str": str, "array": list}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table behind a heading."""
    _, _, rest = PAGE.partition(f"\n{heading}\n")
    table = re.search(r"((?:^\|.*\|$\n?)+)", rest, re.MULTILINE)
    assert table, heading
    lines = table[1].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def examples() -> dict[str, Any]:
    found = re.findall(r"<!-- document: (.+?) -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that the examples are of."""
    return make_store(tmp_path_factory.mktemp("docs") / "train.zarr", spec_with(2)).path


@pytest.fixture(scope="module")
def root(path: Path) -> Any:
    return json.loads((path / "zarr.json").read_text())


def shape_of(value: Any) -> Any:
    """Return a document with its hashes blanked, which depend on the release of a codec."""
    if isinstance(value, dict):
        return {key: shape_of(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [shape_of(entry) for entry in value]
    return re.sub(r"[0-9a-f]{32,64}", "hash", value) if isinstance(value, str) else value


def test_variables() -> None:
    assert markdown() in PAGE, "print markdown() of tuszstore.store.schema into it"


def test_attributes_of_the_root(root: Any) -> None:
    table = {name.strip("`"): (kind, required) for name, kind, required, _ in rows("## The root")}
    required = {name for name, (_, needed) in table.items() if needed == "yes"}
    assert required == {*ATTRIBUTES, "schema_version", "complete"}
    assert table.keys() - required == OPTIONAL.keys()
    assert required <= root["attributes"].keys()
    for name, kind in {**ATTRIBUTES, **OPTIONAL}.items():
        kinds = kind if isinstance(kind, tuple) else (kind,)
        documented = [part for part in table[name][0].split(" or ") if part != "null"]
        assert {TYPES[part] for part in documented} == set(kinds) - {type(None)}
    assert f"schema version {SCHEMA_VERSION}" in PAGE


def test_the_spec(root: Any) -> None:
    table = {name.strip("`"): kind for name, kind, _ in rows("### spec")}
    assert table.keys() - LATER.keys() == root["attributes"]["spec"].keys()
    assert LATER.keys() < table.keys()
    assert not KNOWN_REQUIREMENTS  # or the page says what each stands for
    assert str(MAX_CHANNELS) in PAGE
    for name, kind in table.items():
        values = {**root["attributes"]["spec"], name: None}
        if "null" in kind:
            StoreSpec.from_json(values)
        else:
            with pytest.raises(SpecError, match=name):
                StoreSpec.from_json(values)


@pytest.mark.parametrize("name", sorted(examples().keys() - {"root, abridged"}))
def test_an_example_of_an_array(path: Path, name: str) -> None:
    written = json.loads((path / name / "zarr.json").read_text())
    assert shape_of(examples()[name]) == shape_of(written)


def test_the_example_of_a_root(root: Any) -> None:
    example, written = shape_of(examples()["root, abridged"]), shape_of(root)
    files = example["attributes"]["digests"].pop("files")
    assert files.items() <= written["attributes"]["digests"].pop("files").items()
    inside = example["consolidated_metadata"].pop("metadata")
    copies = written["consolidated_metadata"].pop("metadata")
    assert all(copies[name] == document for name, document in inside.items())
    assert example == written


def test_the_digests_as_they_are_described(path: Path, root: Any) -> None:
    """By the page alone, without what computes them in tuszstore."""
    names = {name.strip("`") for name, _ in rows("### digests")}
    digests = root["attributes"].pop("digests")
    assert digests.keys() == names
    files = {
        file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in path.rglob("*")
        if file.is_file()
    }
    kept = {
        name: digest
        for name, digest in files.items()
        if name != "zarr.json" and not name.startswith(("signal/c/", "label/c/"))
    }
    assert digests["files"] == kept
    text = json.dumps(root["attributes"], sort_keys=True, separators=(", ", ": "))
    assert digests["attributes"] == hashlib.sha256(text.encode("ascii")).hexdigest()
    content = (path / "zarr.json").read_bytes()
    assert content.count(digests["root"].encode()) == 1
    blank = content.replace(digests["root"].encode(), b"0" * 64)
    assert hashlib.sha256(blank).hexdigest() == digests["root"]


def test_any_layout_of_json_is_read(path: Path, root: Any, tmp_path: Path) -> None:
    """A root that somebody else has written, as the page says."""
    import shutil

    copy = Path(shutil.copytree(path, tmp_path / "train.zarr"))
    document = json.loads((path / "zarr.json").read_text())
    document["attributes"]["digests"]["root"] = "0" * 64
    text = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    (copy / "zarr.json").write_text(text.replace('"root":"' + "0" * 64, f'"root":"{digest}'))
    assert StoreMetadata.open(copy).spec.digest == StoreMetadata.open(path).spec.digest
    (copy / "zarr.json").write_text(text.replace('"root":"' + "0" * 64, f'"root":"{digest[::-1]}'))
    with pytest.raises(StoreError, match="was changed since it was written"):
        StoreMetadata.open(copy)


def test_signature_as_it_is_described(path: Path, root: Any) -> None:
    recordings = StoreMetadata.open(path).recordings
    names = ("id", "first_block", "n_blocks", "signal_digest", "label_digest")
    table = [list(row) for row in zip(*(recordings[n].tolist() for n in names), strict=True)]
    told = hashlib.sha256(json.dumps(table).encode()).hexdigest()[:32]
    for part in ("recordings", "windows", "events", "signal", "label"):
        attributes = json.loads((path / part / "zarr.json").read_text())["attributes"]
        assert attributes["signature"] == told
        assert attributes["content_digest"] == root["attributes"]["content_digest"]

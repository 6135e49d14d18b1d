"""Stores and EDF files from elsewhere are refused within bounds, and give nothing away."""

import json
import os
import pickle
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from click.testing import CliRunner
from crc32c import crc32c
from hypothesis import given, settings
from hypothesis import strategies as st

import tuszstore
from tests.corpus.edf_files import channel, eeg, main_offset
from tests.store.made_stores import seal_again
from tuszstore.builder.reindex import reindex
from tuszstore.cli import main
from tuszstore.config import load_config
from tuszstore.corpus.edf_corpus import source_path
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.errors import BuildError, ConfigError, RecordingError, StoreError
from tuszstore.store.columns import decode_numbers, decode_strings
from tuszstore.store.limits import zstd_size
from tuszstore.store.schema import VARIABLES

SMALL = {"windows": {"length": 20, "stride": 10}, "storage": {"shard_seconds": 40}}
HUGE = 10**15


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("corpus")
    write_corpus(data, patients=2, files=2, minutes=1.2, seed=5, quirks=False)
    root = tmp_path_factory.mktemp("stores")
    return tuszstore.build(SMALL, split="train", data=data, store=root, workers=0).store


@pytest.fixture
def path(built: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "stores" / "train.zarr"
    shutil.copytree(built, copy)
    return copy


def change_array(path: Path, array: str, change: Callable[[Any], None]) -> None:
    """Change the metadata of an array and the root's copy of it."""
    own, root = path / array / "zarr.json", path / "zarr.json"
    document, whole = json.loads(own.read_text()), json.loads(root.read_text())
    change(document)
    change(whole["consolidated_metadata"]["metadata"][array])
    own.write_text(json.dumps(document))
    root.write_text(json.dumps(whole))


def change_root(path: Path, change: Callable[[Any], None]) -> None:
    whole = json.loads((path / "zarr.json").read_text())
    change(whole)
    (path / "zarr.json").write_text(json.dumps(whole))


def set_shape(*shape: int, chunk: tuple[int, ...] | None = None) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        document["shape"] = list(shape)
        if chunk:
            document["chunk_grid"]["configuration"]["chunk_shape"] = list(chunk)

    return change


def set_key(key: str, value: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        document[key] = value

    return change


def in_spec(**values: Any) -> Callable[[Path], None]:
    return lambda path: change_root(path, lambda root: root["attributes"]["spec"].update(values))


def chunk_of(path: Path, array: str, content: bytes) -> None:
    """Replace the only chunk of a column, with a right checksum."""
    (file,) = (file for file in (path / array / "c").rglob("*") if file.is_file())
    file.write_bytes(content + crc32c(content).to_bytes(4, "little"))


def zstd_bomb(claimed: int, held: bytes) -> bytes:
    """Return a frame of Zstandard that claims a size and holds some bytes a million times."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0b11100000]) + claimed.to_bytes(8, "little")
    block = (1 << 17) - 1  # an RLE block of 128 kB: four bytes
    blocks = b"".join(
        (block << 3 | 0b010).to_bytes(3, "little") + held for _ in range(max(1, claimed // block))
    )
    return header + blocks + (0b001).to_bytes(3, "little")


def link(path: Path, name: str, target: str) -> None:
    place = path / name
    shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    place.symlink_to(target)


def fifo(path: Path, name: str) -> None:
    (path / name).unlink()
    os.mkfifo(path / name)


N_ROWS = 66

HOSTILE: dict[str, Callable[[Path], None]] = {
    "windows of 10^15 rows": lambda p: change_array(p, "windows/category", set_shape(HUGE)),
    "a chunk of 10^15 rows": lambda p: change_array(
        p, "windows/category", set_shape(HUGE, chunk=(HUGE,))
    ),
    "10^8 rows in chunks that are not there": lambda p: [
        change_array(p, f"windows/{name}", set_shape(10**8))
        for name in ("recording", "start_block", "category", "event_classes")
    ],
    "10^8 rows in one chunk": lambda p: change_array(
        p, "windows/start_block", set_shape(10**8, chunk=(10**8,))
    ),
    "signal of 10^15 blocks": lambda p: change_array(p, "signal", set_shape(HUGE, 19, 2560)),
    "blocks of 10^12 samples": lambda p: change_array(p, "signal", set_shape(64, 19, 10**12)),
    "channels beyond count": lambda p: change_array(p, "signal", set_shape(64, 10**9, 2560)),
    "a shape below zero": lambda p: change_array(p, "windows/category", set_shape(-1)),
    "a shape in words": lambda p: change_array(p, "windows/category", set_key("shape", ["many"])),
    "objects": lambda p: change_array(p, "recordings/id", set_key("data_type", "object")),
    "a codec by name": lambda p: change_array(
        p, "recordings/id", set_key("codecs", [{"name": "numcodecs.pickle"}])
    ),
    "windows of 10^9 samples": in_spec(window=256 * 86_400, stride=256 * 86_400),
    "windows of 10^9 samples at 10^5 Hz": in_spec(sfreq=100_000, window=10**9, stride=10**9),
    "a shard of a year": in_spec(shard=3 * 10**6),
    "a shard without end": in_spec(shard=1e300),
    "a zstd bomb": lambda p: chunk_of(p, "windows/start_block", zstd_bomb(1 << 36, b"\0")),
    "a zstd bomb of strings": lambda p: chunk_of(p, "recordings/id", zstd_bomb(1 << 36, b"\1")),
    "a count of strings": lambda p: chunk_of(p, "recordings/id", zstd_bomb(1 << 17, b"\xff")),
    "deep JSON": lambda p: (p / "zarr.json").write_text('{"attributes":' + "[" * 10**6),  # type: ignore[dict-item,return-value]
    "a root of 40 MB": lambda p: (p / "zarr.json").write_bytes(b" " * (40 << 20)),  # type: ignore[dict-item,return-value]
    "a root that is a pipe": lambda p: fifo(p, "zarr.json"),
    "a root that has no end": lambda p: link(p, "zarr.json", "/dev/zero"),
    "a root that is a link to itself": lambda p: link(p, "zarr.json", "zarr.json"),
    "a folder that is a link to the root": lambda p: link(p, "windows", "."),
    "an array that is elsewhere": lambda p: link(p, "signal/c", "/etc"),
    "a chunk that is a link": lambda p: link(p, "windows/start_block/c/0", "/etc/passwd"),
    "a chunk that is a pipe": lambda p: fifo(p, "windows/start_block/c/0"),
    "a shard that is a link": lambda p: link(p, "signal/c/0/0/0", "/etc/passwd"),
    "a shard that is a link to itself": lambda p: link(p, "signal/c/0/0/0", "0"),
    "a shard that is a pipe": lambda p: fifo(p, "signal/c/0/0/0"),
    "a shard of a terabyte": lambda p: os.truncate(p / "signal/c/0/0/0", 1 << 40),
}  # fmt: skip


def strings_in_many_chunks(path: Path, size: int = 100 << 20) -> None:
    """Let each id stand in a chunk of its own, of which each expands to 100 MB."""
    n_rows = json.loads((path / "recordings/id/zarr.json").read_text())["shape"][0]
    change_array(path, "recordings/id", set_shape(n_rows, chunk=(1,)))
    content = (1).to_bytes(4, "little") + size.to_bytes(4, "little") + b"x" * size
    frame = numcodecs.zstd.compress(content, 3)
    for row in range(n_rows):
        place = path / "recordings/id/c" / str(row)
        place.write_bytes(frame + crc32c(frame).to_bytes(4, "little"))


def many_windows(path: Path) -> None:
    """Claim a hundred times as many windows as there are blocks, in all columns alike."""
    for variable in VARIABLES:
        if "window" in variable.dims:
            lead = (3,) if "mask" in variable.dims else ()
            change_array(path, variable.path, set_shape(*lead, 10**4))


def large_root(path: Path, text: str) -> None:
    """Let the root hold a text many times, 31 MB of it."""
    root = (path / "zarr.json").read_text()
    more = ",".join([text] * ((31 << 20) // (len(text) + 1)))
    (path / "zarr.json").write_text(root.replace('"title":', f'"more": [{more}], "title":', 1))


HOSTILE |= {
    "strings in many chunks": strings_in_many_chunks,
    "a root of 31 MB of lists": lambda p: large_root(p, "[]"),
    "a root of 31 MB of objects": lambda p: large_root(p, '{"a":{}}'),
    "chunks of no rows": lambda p: change_array(p, "windows/category", set_shape(13, chunk=(0,))),
    "more windows than blocks": many_windows,
}

READ = """
import resource, sys, tuszstore, zarr, numcodecs, xarray
from tuszstore.errors import TuszstoreError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    told = "read"
    try:
        store = tuszstore.open(path)
        store.recordings.load(), store.events.load(), store.index.load()
        store.read(range(len(store))), store.labels[:1]
    except TuszstoreError as error:
        told = f"refused: {error}"
    except BaseException as error:
        told = f"crashed: {type(error).__name__}: {error}"
    report = tuszstore.verify(path, deep=True, workers=1)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    unforeseen = "could not be completed"
    found = [str(finding) for finding in report.findings if unforeseen in finding.what]
    print(f"{told!r:.300}\\t{report.exit_status}\\t{grown}\\t{found}", flush=True)
"""


@pytest.fixture(scope="module")
def told(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Open, read and verify every hostile store in a child with 1 GB more than it has."""
    root = tmp_path_factory.mktemp("hostile")
    paths = []
    for number, damage in enumerate(HOSTILE.values()):
        copy = root / f"{number}" / "train.zarr"
        shutil.copytree(built, copy)
        damage(copy)
        seal_again(copy)  # or no more than the seal would be tried
        paths.append(str(copy))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))

    done = subprocess.run(
        [sys.executable, "-c", READ, *paths],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(paths), done.stderr
    return dict(zip(HOSTILE, (line.split("\t") for line in lines), strict=True))


class TestHostileStores:
    @pytest.mark.parametrize("name", HOSTILE)
    @pytest.mark.slow
    def test_is_refused_within_memory(self, told: dict[str, list[str]], name: str) -> None:
        said, status, grown, unforeseen = told[name]
        assert said.startswith(("'refused", '"refused')), said
        assert status in ("2", "3")
        assert unforeseen == "[]"
        assert int(grown) < 400, "MB"

    def test_v2_arrays_that_would_be_unpickled(self, path: Path, tmp_path: Path) -> None:
        """Zarr v2 knows a codec that unpickles: no array of a store may be of that version."""
        mark = tmp_path / "executed"

        class Payload:
            def __reduce__(self) -> Any:
                return os.system, (f"touch {mark}",)

        n = json.loads((path / "recordings/id/zarr.json").read_text())["shape"][0]
        array = {
            "zarr_format": 2,
            "shape": [n],
            "chunks": [n],
            "dtype": "|O",
            "compressor": None,
            "fill_value": 0,
            "order": "C",
            "filters": [{"id": "pickle", "protocol": 5}],
            "dimension_separator": ".",
            "node_type": "array",
            "attributes": {},
        }
        folder = path / "recordings" / "id"
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / ".zarray").write_text(json.dumps(array))
        (folder / "0").write_bytes(pickle.dumps(Payload()))

        def change(root: Any) -> None:
            root["consolidated_metadata"]["metadata"]["recordings/id"] = array

        change_root(path, change)
        with pytest.raises(StoreError, match="recordings/id is not a Zarr v3 array"):
            tuszstore.open(path)
        assert not tuszstore.verify(path, deep=True).ok
        assert not mark.exists()

    def test_a_numpy_file_is_not_loaded(self, path: Path) -> None:
        (path / "signal" / "c" / "0" / "0" / "0").write_bytes(pickle.dumps(print))
        with pytest.raises(StoreError, match="cut off"):
            tuszstore.open(path).read([0])

    def test_the_alias_of_a_store_is_no_link_in_it(self, path: Path) -> None:
        (path.parent / "dev.zarr").symlink_to("train.zarr")
        assert len(tuszstore.open(path.parent / "val.zarr")) > 0
        assert tuszstore.verify(path.parent / "val.zarr").ok

    @pytest.mark.parametrize("n", [0, 3, 255, 256, 65_791, 65_792, 1 << 20])
    def test_the_size_that_zstd_claims(self, n: int) -> None:
        from numcodecs import zstd

        assert zstd_size(zstd.compress(bytes(n), 3)) == n
        assert zstd_size(b"no frame at all") is None


def packed(content: bytes) -> bytes:
    """Return a chunk of a column that holds some bytes, with a right checksum."""
    frame = numcodecs.zstd.compress(content, 1)
    return bytes(frame) + crc32c(frame).to_bytes(4, "little")


class TestColumns:
    @settings(max_examples=300)
    @given(st.binary(max_size=60), st.integers(0, 4))
    def test_damaged_strings_are_refused(self, content: bytes, count: int) -> None:
        content = count.to_bytes(4, "little") + content
        try:
            strings, n_bytes = decode_strings("file", packed(content), count, 1000)
        except StoreError:
            return
        assert len(strings) == count
        assert n_bytes == len(content)
        assert all(isinstance(text, str) for text in strings)

    @given(st.lists(st.text(), max_size=5))
    def test_strings_as_zarr_writes_them(self, texts: list[str]) -> None:
        content = numcodecs.VLenUTF8().encode(np.array(texts, object))
        strings, _ = decode_strings("file", packed(content), len(texts), 1 << 20)
        assert strings.tolist() == texts

    @pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "int64", "float64"])
    def test_numbers(self, dtype: str) -> None:
        values = np.arange(-3, 9).astype(dtype)
        content = packed(values.tobytes())
        found = decode_numbers("file", content, 12, np.dtype(dtype))
        np.testing.assert_array_equal(found, values)
        for damaged in (content[:-1], content[1:], b"", content[:-1] + bytes([content[-1] ^ 1])):
            with pytest.raises(StoreError, match="file: "):
                decode_numbers("file", damaged, 12, np.dtype(dtype))
        with pytest.raises(StoreError, match="claims"):
            decode_numbers("file", content, 13, np.dtype(dtype))

    def test_strings_are_bounded_over_all_chunks(self, path: Path) -> None:
        """None of the chunks alone takes more than a column may."""
        strings_in_many_chunks(path, size=900_000)
        seal_again(path)
        with pytest.raises(StoreError, match="claims 900008 bytes, not at most"):
            tuszstore.open(path).recordings["id"].load()


class TestPathsOfAStore:
    @pytest.mark.parametrize(
        "id_", ["../a.edf", "/etc/a.edf", "x/../../a.edf", "", "a\0.edf", "..\\a.edf", ".."]
    )
    def test_an_id_leaves_no_root(self, tmp_path: Path, id_: str) -> None:
        with pytest.raises(RecordingError, match="not a path below"):
            source_path(tmp_path, id_)

    def test_an_id_below_the_root(self, tmp_path: Path) -> None:
        assert source_path(tmp_path, "edf/a/b.edf") == tmp_path / "edf" / "a" / "b.edf"

    @pytest.mark.parametrize("absolute", [True, False])
    def test_neither_reindexing_nor_verifying_follows_it(
        self, path: Path, tmp_path: Path, absolute: bool
    ) -> None:
        secret = tmp_path / "secret.edf"
        eeg(secret)
        secret.with_suffix(".csv").write_text("a secret")
        data = tmp_path / "data"
        data.mkdir()
        (data / "x_1.edf").touch()
        ids: Any = zarr.open_array(path / "recordings" / "id", mode="r+")
        values = ids[...]
        values[0] = str(secret) if absolute else "../secret.edf"
        ids[...] = values
        from tuszstore.store.create import finish
        from tuszstore.store.metadata import read_attributes
        from tuszstore.store.opening import read_spec

        attributes = read_attributes(path)
        finish(path, read_spec(path, attributes), attributes)
        with pytest.raises(BuildError, match="not a path below the corpus's root") as error:
            reindex(path, reread_annotations=True, data=data)
        report = tuszstore.verify(path, against=data, sample=None)
        told = str(error.value) + json.dumps(report.to_json())
        assert "a secret" not in told
        assert "not a path below the corpus's root" in json.dumps(report.to_json())


EVIL = "\x1b[2J\x1b]0;x\x07\u202e\x9b31m\nwhole"
"""Clears a screen, names the window, turns writing round, colours, and begins a line."""


NOT_TEXT = ("channel", "windows/mask")
"""Columns of strings that take no other text."""


class TestTextFromElsewhere:
    @pytest.fixture
    def evil(self, path: Path) -> Path:
        """A store whose texts all hold what acts on a terminal; it is whole."""
        from tuszstore.store.create import finish
        from tuszstore.store.metadata import read_attributes
        from tuszstore.store.spec import StoreSpec

        for variable in VARIABLES:
            there = (path / variable.path).is_dir()
            if there and variable.dtype == "string" and variable.path not in NOT_TEXT:
                column: Any = zarr.open_array(path / variable.path, mode="r+")
                if column.size and not variable.path.endswith("_digest"):
                    column[...] = np.array(
                        [f"{text}{EVIL}" for text in column[...]], dtype=np.dtypes.StringDType()
                    )
        attributes = read_attributes(path)
        attributes |= {
            name: f"{attributes[name]}{EVIL}"
            for name in ("split", "split_policy", "created", "title")
        }
        attributes["versions"] = {EVIL: EVIL, "tuszstore": EVIL}
        attributes["warnings"] = [EVIL, "x" * 100_000]
        finish(path, StoreSpec.from_json(attributes["spec"]), attributes)
        return path

    def run(self, *args: object) -> str:
        result = CliRunner().invoke(main, [str(arg) for arg in args])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.output + result.stderr

    def harmless(self, text: str) -> None:
        strange = {c for c in text if not c.isprintable() and c != "\n"}
        assert not strange
        assert not any(line.startswith("whole") for line in text.splitlines())

    @pytest.mark.parametrize(
        "command", [("info",), ("info", "--json"), ("verify",), ("verify", "--json"), ("repair",),
                    ("index",)], ids=" ".join,
    )  # fmt: skip
    def test_nothing_acts_on_a_terminal(self, evil: Path, command: tuple[str, ...]) -> None:
        (evil / "signal" / "c" / "0" / "0" / "0").unlink()
        text = self.run(command[0], evil, *command[1:])
        self.harmless(text)
        assert "x1b" in text or "u001b" in text
        assert len(text) < 50_000 or "--json" in command

    def test_errors_and_reprs(self, evil: Path) -> None:
        store = tuszstore.open(evil)
        self.harmless(repr(store))
        (evil / "signal" / "c" / "0" / "0" / "0").unlink()
        with pytest.raises(StoreError, match=r"x1b.*file is missing") as error:
            store.read([0])
        self.harmless(str(error.value))

    def test_a_configuration_with_strange_keys(self, path: Path) -> None:
        change_root(path, lambda root: root["attributes"]["config"].update({EVIL * 99: EVIL}))
        text = self.run("info", path)
        self.harmless(text)
        assert len(text) < 2000

    def test_names_of_files_in_a_build(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        data.mkdir()
        names = ["b\x1b[31m.edf", "c\u202e.edf"]
        for name in ("a.edf", *names):
            eeg(data / name)
        (data / "a.csv").write_text("channel,start_time,stop_time,label\nTERM,2,5,seiz\n")
        build = (
            "build",
            "-s",
            "train",
            "-d",
            data,
            "-o",
            tmp_path,
            "-w",
            0,
            "--split-policy",
            "file_order",
            *(f"--set={key}" for key in ("windows.length=2", "windows.stride=1")),
        )
        for text in (self.run(*build, "--dry-run"), self.run(*build)):
            self.harmless(text)
            assert "b\\x1b[31m.edf" in text


class TestConfigurations:
    def test_aliases_of_aliases(self, tmp_path: Path) -> None:
        lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
        for before, name in zip("abcdefgh", "bcdefghi", strict=True):
            lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
        bomb = tmp_path / "bomb.yaml"
        bomb.write_text("\n".join(lines))
        with pytest.raises(ConfigError, match="an alias"):
            load_config(bomb)

    @pytest.mark.parametrize(
        "text",
        ["signal: !!python/object/apply:os.system [exit]", "!!python/name:os.system"],
    )
    def test_nothing_is_executed(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "a.yaml"
        file.write_text(text)
        with pytest.raises(ConfigError, match="not valid YAML"):
            load_config(file)

    def test_a_huge_file(self, tmp_path: Path) -> None:
        file = tmp_path / "a.yaml"
        file.write_text("#" * (2 << 20))
        with pytest.raises(ConfigError, match="larger than"):
            load_config(file)

    @pytest.mark.parametrize(
        "options",
        [{"signal.sfreq": 100_000, "windows.length": 1000}, {"storage.shard_seconds": 1e300}],
    )
    def test_absurd_lengths(self, options: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match="more than"):
            load_config(None, options)


MARKER = "ZqDoe"


def strings(path: Path) -> Iterator[bytes]:
    """Return every byte of a store: as it lies there, and decoded."""
    for file in path.rglob("*"):
        yield str(file.relative_to(path)).encode()
        if file.is_file():
            yield file.read_bytes()
    for variable in VARIABLES:
        if not (path / variable.path).is_dir():
            continue
        values = np.asarray(zarr.open_array(path / variable.path, mode="r")[...])
        yield "\n".join(map(str, values)).encode() if values.dtype.kind == "T" else values.tobytes()


class TestPersonalFields:
    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        """Files with a name in every field that may hold text; and some damaged ones."""
        folder = tmp_path / "data"
        folder.mkdir()
        main = {
            "patient": f"{MARKER} F 01-JAN-1960 {MARKER}",
            "recording": f"Startdate {MARKER}",
            "date": MARKER,
            "time": MARKER,
            "reserved": f"EDF {MARKER}",
        }
        table = {"transducer": MARKER, "prefilter": MARKER, "reserved": MARKER}
        changes = {name: {"header": table} for name in ("Fp1", "Cz", "O2")}
        extra = [
            channel(MARKER, label=MARKER),
            channel("EKG1", label=f"EEG {MARKER}", unit=MARKER, **table),  # type: ignore[arg-type]
        ]
        eeg(folder / "a_good.edf", changes=changes, extra=extra, **main)
        wrong = {
            "b_unit": {"changes": {"Cz": {"header": {"unit": MARKER}}}},
            "c_range": {"changes": {"Cz": {"header": {"physical_min": MARKER}}}},
            "d_digital": {"changes": {"Cz": {"header": {"digital_max": MARKER}}}},
            "e_samples": {"changes": {"Cz": {"header": {"samples": MARKER}}}},
            "f_label": {"changes": {"Cz": {"header": {"label": MARKER}}}},
            "h_records": {"n_records": MARKER},
            "i_signals": {"n_signals": "Zq"},
            "j_size": {"header_bytes": MARKER},
            "k_version": {"version": MARKER},
        }
        for name, fields in wrong.items():
            eeg(folder / f"{name}.edf", **{**main, **fields})  # type: ignore[arg-type]
        content = bytearray((folder / "a_good.edf").read_bytes())
        content[main_offset("record_seconds")] = MARKER.encode().ljust(8)
        (folder / "g_duration.edf").write_bytes(content)
        for file in folder.glob("*.edf"):
            header = "channel,start_time,stop_time,label,confidence\n"
            file.with_suffix(".csv").write_text(f"{header}TERM,2,5,seiz,1\n")
        return folder

    def test_none_reaches_a_store_or_the_screen(
        self,
        data: Path,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        assert all(
            MARKER.encode() in file.read_bytes() or file.stem == "i_signals"
            for file in data.glob("*.edf")
        )
        caplog.set_level(0)
        config = tmp_path / "small.yaml"
        config.write_text(
            json.dumps({**SMALL, "corpus": {"split_policy": "file_order", "val_fraction": 0.01}})
        )
        store = tmp_path / "stores" / "train.zarr"
        build = [
            "build",
            "--split",
            "train",
            "--data",
            data,
            "--store",
            store.parent,
            "-w",
            "0",
            "-c",
            config,
        ]
        shown = []
        for args in (
            [*build, "--dry-run"],
            [*build, "--dry-run", "--json"],
            build,
            [*build, "--force", "--json"],
            ["info", store],
            ["info", store, "--json"],
            ["verify", store, "--deep", "--json"],
            ["verify", store, "--against", data, "--all"],
            ["index", store, "--reread-annotations"],
        ):
            result = CliRunner().invoke(main, [str(arg) for arg in args])
            shown.append(result.output + result.stderr)
            assert result.exit_code in (0, 3), result.output
        opened = tuszstore.open(store)
        assert "a_good.edf" in [*opened.recordings["id"].values, *opened.left_out["id"].values]
        assert {"b_unit.edf", "g_duration.edf"} <= set(opened.left_out["id"].values)
        shown += [caplog.text, *capfd.readouterr(), repr(opened), str(opened.attrs)]
        for text in shown:
            assert MARKER not in text
        for content in strings(store):
            assert MARKER.encode() not in content

"""The harness of the benchmarks compares the same values, and says what it could not measure."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("matplotlib")

from benchmarks import process
from benchmarks.__main__ import main
from benchmarks.corpus import write_files
from benchmarks.engines import ENGINES, LIMIT
from benchmarks.engines.base import why_absent
from benchmarks.environments import NoEnvironment, interpreter
from benchmarks.measure import measure, prepare, warm_up
from benchmarks.reporting.report import BEGIN, END, as_markdown, as_readme, has_place, write_into
from benchmarks.reporting.summary import Spread, exponent, exponents, ratios
from benchmarks.reporting.tables import (
    absences,
    comparison,
    losses,
    overview,
    varied_table,
    workload_table,
)
from benchmarks.rows import Row, read_rows, setting
from benchmarks.setting import SIZES
from benchmarks.source import Source, make_source
from benchmarks.workloads.reading import order_of_all, random_order

pytestmark = pytest.mark.slow

HERE = [name for name, engine in ENGINES.items() if engine.environment == "this"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    root = tmp_path_factory.mktemp("benchmarks")
    write_files(root / "corpus", 4, 2.5)
    make_source(str(root / "corpus"), str(root), others=["none", "float32"])
    return Source.open(root)


@pytest.fixture
def own_zarr_config() -> Any:
    import zarr

    before = zarr.config.get("codec_pipeline.path")
    yield
    zarr.config.set({"codec_pipeline.path": before})


def row(engine: str = "tuszstore", workload: str = "random", number: int = 1, **values: Any) -> Row:
    kind = ENGINES[engine].kind if engine in ENGINES else ""
    common = setting(size="smoke", batch=32, windows=303, hours=0.9)
    given = {"title": engine, "kind": kind, "setting": common, **values}
    return Row(workload=workload, engine=engine, round=number, **given)


@pytest.mark.usefixtures("own_zarr_config")
@pytest.mark.parametrize("name", HERE)
def test_engine_delivers_the_windows_of_the_source(
    name: str, source: Source, tmp_path: Path
) -> None:
    if absent := why_absent(ENGINES[name].packages):
        pytest.skip(absent)
    order = random_order(source, 1 if ENGINES[name].slow else 3, 4, seed=0)
    # it raises if a value differs; here the comparison is made once more, by other means
    done = prepare(name, source.folder, str(tmp_path), order)
    reader = ENGINES[name](Path(done["path"]))
    batches = [np.array(numbers) for numbers in order]
    seen = 0
    for numbers, signal in reader.batches(batches, shuffle=True):
        expected = np.load(Path(source.folder, "windows.npy"))[numbers]
        # NPZ files hold values that are not rounded to int16
        np.testing.assert_allclose(signal, expected, rtol=0, atol=5e-4 if name == "npz" else 0)
        seen += 1
    reader.close()
    assert seen == len(order)
    assert done["bytes"] > 0
    assert done["versions"]["numpy"] == np.__version__


@pytest.mark.usefixtures("own_zarr_config")
def test_an_engine_with_other_values_is_refused(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memmap = ENGINES[LIMIT]
    read = memmap.read
    monkeypatch.setattr(memmap, "read", lambda self, numbers: read(self, numbers) + 0.01)
    with pytest.raises(ValueError, match="memmap delivers wrong values for window"):
        prepare(LIMIT, source.folder, str(tmp_path), [[0, 7]])


def test_source_puts_recordings_together(source: Source) -> None:
    import tuszstore

    store = tuszstore.open(source.stores["lz4"])
    for number, signal in enumerate(source.recordings()):
        stop = signal.shape[1] / source.sfreq
        np.testing.assert_array_equal(signal, store.read_recording(number, 0.0, stop))


def test_phases_are_measured(source: Source) -> None:
    order = random_order(source, 5, 4, seed=1)
    phases = ["random", "in-order", "cold-random", "cold-in-order"]
    done = measure(
        "tuszstore", source.stores["lz4"], order, order_of_all(len(source), 8), 0.01, phases
    )
    assert list(done) == ["first-batch", *phases]
    for figures in done.values():
        assert figures["windows"] >= 4
        assert figures["seconds"] > 0
        assert figures["span"][0] < figures["span"][1]
    assert not done["random"]["dropped"]


@pytest.mark.parametrize("batch", [1, 3, 4])
def test_random_windows_of_a_batch_do_not_overlap(source: Source, batch: int) -> None:
    recording = np.repeat(np.arange(len(source.counts)), source.counts)
    for numbers in random_order(source, 20, batch, seed=2):
        assert len(numbers) == batch
        for k, a in enumerate(numbers):
            for b in numbers[:k]:
                assert recording[a] != recording[b] or abs(a - b) >= 6


def test_a_corpus_that_is_too_small_is_named(source: Source) -> None:
    with pytest.raises(ValueError, match="too small for batches of 30 windows"):
        random_order(source, 1, 30, seed=0)


def test_order_of_all_is_every_window_once() -> None:
    assert np.concatenate(order_of_all(10, 3)).tolist() == list(range(9))
    assert order_of_all(2, 64) == [[0, 1]]


@given(
    st.floats(-2, 2), st.floats(1e-3, 1e3), st.lists(st.integers(1, 10**7), min_size=2, unique=True)
)
def test_exponent_of_a_power_law_is_its_exponent(b: float, a: float, sizes: list[int]) -> None:
    assert math.isclose(exponent(sizes, [a * size**b for size in sizes]), b, abs_tol=1e-6)


def test_exponents_are_fitted_round_by_round() -> None:
    rows = [
        row(workload="growth", number=number, size=size, rate=1000 / size**b)
        for number, b in ((1, 0.5), (2, 0.25))
        for size in (10.0, 100.0, 1000.0)
    ]
    assert exponents(rows) == pytest.approx([0.5, 0.25])
    table = varied_table(rows, "growth")
    assert table.head == ["µs per window", "10", "100", "1,000", "exponent", "range"]
    assert table.lines[0][-2:] == ["0.375", "0.250 to 0.500"]


def test_ratios_are_formed_within_a_round() -> None:
    rows = [
        row("tuszstore", number=1, rate=100.0),
        row("tuszstore", number=2, rate=30.0),
        row("npz", number=1, rate=10.0),
        row("npz", number=2, rate=2.0),
        row("npz", number=3, rate=1.0),
    ]
    assert ratios(rows, "random", "tuszstore", "npz") == [10.0, 15.0]
    assert Spread.of([10.0, None, 15.0, 11.0]) == Spread(11.0, 10.0, 15.0)
    assert Spread.of([None]) is None


def test_tables_show_where_tuszstore_loses() -> None:
    rows = [
        row("memmap", rate=200.0, of_limit=1.0),
        row("tuszstore", rate=100.0, of_limit=0.5),
        row("npz", rate=1.0),
        row("zarrs", rate=40.0),
        row("lmdb", rate=150.0),
    ]
    assert losses(rows) == ["random batches: LMDB 1.50 times (1.50 to 1.50)"]
    asked = {line[0]: line[1:] for line in comparison(rows).lines}
    assert asked["random batches: compressed or chunked"] == [
        "zarrs, same store",
        "2.5",
        "2.5 to 2.5",
        "≥ 2",
        "met",
    ]
    assert asked["random batches: bare float32"][-1] == "met"
    shown = {line[0]: line[1] for line in overview(rows).lines}
    assert shown == {
        "memmap": "200",
        "tuszstore": "100",
        "npz": "1.0",
        "zarrs": "40",
        "lmdb": "**150**",
    }
    detail = {line[0]: line[5] for line in workload_table(rows, "random").lines}
    assert detail["lmdb"] == "0.667"


def test_tables_say_what_is_asked_of_building_and_growth() -> None:
    rows = [row("tuszstore", "build", rate=9.0), row("npz", "build", rate=2.0)]
    rows += [
        row("tuszstore", "growth", size=size, seconds=cost)
        for size, cost in ((10, 1.0), (1000, 1.0))
    ]
    assert comparison(rows).lines == [
        ["building, one worker", "NPZ", "4.5", "4.5 to 4.5", "≥ 5", "missed"],
        [
            "exponent of: cost per window as the store grows",
            "",
            "0.000",
            "0.000 to 0.000",
            "< 0.05",
            "met",
        ],
    ]


def test_engines_that_were_not_measured_are_reported() -> None:
    rows = [
        row("tuszstore", rate=100.0),
        row("mds", "prepare", 0, status="absent", reason="streaming is not installed"),
        row("annbatch", "loader-0", 0, status="unsupported", reason="without torch"),
    ]
    assert absences(rows) == [
        "mds: absent: streaming is not installed",
        "annbatch (DataLoader, no workers): unsupported: without torch",
    ]
    for text in (as_markdown(rows), as_readme(rows)):
        assert "mds: absent: streaming is not installed" in text


def test_readme_is_written_between_its_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nRest.\n")
    write_into(readme, "new")
    assert readme.read_text() == f"# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nRest.\n"
    write_into(readme, "newer")
    assert readme.read_text() == f"# Title\n\n{BEGIN}\n\nnewer\n\n{END}\n\nRest.\n"
    assert has_place(readme)


def test_a_readme_without_a_place_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n\n{END}\n{BEGIN}\n")
    assert not has_place(readme)
    done = CliRunner().invoke(main, ["--readme", str(readme), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "lacks the lines" in done.output
    assert not (tmp_path / "out").exists()


def test_a_row_survives_its_line() -> None:
    written = row(rate=3.5, values={"stages": {"read": 1.0}}, versions={"numpy": "2"})
    assert Row.parse(written.line()) == written


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(process.ProcessError, match="No such file"):
        process.call(
            "benchmarks.measure:prepare",
            engine="memmap",
            source="/nowhere",
            folder="/nowhere",
            order=[],
        )


def test_a_process_that_takes_too_long_is_ended() -> None:
    with pytest.raises(process.ProcessError, match="took longer than"):
        process.call("tests.benchmarks.test_benchmarks:hold", timeout=0.1, megabytes=1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_of_a_process_is_seen(tmp_path: Path) -> None:
    result = process.call("tests.benchmarks.test_benchmarks:hold", megabytes=200)
    anonymous, mapped = result.peak(result.value)
    assert anonymous is not None
    assert mapped is not None
    assert 200e6 < anonymous < 400e6
    assert result.peak([0.0, 0.0]) == (None, None)


def hold(megabytes: int) -> list[float]:
    """Hold memory for a moment; return when."""
    import time

    start = time.monotonic()
    held = np.ones(megabytes << 17)
    time.sleep(0.1)
    assert held[-1]
    return [start, time.monotonic()]


def test_an_environment_that_may_not_be_made_is_absent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("benchmarks.environments.ROOT", tmp_path)
    pins = Path(process.ROOT, "benchmarks")
    (tmp_path / "benchmarks").symlink_to(pins)
    with pytest.raises(NoEnvironment, match="does not exist, and --no-install is given"):
        interpreter("newer", install=False)


def test_run_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = replace(SIZES["smoke"], files=4, minutes=2.5, rounds=2, seconds=0.01, batch=4)
    monkeypatch.setitem(SIZES, "smoke", tiny)
    nowhere = type(
        "Nowhere",
        (ENGINES[LIMIT],),
        {"name": "nowhere", "title": "Nowhere", "packages": ("no-such",)},
    )
    monkeypatch.setitem(ENGINES, "nowhere", nowhere)
    monkeypatch.setattr("benchmarks.environments.ROOT", tmp_path)
    (tmp_path / "benchmarks").symlink_to(Path(process.ROOT, "benchmarks"))
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}{END}")
    out = tmp_path / "results"
    done = CliRunner().invoke(
        main,
        [
            "--size",
            "smoke",
            "--engines",
            "tuszstore,memmap,mds,nowhere",
            "--workloads",
            "first-batch,random,stages,views",
            "--out",
            str(out),
            "--scratch",
            str(tmp_path / "scratch"),
            "--readme",
            str(readme),
            "--no-install",
        ],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    rows = read_rows(out / "rows.jsonl")
    measured = {(r.engine, r.workload, r.round) for r in rows if r.workload == "random"}
    assert measured == {(engine, "random", k) for engine in ("memmap", "tuszstore") for k in (1, 2)}
    for one in rows:
        if one.workload == "random":
            assert one.of_limit is not None
            assert (one.of_limit == 1) == (one.engine == "memmap")
            assert one.stored
            assert one.versions["numpy"]
            assert one.setting["cores"]
    shares = {r.variant: r.values["of plain"] for r in rows if r.workload == "views"}
    assert shares["plain"] == 1
    assert {"as typed", "double banana, µV", "average reference", "12 s every 5 s"} <= set(shares)
    assert all(share > 0 for share in shares.values())
    written = readme.read_text()
    assert "MosaicML Streaming: absent: .venv-rivals does not exist" in written
    assert "Nowhere: absent: no-such is not installed" in written
    page = (out / "report.html").read_text()
    assert "<table>" in page
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page
    assert not list((tmp_path / "scratch").iterdir())
    again = CliRunner().invoke(
        main,
        ["--rows", str(out / "rows.jsonl"), "--out", str(out), "--json"],
        catch_exceptions=False,
    )
    assert [Row.parse(line) for line in again.output.splitlines()] == rows


def test_unknown_engine_is_refused_by_name() -> None:
    done = CliRunner().invoke(main, ["--engines", "tuszstore,nosuch"])
    assert done.exit_code == 2
    assert "'nosuch' is not one of memmap, tuszstore" in done.output


def test_an_engine_needs_its_packages() -> None:
    assert why_absent(["numpy", "no-such-package"]) == "no-such-package is not installed"
    assert why_absent(["numpy"]) is None


def test_all_files_are_read_into_the_cache(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(3 << 20))
    warm_up(tmp_path)

"""The command line, as a user meets it."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import tuszstore
from tests.corpus.edf_files import mark
from tuszstore.builder import builder, plan, recording
from tuszstore.cli import console, main
from tuszstore.plotting.facts import gather


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


@pytest.fixture
def small(own_corpus: Path, tmp_path: Path) -> list[object]:
    """Arguments of a build that is over quickly."""
    return ["build", "--split", "train", "--data", own_corpus, "--store", tmp_path / "stores",
            "--workers", 0]  # fmt: skip


class TestBuild:
    def test_summary(self, small: list[object], tmp_path: Path) -> None:
        result = run(*small)
        assert result.exit_code == 0, result.output
        for word in ("recordings", "hours", "partial_seizure", "MB", "left out", "train.zarr"):
            assert word in result.output
        assert tuszstore.open(tmp_path / "stores" / "train.zarr")

    def test_json(self, small: list[object]) -> None:
        report = json.loads(run(*small, "--json").stdout)
        assert report["status"] == "built"
        assert report["exit_status"] == 0
        assert report["windows"] == sum(report["categories"].values())

    def test_quiet_says_nothing(self, small: list[object]) -> None:
        result = run(*small, "--quiet")
        assert (result.exit_code, result.output) == (0, "")

    def test_a_hangup_that_is_ignored_ends_no_build(
        self, small: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As with ``nohup``."""
        original = builder.run_plan

        def run_plan(*args: Any, **options: Any) -> Any:
            os.kill(os.getpid(), signal.SIGHUP)
            return original(*args, **options)

        monkeypatch.setattr(builder, "run_plan", run_plan)
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            assert run(*small, "--quiet").exit_code == 0
        finally:
            signal.signal(signal.SIGHUP, before)

    def test_dry_run_writes_nothing(self, small: list[object], tmp_path: Path) -> None:
        result = run(*small, "--dry-run")
        assert result.exit_code == 0
        assert "plan for" in result.output
        assert not (tmp_path / "stores").exists()
        plan = json.loads(run(*small, "--dry-run", "--json").stdout)
        assert plan["windows"] > 0
        assert plan["recordings"] == 3

    def test_all_splits(self, small: list[object], tmp_path: Path) -> None:
        reports = json.loads(run(*small[:2], "all", *small[3:], "--json").stdout)
        assert [report["split"] for report in reports] == ["train", "dev"]

    def test_limit_and_settings(self, small: list[object], tmp_path: Path) -> None:
        result = run(*small, "--limit", 1, "--set", "storage.dtype=float32",
                     "--set", "windows.length=20", "--split-policy", "file_order")  # fmt: skip
        assert result.exit_code == 0, result.output
        store = tuszstore.open(tmp_path / "stores" / "train.zarr")
        assert store.recordings.sizes["recording"] == 1
        assert store.config["storage"]["dtype"] == "float32"
        assert store.config["corpus"]["split_policy"] == "file_order"
        assert store.windows.shape[2] == 20 * 256

    def test_a_file_and_the_environment_and_options(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = tmp_path / "my.yaml"
        config.write_text("build: {workers: 0}\nwindows: {length: 30}\npaths: {data: /nowhere}\n")
        monkeypatch.setenv("TUSZSTORE_DATA", str(own_corpus))
        monkeypatch.setenv("TUSZSTORE_STORE", str(tmp_path / "env"))
        assert run("build", "--split", "val", "--config", config).exit_code == 0
        assert tuszstore.open(tmp_path / "env" / "val.zarr").spec.window_seconds == 30
        options = ["--config", config, "--store", tmp_path / "option"]
        assert run("build", "--split", "val", *options).exit_code == 0
        assert (tmp_path / "option" / "dev.zarr").exists()

    def test_failures_are_told(self, small: list[object], own_corpus: Path) -> None:
        victim = sorted((own_corpus / "edf" / "train").rglob("*.edf"))[-1]
        victim.write_bytes(b"")
        result = run(*small)
        assert result.exit_code == 3
        assert "1 failed" in result.output
        assert "file is empty" in result.output

    def test_no_seizures(self, small: list[object], own_corpus: Path) -> None:
        for annotation in own_corpus.rglob("*.csv"):
            header = "channel,start_time,stop_time,label,confidence\n"
            annotation.write_text(header + "TERM,0,1,bckg,1\n")
        result = run(*small)
        assert result.exit_code == 2
        assert "check labels.annotation" in result.output

    def test_nothing_built(self, small: list[object], own_corpus: Path) -> None:
        for annotation in own_corpus.rglob("*.csv*"):
            annotation.unlink()
        for options in ([], ["--dry-run"]):
            result = run(*small, *options)
            assert result.exit_code == (0 if options else 1)
            assert "nothing was built (3 unlabelled)" in result.output
            assert "labels.unlabelled=keep" in result.output

    def test_an_annotation_of_another_kind_is_advised(
        self, small: list[object], own_corpus: Path
    ) -> None:
        for annotation in own_corpus.rglob("*.csv"):
            annotation.unlink()
        result = run(*small)
        assert result.exit_code == 1
        assert "--set labels.annotation=csv_bi" in result.output
        assert "unlabelled=keep" not in result.output
        assert run(*small, "--set", "labels.annotation=csv_bi").exit_code == 0
        kept = run(*small, "--set", "labels.unlabelled=keep", "--dry-run")
        assert "3 recordings taken as unlabelled though there is an annotation" in kept.output

    def test_quiet_says_why_nothing_is_built(self, small: list[object], own_corpus: Path) -> None:
        for path in own_corpus.rglob("*.edf"):
            path.write_bytes(b"")
        result = run(*small, "--quiet")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "nothing was built (3 failed)" in result.stderr
        assert "3 recordings: file is empty" in result.stderr

    def test_quiet_says_what_failed(self, small: list[object], own_corpus: Path) -> None:
        victim = sorted((own_corpus / "edf" / "train").rglob("*.edf"))[-1]
        victim.write_bytes(b"")
        result = run(*small, "--quiet")
        assert (result.exit_code, result.stdout) == (3, "")
        assert f"{victim.name}: file is empty" in result.stderr

    def test_all_splits_tell_of_what_is_absent_and_of_what_came_out(
        self, small: list[object], own_corpus: Path
    ) -> None:
        for path in (own_corpus / "edf" / "dev").rglob("*.edf"):
            path.write_bytes(b"")
        result = run(*small[:2], "all", *small[3:])
        assert result.exit_code == 3  # train is built
        assert "no recordings for eval in this corpus (split policy 'official')" in result.stderr
        assert "tuszstore: dev: nothing was built (3 failed)" in result.stderr

    def test_recordings_that_are_all_too_short(self, small: list[object]) -> None:
        result = run(*small, "--set", "windows.length=3600")
        assert result.exit_code == 2
        assert "all 3 recordings are shorter" in result.stderr
        assert "annotation" not in result.stderr

    def test_odd_names_and_files_are_left_out_and_shown_escaped(
        self, small: list[object], own_corpus: Path, tmp_path: Path
    ) -> None:
        folder = own_corpus / "edf" / "train"
        os.mkfifo(folder / "p\x1b[31m_s001_t000.edf")
        with open(os.fsencode(folder) + b"/caf\xe9_s001_t000.edf", "wb") as file:
            file.write(b"0")
        good = next(path for path in sorted(folder.rglob("*_s*_t*.edf")) if path.is_file())
        copy = good.with_name("zz\x1b[32m_s001_t000.edf")
        copy.write_bytes(good.read_bytes())
        mark(copy, "another")
        os.mkfifo(copy.with_suffix(".csv"))
        result = run(*small)
        assert result.exit_code == 3, result.output
        for told in (r"p\x1b[31m_s001_t000.edf: a named pipe, not a regular file",
                     r"caf\xe9_s001_t000.edf: file name is not UTF-8",
                     r"zz\x1b[32m_s001_t000.csv: a named pipe, not a regular file"):  # fmt: skip
            assert told in result.output
        assert "\x1b" not in result.output
        assert tuszstore.open(tmp_path / "stores" / "train.zarr").recordings.sizes["recording"] == 3


BUILD = ["build", "--split", "train"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(["build"], "Missing option", id="no split"),
        pytest.param(["build", "--split", "test"], "'train', 'val', 'dev'", id="unknown split"),
        pytest.param(BUILD, "no corpus given", id="no data"),
        pytest.param([*BUILD, "-d", "."], "no folder for stores", id="no store"),
        pytest.param([*BUILD, "-d", "nowhere", "-o", "x"], "no such folder", id="no folder"),
        pytest.param([*BUILD, "--set", "signal.sfrq=3"], "did you mean 'sfreq'", id="unknown key"),
        pytest.param([*BUILD, "--set", "x"], "KEY=VALUE", id="no value"),
        pytest.param([*BUILD, "--set", "x=[1"], "not valid YAML", id="bad value"),
        pytest.param([*BUILD, "-c", "no.yaml"], "no such file", id="no config"),
        pytest.param([*BUILD, "--workers", "-1"], "Invalid value", id="negative workers"),
        pytest.param(
            [*BUILD, "-d", "c", "-o", "x", "-M", "lots"],
            "not a valid memory size",
            id="nonsense memory",
        ),
        pytest.param(
            [*BUILD, "-d", "c", "-o", "x", "-M", "lots", "--dry-run"],
            "not a valid memory size",
            id="nonsense memory, dry run",
        ),
        pytest.param(
            [*BUILD, "-d", "c", "-o", "x", "-M", "9MB"], "and max_memory is 9MB", id="little memory"
        ),
        pytest.param(
            [*BUILD, "-d", "c", "-o", "x", "-M", "9MB", "--dry-run", "--json"],
            "raise --max-memory to 4",
            id="little memory, dry run",
        ),
        pytest.param(
            ["build", "-s", "all", "-d", "c", "-o", "x", "-M", "9MB", "-w", "0"],
            "train: a worker needs about 4",
            id="little memory, all splits",
        ),
        pytest.param(["info", "nowhere.zarr"], "no store here", id="no such store"),
        pytest.param(["info"], "Missing argument", id="no argument"),
        pytest.param(["frobnicate"], "No such command", id="unknown command"),
        pytest.param(["synth", "x", "--minutes", "-1"], "minutes", id="negative minutes"),
    ],
)
def test_wrong_usage_is_one_line_and_status_1(
    args: list[str],
    told: str,
    small_corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c").symlink_to(small_corpus)
    result = run(*args)
    assert result.exit_code == 1
    assert told in result.output
    assert "Traceback" not in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


class TestInfo:
    def test_text(self, train: tuszstore.Store) -> None:
        result = run("info", train.path)
        assert result.exit_code == 0
        for word in ("split", "patients", "int16", "full_seizure", "seizure events", "left out",
                     "with interpolated channels"):  # fmt: skip
            assert word in result.output

    def test_json(self, train: tuszstore.Store) -> None:
        facts = json.loads(run("info", train.path, "--json").stdout)
        assert facts["windows"] == len(train)
        assert sum(facts["categories"].values()) == len(train)
        assert facts["schema_version"] == 3
        assert facts["left_out"]
        interpolated = train.recordings["interpolated"].any("channel").values
        assert facts["interpolated"] == interpolated.sum() > 0
        ids = train.recordings["id"].values[interpolated]
        assert all("interpolated: Fz, Pz" in facts["notes"][id_] for id_ in ids)

    def test_seizures_are_counted_and_not_their_channels(self, train: tuszstore.Store) -> None:
        facts = json.loads(run("info", train.path, "--json").stdout)
        figures = gather(train)
        assert facts["seizures"] == figures.total.seizures
        assert facts["events"] == {entry.name: entry.events for entry in figures.classes}
        assert 0 < facts["seizures"] < len(train.events["class"])


def test_synth(tmp_path: Path) -> None:
    args = ["synth", tmp_path / "c", "--patients", 2, "--files", 1, "--minutes", 0.5, "--seed", 3]
    result = run(*args)
    assert result.exit_code == 0
    assert "2 recordings" in result.output
    assert len(list((tmp_path / "c").rglob("*.edf"))) == 2
    assert run(*args).exit_code == 1


def test_demo(tmp_path: Path) -> None:
    result = run("demo", tmp_path / "demo", "--workers", 0)
    assert result.exit_code == 0, result.output
    assert "partial_seizure  seizure" in result.output
    assert run("demo", tmp_path / "demo", "--workers", 0).exit_code == 0


def test_a_terminal_sees_progress(small: list[object]) -> None:
    """A bar is drawn on a terminal, and on nothing else."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "tuszstore", *map(str, small)]
    with subprocess.Popen(command, stderr=follower, stdout=subprocess.DEVNULL) as process:
        os.close(follower)
        seen = b""
        while chunk := _read(leader):
            seen += chunk
    assert process.returncode == 0
    assert b"h/s" in seen
    assert b"left" in seen
    silent = subprocess.run([*command, "--force"], capture_output=True, check=True)
    assert silent.stderr == b""


def test_a_log_gets_a_line_a_minute(small: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """From planning to the end."""
    monkeypatch.setattr(console, "LINE_SECONDS", 0.02)
    for module, name in ((plan, "inspect_edf"), (builder, "find_changes"), (builder, "assemble"),
                         (recording, "preprocess")):  # fmt: skip
        monkeypatch.setattr(module, name, slowly(getattr(module, name)))
    result = run(*small)
    assert result.exit_code == 0
    lines = [line for line in result.stderr.splitlines() if "so far" in line]
    for told in (
        r"planning \(0:0\d so far\)", r"train: comparing with what is there \(0:0\d so far\)",
        r"train: 0\.0/0\.\d h \(0:0\d so far\)", r"train: 0\.\d/0\.\d h, .* h/s, 0:0\d left \(",
        r"train: putting the store together \(0:0\d so far\)",
    ):  # fmt: skip
        assert any(re.fullmatch(told + ".*", line) for line in lines), (told, lines)
    assert not run(*small, "--force", "--quiet").output
    assert "so far" not in run(*small, "--force", "--json").stderr


def slowly(function: Any) -> Any:
    def slow(*args: Any, **options: Any) -> Any:
        time.sleep(0.15)
        return function(*args, **options)

    return slow


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("moment", ["start", "midst"])
def test_ctrl_c_ends_in_one_line(
    own_corpus: Path, tmp_path: Path, workers: int, moment: str
) -> None:
    """A terminal sends it to all processes; twice, since people are impatient."""
    root = tmp_path / "stores"
    args = ["build", "-s", "train", "-d", own_corpus, "-o", root, "-w", workers]
    reset = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{reset}\nfrom tuszstore.cli import main\nmain()"
    begun = root / ".train.zarr.building" / ("build.json" if moment == "start" else "recordings/*")
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + 90
            while not list(begun.parent.glob(begun.name)):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.2)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            _, told = process.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 128 + signal.SIGINT
    assert told.split("\n") == [
        "", "tuszstore: interrupted; what is built is kept: rerun the command to resume", "",
    ]  # fmt: skip
    assert run(*args[:-1], 0, "--quiet").exit_code == 0
    assert [path.name for path in root.iterdir() if not path.name.endswith(".lock")] == [
        "train.zarr"
    ]


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize("command", ["demo", "synth"])
@pytest.mark.parametrize("name", ["file", "file/inside", "/dev/null/x", "/dev/null", "f" * 300])
def test_a_corpus_that_cannot_be_written_is_told_in_a_line(
    command: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    result = CliRunner().invoke(main, [command, str(tmp_path / name)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("tuszstore: ")
    assert len(result.stderr.splitlines()) == 1
    assert name in result.stderr


def test_an_interrupted_corpus_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuszstore.corpus import synthetic

    write, count = synthetic.write_edf, 0

    def interrupted(*args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        if count > 2:
            raise KeyboardInterrupt
        write(*args, **kwargs)

    options = ["synth", str(tmp_path), "--patients", "1", "--minutes", "0.1"]
    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "write_edf", interrupted)
        assert CliRunner().invoke(main, options).exit_code == 130
    assert not (tmp_path / "edf").exists()
    assert CliRunner().invoke(main, options).exit_code == 0
    assert len(list(tmp_path.rglob("*.edf"))) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["edf"]

"""What ``-v`` shows beside what a command prints anyway."""

import json
import logging
from pathlib import Path

import pytest

import tuszstore
from tests.cli.runner import run
from tuszstore.builder import recording
from tuszstore.cli import main
from tuszstore.cli.app import MODULES
from tuszstore.cli.verbosity import LOGGER


@pytest.fixture
def broken(own_corpus: Path) -> list[Path]:
    """Six EDF files of the train split that are none."""
    first = sorted((own_corpus / "edf" / "train").rglob("*.edf"))[0]
    copies = [first.with_name(first.name.replace("_t", f"_t9{k}")) for k in range(6)]
    for copy in copies:
        copy.write_bytes(b"no EDF file" * 40)
    return copies


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_command_has_the_option(name: str) -> None:
    command = main.commands[name]
    assert [option.opts for option in command.params if option.name == "verbose"] == [
        ["-v", "--verbose"]
    ]


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
def test_a_build_says_what_it_does(
    before: bool, small: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUSZSTORE_DATA", str(tmp_path / "corpus"))
    monkeypatch.setenv("TUSZSTORE_PSEUDONYM_KEY", "secret")
    result = run("-v", *small) if before else run(*small, "-v")
    assert result.exit_code == 0
    for told in (
        f"tuszstore {tuszstore.__version__} in ",
        f"environment: TUSZSTORE_DATA={tmp_path / 'corpus'}",
        "configuration: the defaults",
        "build.workers: 0, of --workers",
        "corpus: tusz: ",
        "train: 3 recordings of corpus tusz at ",
        " s of EEG, built in ",
        f"train: published at {tmp_path / 'stores' / 'train.zarr'}",
    ):
        assert told in result.stderr
    assert "secret" not in result.stderr
    assert result.stderr.count(" s of EEG, built in ") == 3
    assert "│ recordings" in result.stdout
    assert "built in" not in result.stdout


def test_without_it_nothing_is_said(small: list[object]) -> None:
    assert not run(*small).stderr
    run(*small, "-v", "--force")
    assert not run(*small, "--force").stderr  # the option goes with its command
    assert logging.getLogger(LOGGER).level == logging.NOTSET
    assert not logging.getLogger(LOGGER).handlers


def test_a_program_may_listen_to_the_library(
    own_corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"split": "train", "data": own_corpus, "store": tmp_path / "s", "workers": 0}
    tuszstore.build(**options)
    assert not caplog.records
    with caplog.at_level(logging.INFO, LOGGER):
        tuszstore.build(**options, force=True)
    assert caplog.text.count(" s of EEG, built in ") == 3


def test_each_excluded_recording_has_its_line(
    broken: list[Path], small: list[object], tmp_path: Path
) -> None:
    grouped = run(*small).stdout
    assert "6 recordings: not an EDF file" in grouped
    assert "and 3 more)" in grouped
    assert "  -v or --json lists them all" in grouped
    store = tmp_path / "stores" / "train.zarr"
    for args in ([*small, "--force"], [*small, "--dry-run"], ["info", store], ["status", store]):
        lines = run(*args, "-v").stdout.splitlines()
        for path in broken:
            assert sum(f"{path.name}: not an EDF file" in line for line in lines) == 1
        assert not any("more" in line for line in lines)


def test_status_groups_what_would_be_done(
    own_corpus: Path, small: list[object], tmp_path: Path
) -> None:
    run(*small, "-q")
    for path in sorted((own_corpus / "edf" / "train").rglob("*.csv")):
        with path.open("a") as file:
            file.write("TERM,1.0,2.0,gnsz,1.0\n")
    told = run("status", tmp_path / "stores" / "train.zarr").stdout
    assert "  3 recordings to relabel: annotation changed\n" in told
    assert "  3 recordings: relabel, annotation changed (edf/train/" in told
    lines = run("status", "-v", tmp_path / "stores" / "train.zarr").stdout.splitlines()
    assert sum(line.endswith(".edf: relabel, annotation changed") for line in lines) == 3


def test_verify_groups_equal_findings(own_store: Path) -> None:
    files = [path for path in (own_store / "signal" / "c").rglob("0") if path.is_file()][:6]
    for path in files:
        path.unlink()
    told = run("verify", own_store)
    assert told.exit_code in (2, 3)
    assert f"signal: {len(files)} findings: " in told.stdout
    listed = run("verify", own_store, "-v")
    shown = [line for line in listed.stdout.splitlines() if line.startswith("signal: ")]
    assert len(shown) == len(files)
    assert "check schema: 70 arrays" in listed.stderr
    assert listed.stderr.count(" checked ") == len(tuszstore.open(own_store).recordings["id"])


def test_an_error_shows_where_it_arose(tmp_path: Path) -> None:
    plain, full = run("info", tmp_path / "x.zarr"), run("-v", "info", tmp_path / "x.zarr")
    assert (plain.exit_code, full.exit_code) == (1, 1)
    assert plain.stderr.count("\n") == 1
    assert "Traceback (most recent call last):" in full.stderr
    assert full.stderr.endswith(plain.stderr)
    wrong = run("-v", "info", "--jsn")
    assert "Traceback" not in wrong.stderr


def test_a_fault_of_tuszstore_can_be_reported(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise KeyError("nothing\x1b[31m of the kind")

    monkeypatch.setattr(tuszstore, "open", fail)
    result = run("info", own_store)
    assert result.exit_code == 1
    assert "Traceback (most recent call last):" in result.stderr
    last = result.stderr.splitlines()[-1]
    assert last.startswith("tuszstore: KeyError: ")
    assert "please report it" in last
    assert "\x1b" not in result.stderr


def test_an_error_of_the_system_is_one_line(
    own_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise PermissionError(13, "Permission denied", "/somewhere/x")

    monkeypatch.setattr(tuszstore, "open", fail)
    assert run("info", own_store).stderr == "tuszstore: /somewhere/x: Permission denied\n"
    assert "Traceback" in run("info", "-v", own_store).stderr


def test_a_recording_that_fails_unforeseen_shows_where(
    small: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("of a filter")

    monkeypatch.setattr(recording, "preprocess", fail)
    assert "Traceback" not in run(*small).output
    result = run("-v", *small)
    assert result.stderr.count("failed: ZeroDivisionError: of a filter") == 3
    assert ", in _build" in result.stderr


def test_quiet_and_verbose_exclude_each_other(small: list[object]) -> None:
    result = run(*small, "-q", "-v")
    assert result.exit_code == 1
    assert "--quiet and --verbose exclude each other" in result.stderr


def test_json_stays_json(small: list[object]) -> None:
    assert json.loads(run(*small, "-v", "--json").stdout)["status"] == "built"


def test_a_corpus_that_is_not_there_is_no_damage(own_store: Path, tmp_path: Path) -> None:
    result = run("verify", own_store, "--against", tmp_path / "nowhere")
    assert result.exit_code == 1
    told = f"{tmp_path / 'nowhere'}: no such folder; give the root of the corpus"
    assert result.output == f"tuszstore: {told}\n"


def test_status_names_the_stores_of_a_folder(own_store: Path) -> None:
    result = run("status", own_store.parent)
    assert result.exit_code == 1
    assert f"give one: {own_store}" in result.stderr

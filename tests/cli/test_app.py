"""What all commands have in common: help, errors, interruptions, and what is imported when."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import click
import pytest

from tests.cli.runner import run
from tuszstore.cli import main
from tuszstore.cli.app import MODULES

BUILD = ["build", "--split", "train"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        pytest.param(["build"], "Missing option", id="unknown split"),
        pytest.param(
            ["build", "--split", "test"], "'dev', 'eval', 'train', 'val'", id="unknown split"
        ),
        pytest.param(["build", "--split", "trian"], "Did you mean 'train'?", id="misspelt split"),
        pytest.param(
            [*BUILD, "--split-policy", "oficial"], "Did you mean 'official'?", id="misspelt policy"
        ),
        pytest.param([*BUILD, "--forse"], "--force", id="misspelt option"),
        pytest.param(["verfy", "x"], "Did you mean 'verify'?", id="misspelt command"),
        pytest.param(["verify", "x", "--all"], "need --against", id="all of nothing"),
        pytest.param(["verify", "x", "-w", "0"], "'-w' / '--workers'", id="no threads"),
        pytest.param(["index"], "Missing argument 'STORE'", id="no store to index"),
        pytest.param(
            ["status", "x\x1b[31m"], r"x\x1b[31m: no store or unfinished build", id="an escape"
        ),
        pytest.param(["build", "-s", "\x1b[31m\n"], r"x1b[31m", id="an escape in a choice"),
        pytest.param(BUILD, "no corpus given", id="no data"),
        pytest.param([*BUILD, "-d", "."], "no folder for stores", id="no store"),
        pytest.param(
            [*BUILD, "-d", "nowhere", "-o", "x"], "nowhere: folder does not", id="no folder"
        ),
        pytest.param(
            [*BUILD, "--set", "signal.sfrq=3"], "did you mean 'signal.sfreq'", id="unknown key"
        ),
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
            [*BUILD, "-d", "c", "-o", "x", "-M", "9MB"], "but max_memory is 9MB", id="little memory"
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
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c").symlink_to(small_corpus)
    result = run(*args)
    assert result.exit_code == 1
    assert told in result.output
    *remarks, error = result.stderr.splitlines()
    assert error.startswith("tuszstore: ")
    assert all("no recordings for eval" in line for line in remarks)
    assert "\x1b" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_wrong_usage_names_the_help_of_its_command() -> None:
    assert run("build").stderr.endswith(". See: tuszstore build --help\n")
    assert run("frobnicate").stderr.endswith(" See: tuszstore --help\n")


def test_called_alone_it_shows_the_help() -> None:
    assert "Commands:" in run().output


class TestHelp:
    def test_every_command_has_a_summary_that_fits(self) -> None:
        output = run("--help").output
        told = dict(re.findall(r"^  ([a-z-]+) +(\S.*)$", output.partition("Commands:")[2], re.M))
        assert list(told) == sorted(MODULES)
        assert all(summary.endswith(".") and "..." not in summary for summary in told.values())

    @pytest.mark.parametrize("name", sorted(MODULES))
    def test_every_option_is_explained(self, name: str) -> None:
        assert run(name, "--help").exit_code == 0
        command = main.commands[name]
        assert command.name == name
        for option in command.params:
            assert isinstance(option, click.Argument) or (option.help or "").endswith((".", "]"))

    def test_what_commands_share_is_alike(self) -> None:
        """An option of one name has one meaning, one short form and one kind of value."""
        shared: dict[str, set[object]] = {}
        for command in main.commands.values():
            for option in command.params:
                if isinstance(option, click.Option) and option.name in (
                    "as_json",
                    "data",
                    "output",
                    "seed",
                    "settings",
                    "workers",
                ):
                    kind = (tuple(option.opts), type(option.type), option.metavar)
                    shared.setdefault(option.name, set()).add(kind)
        assert {name: len(kinds) for name, kinds in shared.items()} == dict.fromkeys(
            ("as_json", "data", "output", "seed", "settings", "workers"), 1
        )


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["build", "--help"], ["plto"]])
def test_what_needs_no_store_imports_no_more_than_the_package(args: list[str]) -> None:
    """Help is there at once."""
    code = (
        "import sys, tuszstore\n"
        "before = set(sys.modules)\n"
        "from tuszstore.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    print(*sorted(set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=True
    )
    imported = set(done.stderr.splitlines()[-1].split())
    assert "tuszstore.cli.app" in imported
    ours = {name for name in imported if name.startswith("tuszstore.")}
    shared = ("", ".app", ".completion", ".detecting", ".options")
    allowed = {f"tuszstore.cli{name}" for name in shared}
    assert ours <= allowed | {f"tuszstore.cli.{module}" for module in MODULES.values()}
    heavy = {"dask", "distributed", "matplotlib", "mne", "rich", "scipy", "torch", "xarray", "zarr"}
    assert not heavy & {name.partition(".")[0] for name in imported}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("moment", ["start", "midst"])
@pytest.mark.slow
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
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
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
        "",
        "tuszstore: interrupted; what is built is kept: rerun the command to resume",
        "",
    ]
    assert run(*args[:-1], 0, "--quiet").exit_code == 0
    assert [path.name for path in root.iterdir() if not path.name.endswith(".lock")] == [
        "train.zarr"
    ]

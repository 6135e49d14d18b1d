"""What a shell offers while a command is typed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from tuszstore.cli import main


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        pytest.param(["bu"], ["build"], id="commands"),
        pytest.param(["build", "--sp"], ["--split", "--split-policy"], id="options"),
        pytest.param(["build", "-s", ""], ["all", "dev", "eval", "train", "val"], id="splits"),
        pytest.param(["build", "-v", "--corpus", "s"], ["seizeit", "siena"], id="corpora"),
        pytest.param(["plot", "s", "--channels", "t"], ["tcp", "tcp_a"], id="sets of channels"),
        pytest.param(["build", "--set", "signal.f"], ["signal.filter="], id="keys"),
        pytest.param(["build", "--set", "signal.bandpass.l"], ["signal.bandpass.low="], id="deep"),
        pytest.param(["build", "--set", "nothing"], [], id="no key"),
        pytest.param(["score", "p", "--mode", "m"], ["max", "mean"], id="choices"),
    ],
)
def test_names(words: list[str], offered: list[str]) -> None:
    found = ShellComplete(main, {}, "tuszstore", "_").get_completions(words[:-1], words[-1])
    assert [(item.type, item.value) for item in found] == [("plain", name) for name in offered]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        pytest.param(["info"], "dir", id="a store"),
        pytest.param(["build", "-d"], "dir", id="a corpus"),
        pytest.param(["build", "-o"], "dir", id="a folder of stores"),
        pytest.param(["score"], "file", id="predictions"),
        pytest.param(["report", "s", "-o"], "file", id="output"),
    ],
)
def test_paths(words: list[str], kind: str) -> None:
    found = ShellComplete(main, {}, "tuszstore", "_").get_completions(words, "a")
    assert [(item.type, item.value) for item in found] == [(kind, "a")]


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.slow
def test_bash_offers_names_and_files(tmp_path: Path) -> None:
    """As docs/start/install.md sets it up; where no built-in name fits, bash takes files."""
    command = tmp_path / "tuszstore"
    command.write_text(f"#!{sys.executable}\nfrom tuszstore.cli import main\nmain()\n")
    command.chmod(0o755)
    script = """
        PATH="$1:$PATH"; shift
        eval "$(_TUSZSTORE_COMPLETE=bash_source tuszstore)"
        compopt() { IFS=' '; echo "$*"; }
        COMP_WORDS=(tuszstore build -c ""); COMP_CWORD=3
        _tuszstore_completion tuszstore
        IFS=' '; echo "${COMPREPLY[*]}"
    """
    done = subprocess.run(
        ["bash", "-c", script, "bash", str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["-o default", "bipolar reference smoke tusz"]
    assert not done.stderr

"""What is shown while a build runs."""

import os
import pty
import re
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.cli.runner import run
from tuszstore import progress
from tuszstore.builder import builder, plan, recording


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_log_gets_a_line_a_minute(small: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    """From planning to the end."""
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.02)
    for module, name in (
        (plan, "inspect"),
        (builder, "find_changes"),
        (builder, "assemble"),
        (recording, "preprocess"),
    ):
        monkeypatch.setattr(module, name, slowly(getattr(module, name)))
    result = run(*small)
    assert result.exit_code == 0
    lines = [line for line in result.stderr.splitlines() if "so far" in line]
    for told in (
        r"planning \(0:0\d so far\)",
        r"train: comparing with the existing store \(0:0\d so far\)",
        r"train: 0\.0/0\.\d h \(0:0\d so far\)",
        r"train: 0\.\d/0\.\d h, .* h/s, 0:0\d left \(",
        r"train: assembling the store \(0:0\d so far\)",
    ):
        assert any(re.fullmatch(told + ".*", line) for line in lines), (told, lines)
    assert not run(*small, "--force", "--quiet").output
    assert "so far" not in run(*small, "--force", "--json").stderr


def slowly(function: Any) -> Any:
    def slow(*args: Any, **options: Any) -> Any:
        time.sleep(0.15)
        return function(*args, **options)

    return slow


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end is closed
        return b""

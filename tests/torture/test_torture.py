"""A short turn of the torture of builds; `make torture` is the long one."""

import re
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="faults are injected on Linux")
def test_nothing_is_lost() -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler for the library of faults")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.torture",
            "--points",
            "3",
            "--errors",
            "1",
            "--reads",
            "2",
            "--random-kills",
            "0",
            "--soak",
            "3",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    points = re.search(r"points tried: (\d+)", done.stdout)
    assert points
    assert int(points[1]) == 3 * (3 + 3) + 6 * 2
    batches = re.search(r"batches read right: ([\d,]+)", done.stdout)
    assert batches
    assert batches[1] != "0"
    assert "lost: 0" in done.stdout

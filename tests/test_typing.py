"""Types reach who uses the package: a project beside it, as mypy and pyright see it."""

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests import ROOT

pytestmark = pytest.mark.slow

PROJECT = """\
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import tuszstore

store = tuszstore.open("stores/train.zarr")
assert_type(store, tuszstore.Store)
assert_type(store.read([0, 1]), NDArray[np.float32])
assert_type(store.read([0, 1], labels=True), tuple[NDArray[np.float32], NDArray[np.uint16]])
assert_type(store.mask("no_seizure"), NDArray[np.bool_])
assert_type(store.spec, tuszstore.StoreSpec)
assert_type(tuszstore.build(split="dev").windows, int)
"""
WRONG = {
    'tuszstore.open("a").select(category=3)': "category",
    "tuszstore.build(split=3)": "split",
    "tuszstore.no_such_name": "no_such_name",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose environment has the package, with what it needs."""
    root = tmp_path_factory.mktemp("project")
    venv.create(root / "env", symlinks=True)
    (packages,) = (root / "env").glob("lib/python*/site-packages")
    (packages / "tuszstore").symlink_to(ROOT / "tuszstore")
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib"))
    (root / "right.py").write_text(PROJECT)
    lines = ["import tuszstore", *WRONG]
    (root / "wrong.py").write_text("\n".join(lines) + "\n")
    return root


def test_mypy(project: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "right.py", "wrong.py"]
    command += ["--python-executable", str(project / "env/bin/python")]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    errors = [line for line in done.stdout.splitlines() if " error: " in line]
    assert len(errors) == len(WRONG), done.stdout + done.stderr
    for number, (line, name) in enumerate(zip(errors, WRONG.values(), strict=True), start=2):
        assert line.startswith(f"wrong.py:{number}: ")
        assert name in line


def test_pyright(project: Path) -> None:
    if shutil.which("pyright") is None:
        pytest.skip("pyright is not installed (pip install pyright)")
    command = ["pyright", "--outputjson", "--pythonpath", str(project / "env/bin/python")]
    done = subprocess.run(
        [*command, "right.py", "wrong.py"], cwd=project, capture_output=True, text=True, check=False
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    errors = [
        (Path(entry["file"]).name, entry["range"]["start"]["line"] + 1, entry["message"])
        for entry in found
        if entry["severity"] == "error"
    ]
    assert [message for file, _, message in errors if file == "right.py"] == []
    assert {line for file, line, _ in errors if file == "wrong.py"} == {2, 3, 4}

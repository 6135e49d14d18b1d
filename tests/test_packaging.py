"""What is in the repository is what is installed."""

import io
import itertools
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import tuszstore
from tests import ROOT
from tuszstore.compat import EXTRAS, explain_missing
from tuszstore.errors import MissingExtraError

# not in every environment from Python 3.12 on
find_packages = pytest.importorskip("setuptools").find_packages


def test_every_module_lies_in_a_package_that_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (pattern,) = project["tool"]["setuptools"]["packages"]["find"]["include"]
    installed = set(find_packages(str(ROOT), include=[pattern]))
    folders = {path.parent for path in (ROOT / "tuszstore").rglob("*.py")}
    assert {".".join(folder.relative_to(ROOT).parts) for folder in folders} == installed


def test_the_configurations_beside_the_package_are_those_in_it() -> None:
    def files(folder: Path) -> dict[str, bytes]:
        paths = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}

    inside = files(ROOT / "tuszstore/configs")
    assert inside == files(ROOT / "configs")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["tuszstore"]
    installed = {
        path.relative_to(ROOT / "tuszstore/configs").as_posix()
        for pattern in patterns
        for path in (ROOT / "tuszstore").glob(pattern)
        if path.suffix == ".yaml"
    }
    assert installed == inside.keys()


def test_the_makefile_has_the_targets_of_the_readme() -> None:
    targets = (ROOT / "Makefile").read_text()
    for name in ("demo", "notebook", "test", "venv", "bench", "test-newer"):
        assert f"\n{name}:" in targets


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
@pytest.mark.parametrize(("user", "allowed"), [("0", True), ("1000", False)])
def test_the_notebook_opens_for_root_too(tmp_path: Path, user: str, allowed: bool) -> None:
    """Jupyter refuses root, as one is in a container, unless it is told that it is meant."""
    command = tmp_path / "id"
    command.write_text(f"#!/bin/sh\necho {user}\n")
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "notebook"],
        cwd=ROOT,
        text=True,
        check=True,
        env={**os.environ, "PATH": path},
        capture_output=True,
    )
    (line,) = (line for line in done.stdout.splitlines() if "jupyter lab" in line)
    assert ("--allow-root" in line) == allowed


def test_messages_name_the_packages_of_the_extras() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra, packages in EXTRAS.items():
        required = project["optional-dependencies"][extra]
        assert packages == tuple(text.partition(">")[0] for text in required)


def test_versions_of_all_packages_are_shown() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = itertools.chain(*project["optional-dependencies"].values())
    names = {text.partition(">")[0] for text in (*project["dependencies"], *extras)}
    file = io.StringIO()
    tuszstore.show_versions(file)
    shown = dict(line.split(maxsplit=1) for line in file.getvalue().splitlines())
    assert shown["tuszstore"] == tuszstore.__version__
    assert shown["numpy"] == np.__version__
    assert shown["Python"].startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
    wanted = {name for name in names if not name.startswith("tuszstore[")}
    assert wanted <= set(shown)
    assert str(Path.home()) not in file.getvalue()


def test_a_missing_module_is_named_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with (
        pytest.raises(MissingExtraError, match=r"^pillow is missing: .* 'view'"),
        explain_missing(),
    ):
        import PIL  # noqa: F401
    monkeypatch.setitem(sys.modules, "wave", None)  # of no extra
    with pytest.raises(ModuleNotFoundError, match="wave"), explain_missing():
        import wave  # noqa: F401

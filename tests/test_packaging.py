"""What is in the repository is what is installed."""

import tomllib

from setuptools import find_packages

from tests import ROOT


def test_every_module_lies_in_a_package_that_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (pattern,) = project["tool"]["setuptools"]["packages"]["find"]["include"]
    installed = set(find_packages(str(ROOT), include=[pattern]))
    folders = {path.parent for path in (ROOT / "tuszstore").rglob("*.py")}
    assert {".".join(folder.relative_to(ROOT).parts) for folder in folders} == installed


def test_the_configurations_beside_the_package_are_those_in_it() -> None:
    inside = {path.name: path.read_bytes() for path in (ROOT / "tuszstore/configs").glob("*.yaml")}
    beside = {path.name: path.read_bytes() for path in (ROOT / "configs").iterdir()}
    assert inside == beside


def test_the_makefile_has_the_targets_of_the_readme() -> None:
    targets = (ROOT / "Makefile").read_text()
    for name in ("demo", "notebook", "test", "venv", "bench", "test-newer"):
        assert f"\n{name}:" in targets

"""What is in the repository is what is installed."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_package_is_listed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(project["tool"]["setuptools"]["packages"]) - {"tuszstore.configs"}
    there = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "tuszstore").rglob("__init__.py")
    }
    assert listed == there


def test_the_makefile_has_the_targets_of_the_readme() -> None:
    targets = (ROOT / "Makefile").read_text()
    for name in ("demo", "notebook", "test", "venv", "bench", "test-newer"):
        assert f"\n{name}:" in targets

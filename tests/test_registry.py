"""Registries: what configurations may name, from packages that are installed."""

import sys
from pathlib import Path

import pytest

from tuszstore.errors import ConfigError
from tuszstore.registry import ANNOTATIONS, CORPORA, FILTERS, NORMALISERS, RESAMPLERS, Registry

ALL = (ANNOTATIONS, FILTERS, NORMALISERS, RESAMPLERS)


def install(folder: Path, package: str, points: str, module: str = "") -> None:
    """Write what pip would: a module, and the entry points of its distribution."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(points)
    (folder / f"{package}.py").write_text(module)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_what_comes_with_tuszstore_can_be_loaded() -> None:
    for registry in ALL:
        for name in registry:
            assert callable(registry[name])
            assert registry.version(name) == 1


def test_an_entry_point_is_known_by_name_and_loaded_when_used(plugins: Path) -> None:
    install(
        plugins,
        "plugin_a",
        "[tuszstore.things]\nmine = plugin_a:mine\n",
        "def mine(): return 7\nmine.version = 3\n",
    )
    things = Registry("thing", "tuszstore.things", {"ours": "math:sqrt"})
    assert things.names() == ["mine", "ours"]
    assert things["mine"]() == 7
    assert things.version("mine") == 3
    assert things.check("mine") == "mine"
    assert dict(things).keys() == {"mine", "ours"}


def test_an_unknown_name_is_told_with_the_nearest(plugins: Path) -> None:
    with pytest.raises(ConfigError, match=r"filter 'zero-phase'.*did you mean 'zero_phase'"):
        FILTERS.check("zero-phase")
    with pytest.raises(KeyError):
        FILTERS["zero-phase"]


@pytest.mark.parametrize("name", ["CHBMIT", "ChbMit", "CHB-MIT"])
def test_the_nearest_name_is_found_in_any_case(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"unknown corpus '{name}'.*did you mean 'chbmit'\?"):
        CORPORA.check(name)


@pytest.mark.parametrize(
    ("points", "module", "told"),
    [
        ("mine = plugin_b:absent", "", r"'mine' of plugin_b cannot be loaded.*absent"),
        ("mine = plugin_b:mine", "1/0", r"'mine' of plugin_b.*ZeroDivisionError"),
        ("mine = no_such_module:mine", "", r"'mine' of plugin_b.*no_such_module"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named(
    plugins: Path, monkeypatch: pytest.MonkeyPatch, points: str, module: str, told: str
) -> None:
    monkeypatch.delitem(sys.modules, "plugin_b", raising=False)
    install(plugins, "plugin_b", f"[tuszstore.broken]\n{points}\n", module)
    with pytest.raises(ConfigError, match=told):
        Registry("thing", "tuszstore.broken", {})["mine"]


def test_names_are_taken_once(plugins: Path) -> None:
    install(plugins, "plugin_c", "[tuszstore.twice]\nsqrt = plugin_c:f\n", "def f(): pass\n")
    with pytest.raises(ConfigError, match=r"'sqrt' of plugin_c has the name of another"):
        Registry("thing", "tuszstore.twice", {"sqrt": "math:sqrt"}).names()


def test_what_a_script_registers() -> None:
    things = Registry("thing", "tuszstore.nothing", {"ours": "math:sqrt"})
    things.register("mine", len)
    assert things["mine"] is len
    with pytest.raises(ConfigError, match="already"):
        things.register("ours", len)


def test_a_version_is_a_whole_number() -> None:
    things = Registry("thing", "tuszstore.nothing", {})

    def mine() -> None: ...

    mine.version = "two"  # type: ignore[attr-defined]
    things.register("mine", mine)
    with pytest.raises(ConfigError, match="must be an integer"):
        things.version("mine")

"""docs/hooks.py: the pages of the site that are made from the code."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from tests import ROOT
from tuszstore.config import Config
from tuszstore.config.section import Positive


def load_hooks() -> ModuleType:
    pytest.importorskip("mkdocs")
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    return hooks


@pytest.fixture(scope="module")
def hooks() -> ModuleType:
    return load_hooks()


class WithBounds(BaseModel):
    name: Annotated[str, Field(min_length=1)] | None = None
    words: tuple[Annotated[str, Field(max_length=9)], ...] = ()
    by_word: dict[Annotated[str, Field(max_length=9)], str] = Field(default={})
    seconds: Positive | Literal["leave_out"] = 1.0
    workers: Annotated[int, Field(ge=0)] | None = None
    several: str | tuple[str, ...] = ""
    overlap: Literal["share", "duplicate"] = "share"
    folder: Path | None = None


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("name", "str or null"),
        ("words", "list of str"),
        ("by_word", "mapping of str to str"),
        ("seconds", "float or leave_out"),
        ("workers", "int or null"),
        ("several", "str or list of str"),
        ("overlap", "share or duplicate"),
        ("folder", "path or null"),
    ],
)
def test_types_are_told_as_a_user_writes_values(hooks: ModuleType, key: str, told: str) -> None:
    assert hooks.values_of(WithBounds.model_fields[key].annotation) == told


def test_a_type_without_words_is_an_error(hooks: ModuleType) -> None:
    with pytest.raises(TypeError, match="no words for the type"):
        hooks.values_of(list[int])


def test_the_configuration_page_has_no_names_of_python(hooks: ModuleType) -> None:
    lines = list(hooks.configuration_page())
    rows = [line.split(" | ") for line in lines if line.startswith("| `")]
    types: dict[str, Any] = {row[0].strip("| `"): row[1].strip("`") for row in rows}
    assert len(types) > len(Config.model_fields)
    assert types["corpus.split_file"] == "str or null"
    assert types["signal.notch"] == "[below](#signalnotch) or null"
    assert types["labels.events"] == "[below](#labelsevents)"
    assert [told for told in types.values() if re.search(r"\[[^b]|Optional|None", told)] == []
    assert [line for line in lines if re.search(r":\w+:`", line)] == []

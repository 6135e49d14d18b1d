"""Messages for rejected values: the key, the reason, the source, and the nearest known key."""

import difflib
import json
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from tuszstore.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


def validated(
    model: type[M], values: Mapping[str, Any], name: str, options: Mapping[str, str] | None = None
) -> M:
    """Return a model of its values; see `validate_config`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        told: dict[str, list[str]] = {}
        for problem in error.errors():
            unknown = problem["type"] == "extra_forbidden"
            who = _set_by(problem["loc"], options or {}, within=unknown) or name
            told.setdefault(who, []).append(_explain(model, dict(problem)))
        lines = (f"{who}: {'; '.join(what)}" for who, what in told.items())
        raise ConfigError("; ".join(lines).removeprefix(": ")) from None


def _set_by(location: tuple[Any, ...], options: Mapping[str, str], *, within: bool) -> str:
    """Return the option that set the rejected value, or one `within` it; empty if none did."""
    for length in range(len(location), 0, -1):
        if called := options.get(".".join(map(str, location[:length]))):
            return called
    inside = f"{'.'.join(map(str, location))}."
    return next((who for key, who in options.items() if within and key.startswith(inside)), "")


def _explain(model: type[BaseModel], problem: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if told := _joined_by_colon(problem):
        return f"{key}: {told}"
    if problem["type"] != "extra_forbidden":
        message = _message(model, problem, key)
        return f"{key}: {message}" if key else message
    *above, last = map(str, problem["loc"])
    known = _keys_at(model, tuple(above))
    nearest = _nearest(model, above, known, last)
    hint = f"did you mean {nearest!r}? " if nearest else ""
    return f"unknown key {key!r}; {hint}(known here: {', '.join(sorted(known))})"


def _joined_by_colon(problem: dict[str, Any]) -> str:
    """Return what is wrong with a key such as ``sz_foc*:fnsz``, for which YAML has no value."""
    before, colon, after = str(problem["loc"][-1] if problem["loc"] else "").rpartition(":")
    if problem["input"] is not None or not (before and colon and after):
        return ""
    pair = f"{json.dumps(before, ensure_ascii=False)}: {after}"
    return f"has no value: YAML needs a blank after the colon, {{{pair}}}"


def _nearest(model: type[BaseModel], above: list[str], known: list[str], last: str) -> str:
    """Return the full name of the known key or section that is like an unknown one, or ''."""
    others: dict[str, str] = {}
    for name in _names_of(model):
        others.setdefault(name.rpartition(".")[2], name)
    if last in others:  # the right name in the wrong section, or without its section
        return others[last]
    if near := difflib.get_close_matches(last, known, n=1):
        return ".".join([*above, near[0]])
    elsewhere = difflib.get_close_matches(last, others, n=1, cutoff=0.8)
    return others[elsewhere[0]] if elsewhere else ""


def _message(model: type[BaseModel], problem: dict[str, Any], key: str) -> str:
    """Return why a value is rejected, in our own words."""
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not message.startswith("Input should be "):
        return message
    given = f"{problem['input']!r:.60}"
    if problem["type"] == "model_type" and key:
        inner = _keys_at(model, problem["loc"])[0]
        return f"is a section, and cannot be {given}: set its keys, such as {key}.{inner}"
    wanted = message.removeprefix("Input should be ").partition(", unable to")[0]
    return f"must be {wanted}, not {given}"


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Yield the dotted keys of a section, and of the sections in it."""
    for name, field in model.model_fields.items():
        sections = [kind for kind in get_args(field.annotation) if kind is not NoneType]
        section = (sections or [field.annotation])[0]
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from (f"{name}.{key}" for key in keys_of(section))
        else:
            yield name


def _names_of(model: type[BaseModel]) -> Iterator[str]:
    """Yield the dotted names of all sections and keys, the outer ones first."""
    keys = list(keys_of(model))
    parts = (key.split(".") for key in keys)
    inner = {".".join(part[:length]) for part in parts for length in range(1, len(part))}
    yield from sorted(inner.union(keys), key=lambda name: (name.count("."), name))


def _keys_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        options = [kind for kind in get_args(annotation) if kind is not NoneType] or [annotation]
        model = options[0]
    return list(model.model_fields)

"""Messages for rejected values: the key, the reason, the source, and the nearest known key."""

import difflib
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
            who = _set_by(problem["loc"], options or {}) or name
            told.setdefault(who, []).append(_explain(model, dict(problem)))
        lines = (f"{who}: {'; '.join(what)}" for who, what in told.items())
        raise ConfigError("; ".join(lines).removeprefix(": ")) from None


def _set_by(location: tuple[Any, ...], options: Mapping[str, str]) -> str:
    """Return the option that set the rejected value; empty if none did."""
    for length in range(len(location), 0, -1):
        if called := options.get(".".join(map(str, location[:length]))):
            return called
    return ""


def _explain(model: type[BaseModel], problem: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        message = _message(model, problem, key)
        return f"{key}: {message}" if key else message
    known, last = _keys_at(model, problem["loc"][:-1]), str(problem["loc"][-1])
    nearest = difflib.get_close_matches(last, known, n=1)
    if not nearest:  # it may be a key of another section
        others = {other.rpartition(".")[2]: other for other in keys_of(model)}
        close = difflib.get_close_matches(last, others, n=1, cutoff=0.8)
        nearest = [others[name] for name in close]
    nearest = nearest or difflib.get_close_matches(last, known, n=1, cutoff=0.0)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"unknown key {key!r}; {hint}(known here: {', '.join(sorted(known))})"


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


def _keys_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        options = [kind for kind in get_args(annotation) if kind is not NoneType] or [annotation]
        model = options[0]
    return list(model.model_fields)

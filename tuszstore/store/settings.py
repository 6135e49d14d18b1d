"""Differences between two configurations, as recorded in stores."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuszstore.text import printable

NAMED = 3
"""Differences that a message names."""

LONGEST = 60
"""Characters of a value that a message shows."""


@dataclass(frozen=True)
class Difference:
    """A key in which two configurations differ.

    Attributes
    ----------
    key : str
        Dotted.
    before, after : object
        Both values, as in JSON.
    is_default : bool
        Whether `after` is the default.
    """

    key: str
    before: Any
    after: Any
    is_default: bool = False

    def __str__(self) -> str:
        default = " (default)" if self.is_default else ""
        return f"{self.key} {shown(self.before)} -> {shown(self.after)}{default}"


def find_differences(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    default: Mapping[str, Any],
    sections: Iterable[str],
) -> list[Difference]:
    """Return the keys in which two configurations differ.

    Parameters
    ----------
    before : mapping
        As recorded in a store. Missing keys have their default values.
    after, default : mapping
        Complete configurations, as in JSON.
    sections : iterable of str
        Which sections are compared.
    """
    found: list[Difference] = []
    for section in sections:
        known = before.get(section)
        known = known if isinstance(known, Mapping) else {}
        found += _between(known, after[section], default[section], section)
    return found


def _between(
    before: Mapping[str, Any], after: Mapping[str, Any], default: Mapping[str, Any], path: str
) -> Iterator[Difference]:
    for name, new in after.items():
        usual, key = default.get(name), f"{path}.{name}"
        old = before.get(name, usual)
        if old == new:
            continue
        # a table without keys by default, such as channels.rename, is one value
        if usual and all(isinstance(value, Mapping) for value in (old, new, usual)):
            yield from _between(old, new, usual, key)
        else:
            yield Difference(key, old, new, new == usual)


def built_otherwise(name: str, different: Sequence[Difference], here: str = "here") -> str:
    """Return a message that a store was built with other settings than the one at hand.

    Parameters
    ----------
    name : str
        Name of the other store.
    different : sequence of Difference
        From the other store to the one at hand; at least one.
    here : str
        Name of the one at hand.
    """
    told = "; ".join(
        f"{one.key} {shown(one.before)}, {printable(here)} {shown(one.after)}"
        for one in different[:NAMED]
    )
    more = f" and {len(different) - NAMED} more" if len(different) > NAMED else ""
    return f"{printable(name)} was built with other settings: {told}{more}"


def shown(value: Any) -> str:
    """Return a value of a configuration for a message, shortened if it is long."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        text = ", ".join(map(shown, value)) or "none"
    else:
        text = value if isinstance(value, str) else json.dumps(value)
    return printable(text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}...")

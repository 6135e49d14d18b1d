"""Options and arguments that several commands share, each declared once.

What differs between commands, such as a default, is an argument of the function that makes the
option. An option of one command only stands at that command.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuszstore.channels.sets import SETS
from tuszstore.cli import completion
from tuszstore.text import printable

if TYPE_CHECKING:
    from tuszstore import Store, View

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


VERBOSE = "tuszstore.verbose"
"""Key of a context's ``meta`` that says whether ``-v`` was given."""


def _parse_verbose(ctx: click.Context, _: click.Parameter, given: bool) -> None:
    if given and not ctx.resilient_parsing:
        from tuszstore.cli.verbosity import be_verbose

        be_verbose(ctx)


verbose = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_parse_verbose,
    help="Print each step on standard error, lists in full, and where an error arose.",
)
"""Option of the group and of each command; what asks for it calls ``verbosity.is_verbose``."""

quiet = click.option("-q", "--quiet", is_flag=True, help="Print no progress and no summary.")

directory_type = click.Path(path_type=Path)
"""A path, as a :class:`pathlib.Path`; whether it is there is checked by what uses it."""


def store(*, required: bool = True) -> Decorator:
    """Return the argument STORE: a folder, or the URL of one where nothing is written."""
    return click.argument("store", required=required, shell_complete=completion.folders)


def data(default: str) -> Decorator:
    """Return the option ``--data``.

    Parameters
    ----------
    default : str
        What stands in for it, for the help.
    """
    return click.option(
        "-d",
        "--data",
        type=directory_type,
        metavar="DIR",
        shell_complete=completion.folders,
        help=f"Root of the corpus.  [default: {default}]",
    )


def workers(what: str, default: str, *, least: int = 0) -> Decorator:
    """Return the option ``--workers``.

    Parameters
    ----------
    what : str
        What they are.
    default : str
        How many there are without it, for the help.
    least : int
        The smallest number; 0 where all can run in this process.
    """
    alone = "; 0 runs in this process" if least == 0 else ""
    return click.option(
        "-w",
        "--workers",
        type=click.IntRange(least),
        metavar="N",
        help=f"{what}{alone}.  [default: {default}]",
    )


def seed(what: str) -> Decorator:
    """Return the option ``--seed``.

    Parameters
    ----------
    what : str
        What it decides.
    """
    return click.option("--seed", default=0, show_default=True, help=f"Seed of {what}.")


def _parse_channels(_: Any, __: Any, text: str | None) -> str | list[str] | None:
    return None if text is None else channels_in(text)


def channels_in(text: str) -> str | list[str]:
    """Return a set's name, or the channels of a list with commas between."""
    names = [name.strip() for name in text.split(",")]
    # what is nearly a set's name was meant as one, and is told so
    alone = len(names) == 1 and difflib.get_close_matches(names[0], SETS, n=1, cutoff=0.75)
    return names[0] if alone else names


channels = click.option(
    "--channels",
    callback=_parse_channels,
    shell_complete=completion.channel_sets,
    metavar="SET|LIST",
    help=f"Channels to show: {', '.join(sorted(SETS))}, or a list such as Fp1-F7,Cz.",
)


VIEW: dict[str, Callable[[str], Any]] = {
    "channels": channels_in,
    "length": str,
    "rater": str,
    "stride": str,
    "units": str,
}
"""What a view is told, and how its text is read; numbers are checked by the view."""


def _parse_view(_: Any, __: Any, values: tuple[str, ...]) -> dict[str, Any]:
    parts: list[str] = []
    for part in (part for value in values for part in value.split(",")):
        if "=" in part:
            parts.append(part)
        elif parts:  # another channel of a list
            parts[-1] += f",{part}"
        else:
            raise click.BadParameter(f"{part!r} is not KEY=VALUE, such as length=12")
    asked: dict[str, Any] = {}
    for part in parts:
        key, _, text = (side.strip() for side in part.partition("="))
        if key not in VIEW:
            close = difflib.get_close_matches(key, VIEW, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.BadParameter(f"{key!r} is none of {', '.join(VIEW)}.{hint}")
        if key in asked:
            raise click.BadParameter(f"{key!r} is given twice")
        asked[key] = VIEW[key](text)
    return asked


view = click.option(
    "--view",
    "asked",
    multiple=True,
    callback=_parse_view,
    metavar="KEY=VALUE,...",
    help=f"Show a view of the store: {', '.join(VIEW)}, such as "
    "channels=double_banana,units=uV,length=12.",
)


def output(kinds: str) -> Decorator:
    """Return the option ``--output``.

    Parameters
    ----------
    kinds : str
        Suffixes that a file may have.
    """
    return click.option(
        "-o",
        "--output",
        type=directory_type,
        metavar="FILE",
        required=True,
        help=f"File to write: {kinds}.",
    )


def recording_of(store: "Store | View", text: str) -> str | int:
    """Return a number for what is one, unless a recording is called so."""
    ids = store.recordings["id"].values
    named = any(text in (id_, Path(id_).stem) for id_ in ids)
    return int(text) if text.isdecimal() and not named else text


class Choice(click.Choice):  # type: ignore[type-arg] # no generic before click 8.4
    """One of some names, shown sorted; for an unknown one the nearest is suggested."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__(sorted(choices))

    def get_missing_message(self, *args: Any, **kwargs: Any) -> str:
        """Return what is said where none is given."""
        return f"Choose from: {', '.join(self.choices)}."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a value that is one of the choices."""
        if value in self.choices:
            return value
        close = difflib.get_close_matches(str(value), self.choices, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        known = ", ".join(map(repr, self.choices))
        return self.fail(f"{value!r} is not one of {known}.{hint}", param, ctx)


def _parse_settings(_: Any, __: Any, values: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    settings = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not equals:
            raise click.BadParameter(f"{value!r} is not KEY=VALUE, such as storage.dtype=float32")
        try:
            settings[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise click.BadParameter(f"{text!r} is not valid YAML") from error
    return settings


settings = click.option(
    "--set",
    "settings",
    multiple=True,
    callback=_parse_settings,
    shell_complete=completion.settings,
    metavar="KEY=VALUE",
    help="Set a key of the configuration, such as storage.dtype=float32; may be repeated.",
)


@contextmanager
def one_line() -> Iterator[None]:
    """Tell what the library says of arguments that it refuses, without a traceback."""
    try:
        yield
    except (ValueError, IndexError) as error:
        raise click.ClickException(printable(str(error))) from error

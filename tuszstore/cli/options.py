"""Options and arguments that several commands share, each declared once.

If an option differs between commands, for example in its default, the function that makes it takes
that as an argument. An option of only one command is declared with that command.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tuszstore.channels.sets import SETS
from tuszstore.cli import completion
from tuszstore.text import nearest, printable

if TYPE_CHECKING:
    from tuszstore import Store, View

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


VERBOSE = "tuszstore.verbose"
"""Key of a context's ``meta`` that records whether ``-v`` was given."""


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
    help="Print each step on standard error, lists in full, and tracebacks of errors.",
)
"""Option of the group and of each command; query it with ``verbosity.is_verbose``."""

quiet = click.option("-q", "--quiet", is_flag=True, help="Print no progress and no summary.")

directory_type = click.Path(path_type=Path)
"""A :class:`pathlib.Path`; the code that uses it checks whether it exists."""


def store(*, required: bool = True) -> Decorator:
    """Return the argument STORE: a folder, or its URL for commands that only read."""
    return click.argument("store", required=required, shell_complete=completion.folders)


def data(default: str) -> Decorator:
    """Return the option ``--data``.

    Parameters
    ----------
    default : str
        Description of the default, for the help.
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
        Description of the workers, for the help.
    default : str
        Description of the default number, for the help.
    least : int
        Minimum number; 0 if the work can also run in this process.
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
    return click.option(
        "--seed", metavar="N", default=0, show_default=True, help=f"Seed of {what}."
    )


def _parse_channels(_: Any, __: Any, text: str | None) -> str | list[str] | None:
    return None if text is None else channels_in(text)


def channels_in(text: str) -> str | list[str]:
    """Return the name of a set of channels, or the channels of a comma-separated list."""
    names = [name.strip() for name in text.split(",")]
    # a near match of a set's name is treated as a misspelt name
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
"""Arguments of a view and their parsers; the view itself checks numbers."""


def _parse_view(_: Any, __: Any, values: tuple[str, ...]) -> dict[str, Any]:
    parts: list[str] = []
    for part in (part for value in values for part in value.split(",")):
        if "=" in part:
            parts.append(part)
        elif parts:  # one more channel of a comma-separated list
            parts[-1] += f",{part}"
        else:
            raise click.BadParameter(f"{part!r} is not KEY=VALUE, such as length=12")
    asked: dict[str, Any] = {}
    for part in parts:
        key, _, text = (side.strip() for side in part.partition("="))
        if key not in VIEW:
            close = difflib.get_close_matches(key, VIEW, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise click.BadParameter(f"{key!r} is not one of {', '.join(VIEW)}.{hint}")
        if key in asked:
            raise click.BadParameter(f"{key!r} is repeated")
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
        Permitted suffixes of the file.
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
    """Convert a text that is a number to int, unless a recording has that name."""
    ids = store.recordings["id"].values
    named = any(text in (id_, Path(id_).stem) for id_ in ids)
    return int(text) if text.isdecimal() and not named else text


class Choice(click.Choice):  # type: ignore[type-arg] # no generic before click 8.4
    """A choice of names, shown sorted; for an unknown name, the nearest is suggested."""

    def __init__(self, choices: Iterable[str]) -> None:
        super().__init__(sorted(choices))

    def get_missing_message(self, *args: Any, **kwargs: Any) -> str:
        """Return the message for a missing value."""
        return f"Choose from: {', '.join(self.choices)}."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value if it is one of the choices."""
        if value in self.choices:
            return value
        near = nearest(str(value), self.choices)
        hint = f" Did you mean {near!r}?" if near else ""
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
    """Show errors of invalid arguments without a traceback."""
    try:
        yield
    except (ValueError, IndexError) as error:
        raise click.ClickException(printable(str(error))) from error

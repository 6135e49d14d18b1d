"""The group of commands: finding them, interrupting them, and showing their errors."""

import difflib
import os
import signal
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

import click

import tuszstore
from tuszstore.cli import options
from tuszstore.errors import TuszstoreError
from tuszstore.text import printable

MODULES = {
    "browse": "browsing",
    "build": "building",
    "demo": "samples",
    "index": "building",
    "info": "stores",
    "plot": "pictures",
    "repair": "stores",
    "report": "pictures",
    "scan-cache": "building",
    "score": "scoring",
    "status": "building",
    "synth": "samples",
    "verify": "stores",
}
"""The module of this package that implements each command."""


class _Commands(MutableMapping[str, click.Command]):
    """Commands by name, each imported when it is first used."""

    def __init__(self) -> None:
        self._modules = dict(MODULES)
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            module = import_module(f"tuszstore.cli.{self._modules[name]}")
            self._loaded[name] = getattr(module, name.replace("-", "_"))
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._modules.setdefault(name, "")
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._modules[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)


class _Terminated(KeyboardInterrupt):
    """A signal that ends a command as Ctrl-C does."""

    def __init__(self, number: int) -> None:
        self.number = number


class _BuildInterrupted(_Terminated):
    """The end of a build by a signal."""


@contextmanager
def ending_cleanly() -> Iterator[None]:
    """Let a build end cleanly on a signal of the system, a job scheduler or a lost terminal.

    A signal that is ignored, as with ``nohup``, stays ignored.
    """

    def end(number: int, _: Any) -> None:
        raise _Terminated(number)

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    except KeyboardInterrupt as error:
        raise _BuildInterrupted(getattr(error, "number", signal.SIGINT)) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""Raised by newer releases of click for a group without a command; its message is the help."""


_BUG = "This is a bug in tuszstore: please report it, with the lines above"


class _Group(click.Group):
    """Commands that report errors in one line, and exit with 1 for errors and for wrong usage.

    Unexpected errors also print their traceback before that line, since they may be hard to
    reproduce.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with ``-v``, errors print a traceback before their message."""
        try:
            return super().invoke(ctx)
        except (TuszstoreError, click.ClickException, OSError) as error:
            wrong_usage = isinstance(error, click.ClickException) and error.__cause__ is None
            if not wrong_usage and ctx.meta.get(options.VERBOSE):
                from tuszstore.cli.verbosity import show_traceback

                show_traceback(error)
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for a misspelt one, as newer releases of click do."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = difflib.get_close_matches(args[0], self.commands, n=1)
            told = error.format_message()
            if not close or "Did you mean" in told:
                raise
            raise click.UsageError(f"{told} Did you mean {close[0]!r}?", ctx) from error

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        kwargs["standalone_mode"] = False
        try:
            status = super().main(*args, **kwargs)
        except click.ClickException as error:
            if isinstance(error, _NO_ARGUMENTS):
                error.show()
            else:
                click.echo(f"tuszstore: {_told(error)}", err=True)
            status = 1
        except TuszstoreError as error:
            lines = map(printable, str(error).split("\n"))
            click.echo("tuszstore: " + "\n".join(lines), err=True)
            status = 1
        except (KeyboardInterrupt, click.Abort) as error:
            cause = error.__cause__ or error  # click turns every interruption into Abort
            kept = "; what is built is kept: rerun the command to resume"
            told = kept if isinstance(cause, _BuildInterrupted) else ""
            click.echo(f"tuszstore: interrupted{told}", err=True)
            if not args and kwargs.get("args") is None:  # called from the shell: the process ends
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
            status = 128 + (cause.number if isinstance(cause, _Terminated) else signal.SIGINT)
        except Exception as error:
            _show_unforeseen(error)
            status = 1
        sys.exit(status if isinstance(status, int) else 0)


def _show_unforeseen(error: Exception) -> None:
    """Print an unexpected error, of the operating system or of tuszstore itself."""
    from tuszstore.cli.verbosity import show_traceback

    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        told = f"{os.fsdecode(error.filename)}: {error.strerror}"
    else:
        show_traceback(error)
        told = f"{type(error).__name__}: {' '.join(str(error).split())}. {_BUG}"
    click.echo(printable(f"tuszstore: {told}"), err=True)


def _told(error: click.ClickException) -> str:
    """Return an error of click in one line; for wrong usage, with the command for its help."""
    line = printable(" ".join(error.format_message().split()))
    if isinstance(error, click.UsageError) and error.ctx is not None:
        end = "" if line.endswith((".", "?", ")")) else "."
        line = f"{line}{end} See: {error.ctx.command_path} --help"
    return line


@click.group(
    "tuszstore",
    cls=_Group,
    commands=_Commands(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(tuszstore.__version__, prog_name="tuszstore")
@options.verbose
def main() -> None:
    """Build and inspect Zarr stores of EEG with seizure annotations.

    Exit status: 0 done; 1 wrong usage or another error, which is printed on standard error after
    `tuszstore:`; 128 plus the number of the signal that ended the command, such as 130 for Ctrl-C.
    Some commands have further exit statuses, listed in their help.
    """


if __name__ == "__main__":
    main()

"""The effects of ``-v``: log messages of the library, unshortened lists, and tracebacks."""

import logging
import os
import platform
import sys
import time
import traceback

import click

import tuszstore
from tuszstore.cli.options import VERBOSE
from tuszstore.text import printable

LOGGER = "tuszstore"
"""Name of the library's logger."""


def be_verbose(ctx: click.Context) -> None:
    """Show the library's log on standard error until the command ends.

    Parameters
    ----------
    ctx : click.Context
        Context of the command or of the group: both have the option.
    """
    if is_verbose(ctx):
        return
    ctx.meta[VERBOSE] = True
    logger, handler = logging.getLogger(LOGGER), _Lines()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def be_quiet() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    ctx.find_root().call_on_close(be_quiet)
    python = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    package = os.path.dirname(tuszstore.__file__)
    logger.info("tuszstore %s in %s, %s", tuszstore.__version__, package, python)
    for name in sorted(os.environ):
        if name.startswith(("TUSZSTORE_", "BGB_")):
            secret = "KEY" in name and not name.endswith("_FILE")
            logger.info("environment: %s=%s", name, "(hidden)" if secret else os.environ[name])


def is_verbose(ctx: click.Context | None = None) -> bool:
    """Return whether ``-v`` was given, by default to the current command."""
    ctx = ctx or click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(VERBOSE))


def show_traceback(error: BaseException) -> None:
    """Print the traceback of an error on standard error."""
    for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
        click.echo(printable(line), err=True)


class _Lines(logging.Handler):
    """Formats each line of a message with the time of day."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, above the progress bar if one has replaced standard error."""
        try:
            now = time.strftime("%H:%M:%S", time.localtime(record.created))
            for line in self.format(record).split("\n"):
                sys.stderr.write(f"{now} {printable(line)}\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)

"""Runs the command line as a user does."""

from click.testing import CliRunner, Result

from tuszstore.cli import main


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])

"""Shell completion of options and arguments whose type does not determine it."""

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem


def folders(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer folders."""
    return [CompletionItem(incomplete, type="dir")]


def configurations(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer built-in configurations, and files."""
    from tuszstore.config.loading import builtin_configs

    # files first: bash drops items before them, and completes files if nothing else matches
    return [CompletionItem(incomplete, type="file"), *_beginning(builtin_configs(), incomplete)]


def corpora(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer corpora, including those of plug-ins."""
    from tuszstore.registry import CORPORA

    return _beginning(CORPORA, incomplete)


def channel_sets(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer sets of channels."""
    from tuszstore.channels.sets import SETS

    return _beginning(SETS, incomplete)


def settings(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer keys of the configuration."""
    from tuszstore.config import Config
    from tuszstore.config.messages import keys_of

    return _beginning((f"{key}=" for key in keys_of(Config)), incomplete)


def _beginning(names: Iterable[str], start: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(names) if name.startswith(start)]

"""Reading configurations: YAML files, built-in ones, the environment, options."""

import logging
import os
from collections.abc import Hashable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from tuszstore.config.build import Config, merge, validate_config
from tuszstore.errors import ConfigError
from tuszstore.text import nearest

_LOG = logging.getLogger("tuszstore")

MAX_FILE = 1 << 20
"""Maximum size of a configuration file (byte)."""


class _Loader(yaml.SafeLoader):
    """Safe YAML without aliases and repeated keys, of which YAML would keep the last.

    Nested aliases can expand a short file to gigabytes, and no configuration needs them.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            raise ConfigError(f"an alias (*name) in line {line}: write the value out instead")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = []
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise ConfigError(f"key {key!r} is repeated, line {key_node.start_mark.line + 1}")
            keys.append(key)
        return super().construct_mapping(node, deep)


def load_config(
    source: str | os.PathLike[str] | Mapping[str, Any] | Config | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    names: Mapping[str, str] | None = None,
) -> Config:
    """Read and validate a configuration.

    Later sources win: the built-in defaults, `source`, the environment variables
    ``TUSZSTORE_DATA`` and ``TUSZSTORE_STORE``, `options`.

    Parameters
    ----------
    source : path, str, mapping, Config or None
        A YAML file, the name of a built-in configuration (``tusz``, ``bipolar``, ``reference``,
        ``smoke``), sections as a mapping, such as ``{"corpus": {"split_policy": "patient"}}``,
        or nothing for the defaults, which are those of ``tusz``.
    options : mapping, optional
        Dotted keys, such as ``{"storage.dtype": "float32"}``.
    names : mapping of str to str, optional
        Names of keys of `options` for messages, such as ``--max-memory``.

    Raises
    ------
    ConfigError
        If a file is unreadable, a key unknown (the nearest known one is named) or a value
        out of range.
    """
    options = options or {}
    if isinstance(source, Config):
        values, name = source.model_dump(), "the configuration"
    elif isinstance(source, Mapping):
        values, name = dict(source), "the configuration"
    elif source is None:
        values, name = {}, "the configuration"
        _LOG.info("configuration: the defaults, which are those of tusz")
    else:
        values, name = _read_yaml(source), str(source)
    for key in ("data", "store"):
        if path := os.environ.get(f"TUSZSTORE_{key.upper()}"):
            values = merge(values, {f"paths.{key}": path})
            _LOG.info("paths.%s: %s, of the environment", key, path)
    called = {key: (names or {}).get(key, "the options") for key in options}
    for key, value in options.items():
        _LOG.info("%s: %s, of %s", key, value, called[key])
    config = validate_config(merge(values, options), name, called)
    _LOG.info("configuration: hash %s", config.digest())
    return config


def builtin_configs() -> dict[str, Path]:
    """Return the configurations that come with the package, by name."""
    folder = Path(str(resources.files("tuszstore"))) / "configs"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _read_yaml(source: str | os.PathLike[str]) -> dict[str, Any]:
    path = Path(source)
    if not os.path.exists(path):  # also False, not an error, for impossible file names
        known = builtin_configs()
        if str(source) not in known:
            near = nearest(str(source), known)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ConfigError(f"{path}: no such file, and not one of {', '.join(known)}{hint}")
        path = known[str(source)]
    try:
        if path.stat().st_size > MAX_FILE:
            raise ConfigError(f"is larger than {MAX_FILE} bytes")
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    _LOG.info("configuration: %s", path)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold sections such as 'signal:', not {values!r:.60}")
    return values

"""The configuration that a store records, for rebuilding parts of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuszstore.config import Config, validate_config
from tuszstore.errors import ConfigError, StoreError
from tuszstore.store.metadata import StoreMetadata


def built_with(store: StoreMetadata) -> Config:
    """Return the configuration with which a store was built.

    Raises
    ------
    StoreError
        If this version cannot read it.
    """
    return recorded_config(store.attributes, store.path)


def recorded_config(attributes: Mapping[str, Any], where: Path | str) -> Config:
    """Return the configuration in the attributes of a root.

    Parameters
    ----------
    attributes : mapping
    where : Path or str
        For messages.

    Raises
    ------
    StoreError
        If there is none, or this version cannot read it: with unknown keys, known ones may have
        another meaning.
    """
    try:
        return validate_config(attributes["config"], "configuration")
    except KeyError:
        raise StoreError(f"{where}: its root has no configuration") from None
    except ConfigError as error:
        raise StoreError(
            f"{where}: the configuration it was built with cannot be used by this tuszstore: "
            f"{error}"
        ) from error

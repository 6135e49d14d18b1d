"""Whether the splits of a store root are built with the same settings."""

from collections.abc import Collection
from pathlib import Path

from tuszstore.builder.keys import WHICH_ONLY, differences
from tuszstore.builder.planned import Plan
from tuszstore.store.metadata import read_attributes
from tuszstore.store.schema import SPLITS
from tuszstore.store.settings import built_otherwise

_SECTIONS = ("signal", "channels", "labels", "windows")
"""Sections that determine the meaning of samples, windows and labels."""

_SCALE = "storage.scale"

_NOT_MEANING = {f"labels.{name}" for name in WHICH_ONLY}


def compare_settings(plan: Plan, together: Collection[str] = ()) -> list[str]:
    """Return a warning for each store of another split that was built with other settings.

    Parameters
    ----------
    plan : Plan
    together : collection of str
        Splits that are built with it, so their stores are replaced.
    """
    warnings = []
    for split in SPLITS:
        if split == plan.split or split in together:
            continue
        path = Path(plan.config.paths.store or plan.store.parent) / f"{split}.zarr"
        config = read_attributes(path).get("config")
        if not isinstance(config, dict):
            continue
        different = [
            one
            for one in differences(config, plan.config)
            if (one.key.partition(".")[0] in _SECTIONS or one.key == _SCALE)
            and one.key not in _NOT_MEANING
        ]
        if different:
            warnings.append(f"{built_otherwise(path.name, different)}; build it with the same")
    return warnings

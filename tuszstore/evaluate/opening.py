"""Opening predictions, and rejecting invalid or unfinished ones, or those of another store."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tuszstore.evaluate.group import KIND, VERSION, read_attributes
from tuszstore.evaluate.predictions import Predictions
from tuszstore.evaluate.writing import PredictionError

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection


def open_predictions(
    path: str | os.PathLike[str], *, store: "WindowCollection | None" = None
) -> "Predictions":
    """Open complete predictions.

    Parameters
    ----------
    path : path
        As for :func:`tuszstore.write_predictions`.
    store : Store or view, optional
        The store that they must belong to.

    Returns
    -------
    Predictions
        Values are read when they are needed.

    Raises
    ------
    PredictionError
        If there are none, they are unfinished, or of another store.
    """
    place = Path(path).absolute()
    attributes = read_attributes(place)
    if attributes.get("kind") != KIND:
        unfinished = place.parent / f".{place.name}.unfinished"
        if unfinished.is_dir() and not place.exists():
            raise PredictionError(
                f"{place}: is unfinished: windows are missing; resume with write_predictions, and "
                "write those of `out.missing`"
            )
        if not place.exists():
            raise PredictionError(f"{place}: has no predictions: it does not exist")
        what = "is a store and " if "schema_version" in attributes else ""
        raise PredictionError(f"{place}: {what}has no predictions, which write_predictions writes")
    if attributes.get("version") != VERSION or attributes.get("complete") is not True:
        raise PredictionError(
            f"{place}: has predictions of version {attributes.get('version')!r:.20}, but this "
            f"tuszstore reads {VERSION}"
        )
    predictions = Predictions(place, attributes)
    if store is not None:
        predictions.check(store)
    return predictions

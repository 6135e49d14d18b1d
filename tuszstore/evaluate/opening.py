"""Opening predictions, and refusing what is none, unfinished, or of another store."""

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
    """Open predictions that are complete.

    Parameters
    ----------
    path : path
        As it was given to :func:`tuszstore.write_predictions`.
    store : Store or view, optional
        What they must be of.

    Returns
    -------
    Predictions

    Raises
    ------
    PredictionError
        If there are none, they are not finished, or of another store.
    """
    place = Path(path).absolute()
    attributes = read_attributes(place)
    if attributes.get("kind") != KIND:
        unfinished = place.parent / f".{place.name}.unfinished"
        if unfinished.is_dir() and not place.exists():
            raise PredictionError(
                f"{place}: is not finished: windows are missing; go on with write_predictions, and "
                "write those of `out.missing`"
            )
        if not place.exists():
            raise PredictionError(f"{place}: holds no predictions: it does not exist")
        what = "is a store, and " if "schema_version" in attributes else ""
        raise PredictionError(
            f"{place}: {what}holds no predictions; they are what write_predictions wrote"
        )
    if attributes.get("version") != VERSION or attributes.get("complete") is not True:
        raise PredictionError(
            f"{place}: has predictions of version {attributes.get('version')!r:.20}, and this "
            f"tuszstore reads {VERSION}"
        )
    predictions = Predictions(place, attributes)
    if store is not None:
        predictions.check(store)
    return predictions

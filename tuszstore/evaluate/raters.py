"""Agreement of raters: each rater's seizures scored against each other's."""

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from tuszstore.evaluate.scoring import Scores, score_events
from tuszstore.evaluate.tables import IGNORED

if TYPE_CHECKING:
    from tuszstore.evaluate.predictions import Predictions


@dataclass(frozen=True)
class Agreement:
    """One rater's seizures, scored with another rater as reference.

    Attributes
    ----------
    reference, hypothesis : str
        The raters.
    scores : Scores
    """

    reference: str
    hypothesis: str
    scores: Scores

    def to_json(self) -> dict[str, Any]:
        """Return names and sums as plain values."""
        sums = {name: tally.to_json() for name, tally in self.scores.total.items()}
        return {"reference": self.reference, "hypothesis": self.hypothesis, "total": sums}


def rater_agreement(predictions: "Predictions") -> list[Agreement]:
    """Score each rater against each other, over the recordings that both reviewed.

    Parameters
    ----------
    predictions : Predictions

    Returns
    -------
    list of Agreement
        Two for each pair; empty with fewer than two raters.
    """
    raters = predictions.raters
    if len(raters) < 2:
        return []
    tables = {rater: predictions.reference(rater=rater) for rater in raters}
    annotated = predictions.annotated
    found = []
    for first, second in permutations(raters, 2):
        # where either rater has no opinion
        without = (annotated.said == IGNORED) & np.isin(annotated.rater, [first, second])
        ignored = predictions.spans_of(without)
        scores = score_events(tables[first], tables[second], ignored=ignored)
        found.append(Agreement(first, second, scores))
    return found

"""Moments of derivations, which a build computes besides those of the channels."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from tuszstore.channels.recipes import Recipe
from tuszstore.channels.sets import SETS, derivable_sets
from tuszstore.signal.normalise import Moments
from tuszstore.store.spec import StoreSpec


@dataclass(frozen=True)
class Derived:
    """The derivations of the built-in sets that a store's channels allow.

    Attributes
    ----------
    sets : dict of str to tuple of Recipe
    recipes : tuple of Recipe
        All of them, without repeats.
    """

    sets: dict[str, tuple[Recipe, ...]]
    recipes: tuple[Recipe, ...]

    @classmethod
    def of(cls, spec: StoreSpec) -> Self:
        """Return the derivations of a store."""
        sets = derivable_sets(spec.channels)
        return cls(sets, tuple(dict.fromkeys(r for recipes in sets.values() for r in recipes)))

    def names(self, name: str) -> list[str]:
        """Return the names of a set's derivations."""
        return [channel.name for channel in SETS[name]]

    def by_set(self, moments: Moments) -> dict[str, Moments]:
        """Return the moments of each set, given those of all recipes.

        Parameters
        ----------
        moments : tuple of ndarray
            Mean and standard deviation, ``(recipe,)``.
        """
        places = {recipe: place for place, recipe in enumerate(self.recipes)}
        mean, sd = moments
        rows = {name: np.array([places[r] for r in recipes]) for name, recipes in self.sets.items()}
        return {name: (mean[row], sd[row]) for name, row in rows.items()}

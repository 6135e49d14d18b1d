"""Event classes of several stores, and their bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tuszstore.errors import ConcatError
from tuszstore.store.labels import UNLABELLED
from tuszstore.store.spec import MAX_CLASSES, StoreSpec


@dataclass(frozen=True)
class ClassBits:
    """Classes of several stores together.

    Attributes
    ----------
    classes, seizure : tuple of str
        All classes, and those that count as seizure.
    tables : tuple of ndarray of uint16 or None
        For each store, a translation of its bits; None if they are equal.
    """

    classes: tuple[str, ...]
    seizure: tuple[str, ...]
    tables: tuple[NDArray[np.uint16] | None, ...]

    @classmethod
    def of(cls, specs: Sequence[StoreSpec], names: Sequence[str]) -> Self:
        """Merge classes.

        Parameters
        ----------
        specs : sequence of StoreSpec
        names : sequence of str
            Names of the stores, for messages.

        Raises
        ------
        ConcatError
            If a class counts as seizure in one store and not in another, or there are too many.
        """
        classes = tuple(dict.fromkeys(name for spec in specs for name in spec.classes))
        for spec, where in zip(specs, names, strict=True):
            for other, there in zip(specs, names, strict=True):
                for name in (n for n in spec.seizure if n in other.classes):
                    if name not in other.seizure:
                        raise ConcatError(
                            f"the class {name!r} counts as seizure in {where}, but not in {there}: "
                            "build both with the same labels.seizure"
                        )
        if len(classes) > MAX_CLASSES:
            raise ConcatError(
                f"{', '.join(names)} have {len(classes)} event classes together, but labels have "
                f"bits for {MAX_CLASSES}: {', '.join(classes)}"
            )
        seizure = tuple(name for name in classes if any(name in spec.seizure for spec in specs))
        return cls(classes, seizure, tuple(_table(spec.classes, classes) for spec in specs))

    def of_store(self, number: int, bits: NDArray[Any]) -> NDArray[Any]:
        """Return bits of one store, translated."""
        table = self.tables[number]
        return bits if table is None else table[bits]


def _table(own: tuple[str, ...], classes: tuple[str, ...]) -> NDArray[np.uint16] | None:
    if own == classes[: len(own)]:
        return None
    values = np.arange(1 << 16, dtype=np.uint32)
    out = values & UNLABELLED
    for place, name in enumerate(own):
        out |= (values >> place & 1) << classes.index(name)
    return out.astype(np.uint16)

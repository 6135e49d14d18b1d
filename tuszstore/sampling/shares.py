"""How many windows of each group an epoch has: equal shares, given ones, or by a temperature."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tuszstore.sampling.columns import SamplingError, finite_amount

Shares = Mapping[Any, float] | Literal["equal"]
"""By value of the column; others have a share of 0."""


def shares_of(
    values: list[Any],
    sizes: NDArray[np.int64],
    by: str,
    shares: Shares | None,
    temperature: float | None,
) -> NDArray[np.float64]:
    """Return the share of each group; they sum to 1.

    Parameters
    ----------
    values : list
        Value of each group.
    sizes : ndarray of int64, shape (group,)
        Windows of each.
    by : str
        Column, for messages.
    shares : mapping of value to float, or "equal", optional
        By default equal, unless there is a temperature.
    temperature : float, optional
        Shares are proportional to ``size ** (1 / temperature)``: with 1 to the number of windows;
        larger values make them more equal.

    Raises
    ------
    SamplingError
        If both are given, a value is unknown, or a group without windows has a share.
    """
    if temperature is not None:
        if shares is not None:
            raise SamplingError("shares and temperature exclude each other: choose one")
        if not isinstance(temperature, Real) or not temperature >= 1:
            raise SamplingError(f"temperature must be a number of 1 or more, not {temperature!r}")
        amounts = sizes.astype(np.float64) ** (1 / temperature)
    elif shares is None or (isinstance(shares, str) and shares == "equal"):
        amounts = (sizes > 0).astype(np.float64)
    elif isinstance(shares, Mapping):
        amounts = _given(values, sizes, by, shares)
    else:
        raise SamplingError(f"shares must be 'equal' or a mapping of values, not {shares!r}")
    if not amounts.sum() > 0:
        raise SamplingError(f"no {by} has a share above 0 and windows to draw from")
    found: NDArray[np.float64] = amounts / amounts.sum()
    return found


def _given(
    values: list[Any], sizes: NDArray[np.int64], by: str, shares: Mapping[Any, float]
) -> NDArray[np.float64]:
    amounts = {name: finite_amount(f"the share of {name!r}", v) for name, v in shares.items()}
    for name, amount in amounts.items():
        if name not in values or (amount and not sizes[values.index(name)]):
            some = ", ".join(map(repr, values[:8])) + (", ..." if len(values) > 8 else "")
            what = "has the" if name not in values else "can be drawn of the"
            raise SamplingError(f"no window {what} {by} {name!r}; known are {some}")
    return np.array([amounts.get(value, 0.0) for value in values])

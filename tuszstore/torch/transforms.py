"""User functions of a signal, or of a window with its label.

A transform's parameters define its inputs. Random numbers come from a generator for the
window's place in the epoch, so they do not depend on the process.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

from tuszstore.sampling.places import generator_at
from tuszstore.torch.rows import Columns, Take

Transform = Callable[..., Any]

_FORMS = (
    "transform(signal), transform(signal, label, rng), or any of the parameters label, rng and "
    "channels by name"
)


class Transformation:
    """A transform and its inputs.

    Parameters
    ----------
    transform : callable
        ``transform(signal)``; or ``transform(signal, label, rng)``, with the second and third
        by position or by name; optionally with a parameter ``channels``, which receives the
        names of the channels.
    channels : sequence of str
    seed : int
        Seed of the generators.

    Attributes
    ----------
    of_windows : bool
        Whether it takes single windows with labels, rather than any signal.

    Raises
    ------
    TypeError
        If it has other parameters.
    """

    def __init__(self, transform: Transform, channels: Sequence[str], seed: int) -> None:
        if not callable(transform):
            raise TypeError(f"transform must be callable, as {_FORMS}; not {transform!r}")
        self._transform = transform
        self._asked = _asked(transform)
        self._seed = seed
        self._named: dict[str, Any] = {}
        if "channels" in self._asked.values():
            (name,) = (name for name, what in self._asked.items() if what == "channels")
            self._named = {name: tuple(channels)}
        self.of_windows = bool({"label", "rng"} & {*self._asked.values()})

    def signal(self, signal: torch.Tensor) -> Any:
        """Return the transformed signal."""
        return self._transform(signal, **self._named)

    def window(self, signal: torch.Tensor, label: torch.Tensor, epoch: int, place: int) -> Any:
        """Return a transformed window.

        Parameters
        ----------
        signal : Tensor, shape (channel, sample)
        label : Tensor
        epoch, place : int
            Of the generator.

        Returns
        -------
        tuple
            Signal and label.
        """
        if not self.of_windows:
            return self.signal(signal), label
        given = dict(self._named)
        for name, what in self._asked.items():
            if what == "label":
                given[name] = label
            elif what == "rng":
                given[name] = generator_at(self._seed, epoch, place)
        result = self._transform(signal, **given)
        if "label" in self._asked.values() and isinstance(result, tuple) and len(result) == 2:
            return result
        return result, label

    def batch(self, columns: list[Any], drawn: list[tuple[int, int]], take: Take) -> Columns:
        """Return the transformed windows of a batch.

        Parameters
        ----------
        columns : list
            Signal, label, and what else there is.
        drawn : list of tuple of int
            Epoch and place of each window.
        take : callable
            Returns memory for the batch of the results.
        """
        if not drawn:
            return Columns(columns)
        rows = zip(*columns[:2], drawn, strict=True)
        made = [self.window(signal, label, *place) for signal, label, place in rows]
        results = dict(enumerate(map(list, zip(*made, strict=True))))
        return Columns(columns, results, take)


def _asked(transform: Transform) -> dict[str, str]:
    """Return the input requested by each parameter after the signal."""
    called = transform.forward if isinstance(transform, torch.nn.Module) else transform
    try:
        signature = inspect.signature(called)
    except (TypeError, ValueError):  # functions in C
        return {}
    of_any_number = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = [p for p in signature.parameters.values() if p.kind not in of_any_number]
    others = parameters[1:]
    asked = {p.name: p.name for p in others if p.name in ("label", "rng", "channels")}
    free = [what for what in ("label", "rng") if what not in asked]
    for parameter in others:
        if parameter.name in asked or parameter.default is not inspect.Parameter.empty:
            continue
        if not free:
            name = getattr(transform, "__name__", type(transform).__name__)
            raise TypeError(
                f"transform {name}{signature} asks for {parameter.name!r}, which is unknown: it is "
                f"called as {_FORMS}"
            )
        asked[parameter.name] = free.pop(0)
    return asked

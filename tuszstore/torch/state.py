"""The state of a loader: its position, and what must be equal in the loader that resumes.

Ranks and batch size may differ: an epoch's order is the same on any number of ranks, and
its rest is resharded.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.facade.windows import WindowCollection
from tuszstore.indices import as_whole_number
from tuszstore.torch.progress import Position

STATE_VERSION = 2

_PLACE = ("epoch", "delivered")


def make_state(position: Position, same: Mapping[str, Any], sampler: object) -> dict[str, Any]:
    """Return a state.

    Parameters
    ----------
    position : Position
    same : mapping of str to object
        What must be equal in the loader that resumes.
    sampler : Sampler
        Sampler of the loader, which is described to name the difference of an order.
    """
    told = {"sampler": repr(sampler), "sampler_seed": _seed_of(sampler)}
    return {"version": STATE_VERSION, **asdict(position), **same, **told}


def _seed_of(sampler: object) -> int | None:
    seed = getattr(sampler, "seed", None)
    return int(seed) if isinstance(seed, int | np.integer) else None


def read_position(state: Mapping[str, Any]) -> Position:
    """Return the position of a state.

    Raises
    ------
    ValueError, TypeError
        If it is not a state of this version.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"not a state of a WindowLoader, but {type(state).__name__}")
    missing = {"version", *_PLACE} - set(state)
    if "version" in state and state["version"] != STATE_VERSION:
        raise ValueError(_no_state(f"has version {state['version']!r}"))
    if missing:
        raise ValueError(_no_state(f"lacks {', '.join(sorted(missing))}"))
    return Position(*(as_whole_number(name, state[name], 0) for name in _PLACE))


def _no_state(found: str) -> str:
    return f"not a state of version {STATE_VERSION} of a WindowLoader: it {found}"


def check_same(
    state: Mapping[str, Any], own: Mapping[str, Any], sampler: object, store: object
) -> None:
    """Reject a state of a loader with other batches, naming what differs.

    Parameters
    ----------
    state : mapping
    own : mapping of str to object
        What the state must have.
    sampler : Sampler
        Sampler of the loader that resumes.
    store : Path or str
        Location of its store.

    Raises
    ------
    ValueError
    """
    for name, value in own.items():
        if state.get(name) == value:
            continue
        theirs = state.get(name)
        if name == "batch_size":
            theirs, value = ("any size" if size is None else size for size in (theirs, value))
            raise ValueError(
                f"the order of {type(sampler).__name__} depends on the batch size, so it "
                f"can only resume with the same: the state is of batches of {theirs}, but this "
                f"loader's sampler is for batches of {value}"
            )
        told = f"its {name} is {theirs!r}, but this loader's is {value!r}"
        if name == "store":
            told = (
                f"its store is another one, or another build, than this loader's {store} "
                f"(recordings {theirs!s:.8}, not {value:.8})"
            )
        elif name == "order":
            told = _other_order(state, sampler) or (
                "its order is of other windows, or drawn in another way, than this loader's "
                f"({theirs!s:.8}, not {value:.8})"
            )
        raise ValueError(f"the state belongs to other batches: {told}")


def _other_order(state: Mapping[str, Any], sampler: object) -> str:
    """Return why an order differs; empty if the state, which may be older, does not say it."""
    theirs, own = state.get("sampler"), repr(sampler)
    if theirs in (None, own):
        return ""
    seeds = state.get("sampler_seed"), _seed_of(sampler)
    # the rest of the texts is equal: the seed alone differs
    if None not in seeds and str(theirs).replace(f"seed {seeds[0]}", f"seed {seeds[1]}") == own:
        return f"its seed is {seeds[0]}, but this loader's is {seeds[1]}"
    return f"its sampler is {theirs}, but this loader's is {own}"


def describe(store: WindowCollection) -> dict[str, Any]:
    """Return the identity of the windows of a loader: signals, channels and lengths.

    Parameters
    ----------
    store : WindowCollection
    """
    spec = store.spec
    return {
        "store": digest(store.metadata.signature.encode()),
        "channels": list(spec.channel_names),
        "units": spec.units,
        "length": spec.window,
        "stride": spec.stride,
        "rater": spec.rater,  # the rater who decides the labels
    }


def digest(content: bytes | NDArray[np.int64]) -> str:
    """Return a digest of bytes, or of the bytes of numbers."""
    return hashlib.sha256(content if isinstance(content, bytes) else content.data).hexdigest()[:32]

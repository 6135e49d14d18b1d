"""The content digest of a store: equal for stores with equal content, however they were built."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from tuszstore.store.schema import TABLES, VARIABLES
from tuszstore.store.spec import StoreSpec

NOT_CONTENT = frozenset(
    {
        "recordings/source_mtime",
        "recordings/signal_key",
        "recordings/label_key",
        "left_out/reason",
    }
)
"""Columns that record when, where and how a store was built, not its content."""

_CONTENT = frozenset(TABLES) - {"shards"}  # its bytes depend on the codec's release


def content_digest(split: str, spec: StoreSpec, read: Callable[[str], Any]) -> str:
    """Return the hash of spec, tables, and digests of signal and labels.

    Parameters
    ----------
    split : str
    spec : StoreSpec
    read : callable
        Returns the values of a variable by its path; None if it is missing.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = hashlib.sha256(json.dumps([split, spec.digest]).encode())
    for variable in VARIABLES:
        if variable.group not in _CONTENT or variable.path in NOT_CONTENT:
            continue
        if (found := read(variable.path)) is None:
            continue
        values = np.asarray(found)
        digest.update(json.dumps([variable.path, values.shape]).encode())
        if variable.dtype == "string":
            digest.update(json.dumps(values.tolist()).encode())
        else:
            dtype = np.dtype(variable.dtype).newbyteorder("<")
            digest.update(np.ascontiguousarray(values, dtype).data)
    return digest.hexdigest()[:32]

"""How values of the signal are stored: type, step and codec, from the array's metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tuszstore.store.schema import missing_value

CODECS = ("lz4", "zstd", "none")
"""Codecs that tuszstore writes."""


@dataclass(frozen=True)
class Encoding:
    """Type, step and codec of the array `signal`.

    Attributes
    ----------
    dtype : {"int16", "float32"}
        Type of stored values.
    scale : float
        Factor from stored values to values read; 1 for float32.
    codec : str
        ``lz4``, ``zstd`` or ``none`` if tuszstore wrote it; else the codecs' names.
    """

    dtype: str
    scale: float
    codec: str

    @classmethod
    def of_array(cls, document: Mapping[str, Any]) -> Self:
        """Return the encoding in the metadata of an array.

        Parameters
        ----------
        document : mapping
            Metadata of `signal`, checked by :func:`~tuszstore.store.limits.check_arrays`.
        """
        scale = document.get("attributes", {}).get("scale_factor", 1.0)
        return cls(document["data_type"], float(scale), codec_of(document))

    @property
    def itemsize(self) -> int:
        """Bytes of a stored value."""
        return np.dtype(self.dtype).itemsize

    @property
    def missing(self) -> int | float:
        """Stored value for a missing sample."""
        return missing_value(self.dtype)


def codec_of(document: Mapping[str, Any]) -> str:
    """Return the codec of blocks in the metadata of `signal`.

    Parameters
    ----------
    document : mapping

    Raises
    ------
    LookupError, TypeError
        If a codec lacks what it needs.
    """
    codecs = document["codecs"]
    if codecs[0]["name"] == "sharding_indexed":
        codecs = codecs[0]["configuration"]["codecs"]
    inner = [codec for codec in codecs if codec["name"] not in ("bytes", "crc32c")]
    names = [
        str(codec["configuration"]["cname"]) if codec["name"] == "blosc" else codec["name"]
        for codec in inner
    ]
    return " ".join(names) or "none"

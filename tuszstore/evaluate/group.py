"""Predictions on disk: a Zarr group with the outputs of windows and their metadata."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.evaluate.tables import Annotated, Content, Recordings, Windows
from tuszstore.store.schema import Variable
from tuszstore.store.writing import require_group, write_column

KIND = "tuszstore.predictions"
VERSION = 1

VALUES = "probability"
CHUNK_BYTES = 1 << 22
"""Bytes of a chunk of values; a recording of a day has some 3,000 windows of one value."""

_DIMENSIONS = {"windows": "window", "recordings": "recording", "events": "event"}


def write_group(
    path: Path,
    content: Content,
    model: str,
    n_values: int,
    read: Callable[[int, int], NDArray[np.float32]],
) -> None:
    """Write predictions; the root's metadata with ``complete`` is written last.

    Parameters
    ----------
    path : Path
    content : Content
    model : str
    n_values : int
        Values per window.
    read : callable
        Returns the values of a range of windows, ``(window, value)`` float32.
    """
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec

    root = zarr.create_group(path, zarr_format=3)
    n_windows = len(content.windows)
    rows = max(1, min(n_windows, CHUNK_BYTES // (4 * n_values)))
    array = root.create_array(
        VALUES,
        shape=(n_windows, n_values),
        dtype=np.float32,
        chunks=(rows, n_values),
        compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec()],
        dimension_names=("window", "value"),
        attributes={"comment": "Probability of a seizure", "units": "1"},
        config={"write_empty_chunks": True},
    )
    for first in range(0, n_windows, rows):
        last = min(n_windows, first + rows)
        array[first:last] = read(first, last)
    tables = {
        "windows": content.windows.columns(),
        "recordings": content.recordings.columns(),
        "events": content.annotated.columns(),
    }
    for name, columns in tables.items():
        require_group(path, name)
        for column, values in columns.items():
            dtype = "string" if values.dtype == object else str(values.dtype)
            write_column(
                path, Variable(f"{name}/{column}", (_DIMENSIONS[name],), dtype, ""), values
            )
    root.attrs.update(
        kind=KIND,
        version=VERSION,
        window=content.window,
        stride=content.stride,
        sfreq=content.sfreq,
        spec=content.spec,
        identity=content.identity,
        model=model,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        complete=True,
    )


def read_content(group: Any, attributes: Mapping[str, Any]) -> Content:
    """Return the tables of the store that predictions contain.

    Parameters
    ----------
    group : zarr.Group
    attributes : mapping
        Attributes of the group.
    """

    def columns(table: str, names: Any) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {}
        for name in names:
            if name == "timeline" and f"{table}/{name}" not in group:  # of an earlier release
                found[name] = np.full(len(found["id"]), "", object)
                continue
            values = np.asarray(group[f"{table}/{name}"][...])
            is_string = values.dtype.kind not in "biuf"
            found[name] = values.astype(object) if is_string else values
        return found

    return Content(
        Windows.of(columns("windows", Windows.__dataclass_fields__)),
        Recordings.of(columns("recordings", Recordings.__dataclass_fields__)),
        Annotated.of(columns("events", Annotated.__dataclass_fields__)),
        int(attributes["window"]),
        int(attributes["stride"]),
        float(attributes["sfreq"]),
        dict(attributes["spec"]),
        dict(attributes["identity"]),
    )


def read_attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a Zarr v3 group; empty if there is none."""
    try:
        document = json.loads((path / "zarr.json").read_bytes())
    except (OSError, ValueError):
        return {}
    attributes = document.get("attributes") if isinstance(document, dict) else None
    return attributes if isinstance(attributes, dict) else {}


def is_predictions(path: Path) -> bool:
    """Return whether a path has predictions."""
    return read_attributes(path).get("kind") == KIND

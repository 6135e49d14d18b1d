"""Blocks of signal and labels, cut from the samples of a recording."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuszstore.builder.files import Files
from tuszstore.config import Config
from tuszstore.corpus.annotations import Annotation
from tuszstore.corpus.events import MarkedEvents, mark_events
from tuszstore.store.geometry import Geometry
from tuszstore.store.labels import LABEL_CODEC, UNLABELLED, paint
from tuszstore.store.shard import encode_chunk, write_durably


def label_samples(
    annotation: Annotation | None, n_samples: int, config: Config
) -> tuple[NDArray[np.uint16], MarkedEvents]:
    """Return class bits of every sample, and the events that set them.

    Parameters
    ----------
    annotation : Annotation or None
        None for an unlabelled recording.
    n_samples : int
        At the store's sampling rate.
    config : Config

    Returns
    -------
    label : ndarray of uint16, shape (sample,)
    events : MarkedEvents
    """
    known = annotation or Annotation((), None, "", raters=())
    events = mark_events(known, n_samples, config.signal.sfreq, config.labels)
    labelled = annotation is not None and events.labelled
    label = np.full(n_samples, 0 if labelled else UNLABELLED, np.uint16)
    paint(events.first, events.stop, events.bit, label)
    return label, events


def write_label(
    files: Files,
    label: NDArray[np.uint16],
    geometry: Geometry,
    write: Callable[[Path, bytes], object] = write_durably,
) -> str:
    """Write the labels of one recording, and return their digest.

    Parameters
    ----------
    files : Files
        Files to write.
    label : ndarray of uint16, shape (sample,)
    geometry : Geometry
    write : callable
        Function that writes one file.
    """
    n_blocks = geometry.n_blocks(len(label))
    digest = hashlib.sha256()
    for number, start in enumerate(range(0, n_blocks, geometry.shard)):
        count = min(geometry.shard, n_blocks - start)
        blocks = cut_blocks(span(label, start, count, geometry), count, geometry, UNLABELLED)
        digest.update(blocks.data)
        chunk = np.full((geometry.shard, geometry.block), UNLABELLED, np.uint16)
        chunk[:count] = blocks
        write(files.label(number), encode_chunk(chunk, LABEL_CODEC))
    return digest.hexdigest()


def span(values: NDArray[Any], start: int, count: int, geometry: Geometry) -> NDArray[Any]:
    """Return the samples that `count` blocks span; fewer at the recording's end."""
    first = start * geometry.step
    return values[..., first : first + (count - 1) * geometry.step + geometry.block]


def cut_blocks(
    values: NDArray[Any], n_blocks: int, geometry: Geometry, missing: int | float
) -> NDArray[Any]:
    """Cut samples into blocks, the last of them filled up.

    Parameters
    ----------
    values : ndarray, shape (..., sample)
    n_blocks : int
    geometry : Geometry
    missing : int or float
        Fill value for samples past the end.

    Returns
    -------
    ndarray, shape (block, ..., sample)
        C-contiguous.
    """
    blocks = np.empty((n_blocks, *values.shape[:-1], geometry.block), values.dtype)
    for k, block in enumerate(blocks):
        piece = values[..., k * geometry.step : k * geometry.step + geometry.block]
        block[..., : piece.shape[-1]] = piece
        block[..., piece.shape[-1] :] = missing
    return blocks

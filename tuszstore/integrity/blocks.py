"""Checks of signal and labels, one recording at a time: files, checksums, digests, index."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from crc32c import crc32c
from numpy.typing import NDArray

from tuszstore.errors import StoreError
from tuszstore.integrity.contents import Contents
from tuszstore.integrity.report import Finding, Mend
from tuszstore.store.encoding import Encoding
from tuszstore.store.files import read_file, read_tail
from tuszstore.store.geometry import Geometry
from tuszstore.store.index import derive_windows
from tuszstore.store.labels import UNLABELLED, LabelChunks, paint
from tuszstore.store.shard import (
    CRC,
    blosc_fault,
    label_file,
    largest_shard,
    parse_tail,
    signal_file,
    tail_bytes,
)
from tuszstore.store.spec import StoreSpec

MOST = 20
"""Maximum number of findings per recording."""


class ShardReader:
    """Reads untrusted shards, and decodes their chunks.

    Parameters
    ----------
    path : Path
        Root of the store.
    spec : StoreSpec
    encoding : Encoding
    """

    def __init__(self, path: Path, spec: StoreSpec, encoding: Encoding) -> None:
        self._path = path
        self._codec = encoding.codec
        self._block = np.empty((len(spec.channels), spec.block), encoding.dtype)
        self._n_chunks = spec.shard
        self._largest = largest_shard(spec.shard, self._block.nbytes)

    def read(self, file: str, *, whole: bool) -> tuple[bytes, NDArray[np.int64], int]:
        """Return the content of a shard, and the positions and sizes of its chunks.

        Parameters
        ----------
        file : str
            Relative to the store's root.
        whole : bool
            Whether to read more than the index; otherwise the content is empty.

        Raises
        ------
        StoreError
            If the file is missing or damaged.
        """
        n_tail = tail_bytes(self._n_chunks)
        try:
            if whole:
                content = read_file(self._path / file, self._largest)
                tail, size = content[-n_tail:], len(content)
            else:
                content = b""
                tail, size = read_tail(self._path / file, n_tail, self._largest)
        except FileNotFoundError:
            raise StoreError("file is missing") from None
        except OSError as error:
            raise StoreError(f"cannot be read: {error.strerror}") from error
        try:
            return content, parse_tail(tail, size, self._n_chunks), size - n_tail
        except ValueError as error:
            raise StoreError(str(error)) from None

    def decode(self, chunk: bytes) -> NDArray[Any]:
        """Return the block of a chunk, in an array that the next call overwrites."""
        from numcodecs import blosc

        block = self._block
        content, checksum = chunk[:-CRC], chunk[-CRC:]
        if crc32c(content) != int.from_bytes(checksum, "little"):
            raise StoreError("checksum is wrong")
        if self._codec == "none":
            if len(content) != block.nbytes:
                raise StoreError("has another length than a block")
            block[...] = np.frombuffer(content, block.dtype).reshape(block.shape)
            return block
        if fault := blosc_fault(content, block.nbytes):
            raise StoreError(fault)
        try:
            blosc.decompress(content, block)
        except (RuntimeError, ValueError) as error:
            raise StoreError(f"cannot be decompressed: {error}") from error
        return block


class RecordingCheck:
    """The checks of the blocks of one recording; thread-safe.

    Parameters
    ----------
    contents : Contents
        With all columns of `recordings`.
    row : int
        Row of the recording.
    deep : bool
        Whether to decode every block.
    """

    def __init__(self, contents: Contents, row: int, *, deep: bool) -> None:
        recordings = contents.table("recordings")
        assert recordings is not None, "the caller has looked"
        self._contents = contents
        self._geometry = contents.geometry
        self._deep = deep
        self.row = row
        self.values: Mapping[str, Any] = {name: column[row] for name, column in recordings.items()}
        self.findings: list[Finding] = []
        self.n_blocks = 0
        self.n_bytes = 0

    def run(self) -> "RecordingCheck":
        """Make all checks, and return this object."""
        for check in (self._signal, self._label, self._index):
            try:
                check()
            except Exception as error:  # any error of a library on damaged data is a finding
                self._add(f"{check.__name__[1:]}: {type(error).__name__}: {error}", "build")
        return self

    def _add(self, what: str, mend: Mend, **where: Any) -> None:
        if len(self.findings) < MOST:
            self.findings.append(
                Finding(what, mend, recording=str(self.values["id"]), row=self.row, **where)
            )
        elif len(self.findings) == MOST:
            self.findings.append(
                Finding(
                    "more damage, which is not listed",
                    mend,
                    recording=str(self.values["id"]),
                    row=self.row,
                )
            )

    def _shards(self) -> Iterator[tuple[int, int, int]]:
        """Yield number, first block (within the recording) and count of blocks of each shard."""
        shard, count = self._geometry.shard, int(self.values["n_blocks"])
        first = int(self.values["first_block"]) // shard
        for start in range(0, count, shard):
            yield first + start // shard, start, min(shard, count - start)

    def _span(self, first: int, count: int = 1) -> dict[str, float]:
        """Return the time span of blocks of the recording."""
        geometry = self._geometry
        begin = first * geometry.step
        end = begin + (count - 1) * geometry.step + geometry.block
        return {"start": begin / geometry.sfreq, "stop": end / geometry.sfreq}

    def _signal(self) -> None:
        shards = ShardReader(self._contents.path, self._contents.spec, self._contents.encoding)
        digest = hashlib.sha256()
        for number, start, count in self._shards():
            file = signal_file(number)
            where = {"array": "signal", "file": file}
            if len(self.findings) > MOST:
                return
            try:
                content, spans, n_payload = shards.read(file, whole=self._deep)
            except StoreError as error:
                self._add(str(error), "signal", **where, **self._span(start, count))
                continue
            if problem := _wrong_layout(spans, count, n_payload):
                self._add(problem, "signal", **where, **self._span(start, count))
            for k in range(count):
                begin, end = spans[k].tolist()
                if begin < 0:
                    self._add(
                        "is missing: it was never written",
                        "signal",
                        **where,
                        **self._span(start + k),
                    )
                elif self._deep:
                    try:
                        digest.update(shards.decode(content[begin:end]).data)
                    except StoreError as error:
                        self._add(str(error), "signal", **where, **self._span(start + k))
                self.n_blocks += 1
            self.n_bytes += n_payload
        if self._deep and not self.findings and digest.hexdigest() != self.values["signal_digest"]:
            self._add("values differ from signal_digest", "signal", array="signal")

    def _label(self) -> None:
        """Check labels against their digest, and against the events that they are computed from."""
        labels = LabelChunks(self._contents.path, self._geometry)
        labelled = bool(self.values["labelled"])
        events = self._events()
        digest = hashlib.sha256()
        whole = True
        for number, start, count in self._shards():
            file = label_file(number)
            where = {"array": "label", "file": file, **self._span(start, count)}
            if len(self.findings) > MOST:
                return
            if labelled and not labels.file(number).is_file():
                self._add("file is missing", "label", **where)
                whole = False
                continue
            try:
                blocks = labels.chunk(number)
            except StoreError as error:
                self._add(_without_path(error), "label", **where)
                whole = False
                continue
            digest.update(blocks[:count].tobytes())
            if (blocks[count:] != UNLABELLED).any():
                self._add("holds labels past the recording's end", "label", **where)
            if events is not None:
                expected = self._painted(events, start, count, labelled)
                differs = (expected != blocks[:count]).any(axis=1)
                if differs.any():
                    at = int(np.argmax(differs))
                    self._add(
                        "differs from the events",
                        "label",
                        array="label",
                        file=file,
                        **self._span(start + at),
                    )
                    whole = False
        if whole and digest.hexdigest() != self.values["label_digest"]:
            self._add("values differ from label_digest", "label", array="label")

    def _events(self) -> dict[str, NDArray[Any]] | None:
        table = self._contents.table("events")
        if table is None:
            return None
        begin, end = np.searchsorted(table["recording"], [self.row, self.row + 1])
        return {name: table[name][begin:end] for name in ("first_sample", "stop_sample", "bit")}

    def _painted(
        self, events: Mapping[str, NDArray[Any]], start: int, count: int, labelled: bool
    ) -> NDArray[np.uint16]:
        """Return the labels of consecutive blocks, computed from events."""
        geometry = self._geometry
        return painted_blocks(
            events, int(self.values["n_samples"]), start, count, geometry, labelled=labelled
        )

    def _index(self) -> None:
        """Check `windows/*` against the columns derived from the labels."""
        windows = self._contents.table("windows")
        if windows is None or any(finding.array == "label" for finding in self.findings):
            return  # already reported
        n_windows = self._geometry.n_windows(int(self.values["n_samples"]))
        if int(self.values["first_window"]) + n_windows > len(windows["category"]):
            self._add("its windows are missing", "index", array="windows")
            return
        one = {name: np.array([self.values[name]]) for name in ("n_samples", "first_block")}
        labels = LabelChunks(self._contents.path, self._geometry)
        derived = derive_windows(labels, one, self._contents.spec)
        first = int(self.values["first_window"])
        rows = slice(first, first + len(derived["category"]))
        derived["recording"][:] = self.row
        for name, values in derived.items():
            if name == "mask" or name not in windows:  # mask is optional
                continue
            found = windows[name][..., rows]
            if found.shape != values.shape or not np.array_equal(
                found, values, equal_nan=values.dtype.kind == "f"
            ):
                self._add("differs from that of the labels", "index", array=f"windows/{name}")


def painted_blocks(
    events: Mapping[str, NDArray[Any]],
    n_samples: int,
    start: int,
    count: int,
    geometry: Geometry,
    *,
    labelled: bool,
) -> NDArray[np.uint16]:
    """Return the labels of consecutive blocks of a recording, computed from its events.

    Parameters
    ----------
    events : mapping of str to ndarray
        ``first_sample``, ``stop_sample`` and ``bit`` of the recording's events.
    n_samples : int
        Number of samples of the recording.
    start, count : int
        First block within the recording, and number of blocks.
    geometry : Geometry
    labelled : bool
        Whether there is an annotation.
    """
    first = start * geometry.step
    length = (count - 1) * geometry.step + geometry.block
    samples = np.full(length, UNLABELLED, np.uint16)
    if labelled:
        samples[: max(0, n_samples - first)] = 0
    inside = samples[: max(0, n_samples - first)]
    paint(events["first_sample"] - first, events["stop_sample"] - first, events["bit"], inside)
    steps = np.arange(count) * geometry.step
    blocks: NDArray[np.uint16] = samples[steps[:, None] + np.arange(geometry.block)]
    return blocks


def _wrong_layout(spans: NDArray[np.int64], count: int, n_payload: int) -> str:
    """Return faults in the layout of chunks: bytes of no chunk, or too many chunks."""
    there = spans[spans[:, 0] >= 0]
    if (spans[count:, 0] >= 0).any():
        return "holds blocks past the recording's end"
    ordered = there[np.argsort(there[:, 0])]
    if (ordered[1:, 0] != ordered[:-1, 1]).any() or (len(ordered) and ordered[0, 0] != 0):
        return "index leaves gaps, or chunks overlap"
    if (ordered[-1, 1] if len(ordered) else 0) != n_payload:
        return "bytes belong to no block"
    return ""


def _without_path(error: StoreError) -> str:
    return str(error).split(": ", 1)[-1]

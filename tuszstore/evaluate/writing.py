"""Writing predictions: from any number of processes, in any order, resumable after a kill.

Each writer appends to its own part. The last one to close checks that no window is missing,
merges the parts and renames the result in one step.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tuszstore.errors import TuszstoreError
from tuszstore.evaluate.group import is_predictions, write_group
from tuszstore.evaluate.parts import Part, PartWriter, being_written, read_part, read_parts
from tuszstore.evaluate.tables import Content
from tuszstore.indices import Indices, check_indices
from tuszstore.store.shard import write_atomically
from tuszstore.units import clock

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection

TOLERANCE = 1e-5
"""Difference of two outputs for one window that is attributed to rounding."""

PLAN = "plan.json"
_LOCK = "lock"


class PredictionError(TuszstoreError, ValueError):
    """Predictions that are invalid, or belong to something else."""


def write_predictions(
    store: "WindowCollection",
    path: str | os.PathLike[str],
    *,
    model: str = "",
    overwrite: bool = False,
    world_size: int | None = None,
) -> "PredictionWriter":
    """Start or resume writing a model's outputs for the windows of a store or a view.

    >>> with tuszstore.write_predictions(store, "val.predictions") as out:  # doctest: +SKIP
    ...     for indices in batches:
    ...         out.write(indices, model(store.read(indices)))

    Any number of processes may do so at once, each with some of the windows, in any order. The
    last one to leave its ``with`` block merges them; until then `path` does not exist.
    After a kill the same call resumes, and ``out.missing`` has the missing windows.

    Parameters
    ----------
    store : Store or view
        The store, view or series whose windows the outputs are of.
    path : path
        A local folder. Unfinished predictions are beside it, in ``.<name>.unfinished``.
    model : str
        Identifies the model, such as a checkpoint's name or digest. Unfinished predictions of
        another model are an error.
    overwrite : bool
        Replace existing predictions when new ones are complete; and, if this is the only
        writer, drop unfinished ones.
    world_size : int, optional
        Number of writers; by default the environment's ``WORLD_SIZE``, as torchrun sets
        it, or 1. A writer that ends first does not wait for the others, and raises no error.

    Returns
    -------
    PredictionWriter
        For use in a ``with`` block.

    Raises
    ------
    PredictionError
        If there is something else at `path`, or there are predictions and `overwrite` is not set,
        or unfinished predictions of another store or model.
    """
    return PredictionWriter(store, Path(path), model, overwrite, world_size)


class PredictionWriter:
    """Writer of predictions; created by :func:`write_predictions`, for use in a ``with`` block.

    Attributes
    ----------
    path : Path
        Where the predictions will be.
    complete : bool
        Whether they are, once the block is left.
    """

    def __init__(
        self,
        store: "WindowCollection",
        path: Path,
        model: str,
        overwrite: bool,
        world_size: int | None,
    ) -> None:
        self.path = path.absolute()
        self.complete = False
        self._content = Content.of(store)
        self._model, self._overwrite = model, overwrite
        self._world_size = _world_size(world_size)
        self._part: PartWriter | None = None
        self._n_values = 0
        # position of each window's values in this writer's part; -1 if not yet written
        self._rows = np.full(len(self._content.windows), -1, np.int64)
        self._n_written = 0
        self._check_target()

    @property
    def folder(self) -> Path:
        """Folder of unfinished predictions."""
        return self.path.parent / f".{self.path.name}.unfinished"

    @property
    def missing(self) -> NDArray[np.int64]:
        """Windows that have not been written yet, in order."""
        there = np.zeros(len(self._rows), bool)
        for part in read_parts(self.folder) if self.folder.is_dir() else []:
            for block in part.blocks:
                there[block.indices] = True
        return np.flatnonzero(~there)

    def write(self, indices: Indices, probabilities: ArrayLike) -> None:
        """Write the outputs of windows.

        Parameters
        ----------
        indices : array_like of int, shape (window,)
            As ``store.read`` takes them.
        probabilities : array_like of float, shape (window,) or (window, value)
            Probabilities of a seizure, 0 to 1: one for each window, or several at equal distances,
            whose number must divide the window's samples. Tensors may be on any device.

        Raises
        ------
        IndexError, TypeError
            If an index is out of range, or no integer.
        PredictionError
            If a probability is NaN or not within 0 to 1, naming window and recording; a window
            was written before with other values; or shapes do not fit.
        """
        if self._part is None:
            raise PredictionError(f"{self.path}: write within `with write_predictions(...) as out`")
        numbers = check_indices(indices, len(self._rows))
        values = self._checked(probabilities, numbers)
        new = self._unwritten(numbers, values)
        if len(new):
            self._n_values = values.shape[1]
            self._rows[numbers[new]] = self._n_written + np.arange(len(new))
            self._n_written += len(new)
            self._part.append(numbers[new], values[new])

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._part is None:
            return
        part, self._part = self._part, None
        part.close(finished=kind is None)
        if kind is None:
            self._merge()

    def _check_target(self) -> None:
        """Raise an error if the target is something else."""
        if not os.path.lexists(self.path):
            return
        if not is_predictions(self.path):
            raise PredictionError(
                f"{self.path}: exists, but has no predictions; choose another path"
            )
        if not self._overwrite:
            raise PredictionError(
                f"{self.path}: already exists; choose another path, or set overwrite=True"
            )

    def _begin(self) -> None:
        """Resume unfinished predictions of the same windows, or start new ones."""
        alone = self._world_size == 1
        if self._overwrite and alone and self.folder.is_dir() and not [*being_written(self.folder)]:
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        plan = {**self._content.identity, "model": self._model}
        with self._locked():
            place = self.folder / PLAN
            if place.exists():
                self._check_plan(json.loads(place.read_bytes()), plan)
            else:
                write_atomically(place, json.dumps(plan).encode())
            self._part = PartWriter(self.folder)

    def _check_plan(self, found: dict[str, str], plan: dict[str, str]) -> None:
        if differing := [name for name in plan if found.get(name) != plan[name]]:
            what = "model" if differing == ["model"] else "store, or another view of it"
            told = f" ({found.get('model')!r}, not {self._model!r})" if what == "model" else ""
            raise PredictionError(
                f"{self.path}: unfinished predictions are of another {what}{told}; finish with "
                f"that, remove {self.folder}, or set overwrite=True"
            )

    def _checked(self, probabilities: ArrayLike, numbers: NDArray[np.int64]) -> Any:
        """Return probabilities as (window, value) float32, after checking them."""
        given: Any = probabilities
        if hasattr(given, "detach"):  # a tensor, possibly on another device or of half precision
            given = given.detach().float().cpu().numpy()
        try:
            values = np.asarray(given)
        except ValueError:
            raise PredictionError(
                "all windows must have the same number of probabilities"
            ) from None
        if values.dtype.kind not in "fiub":
            raise PredictionError(f"probabilities must be numbers, not {values.dtype}")
        values = values.astype(np.float32)
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2 or len(values) != len(numbers) or not values.size >= len(numbers):
            raise PredictionError(
                f"probabilities of {len(numbers)} windows must have the shape ({len(numbers)},) or "
                f"({len(numbers)}, values), not {np.shape(given)}"
            )
        n_values, window = values.shape[1], self._content.window
        if window % n_values:
            raise PredictionError(
                f"{n_values} values do not divide a window of {window} samples; use one for each "
                "window, or a series at a rate that divides it"
            )
        if self._n_values not in (0, n_values):
            raise PredictionError(
                f"{n_values} values per window, but earlier ones had {self._n_values}"
            )
        # NaN fails both comparisons
        if not (good := ((values >= 0) & (values <= 1)).all(axis=1)).all():
            row = int(np.argmin(good))
            wrong = values[row][~((values[row] >= 0) & (values[row] <= 1))][0]
            raise PredictionError(
                f"{self._told(numbers[row])}: {wrong:g} is not a probability: must be within 0 to 1"
                f"{'' if np.isnan(wrong) else '; apply a sigmoid to logits'}"
            )
        return values

    def _unwritten(self, numbers: NDArray[np.int64], values: NDArray[np.float32]) -> Any:
        """Return the places of windows not yet written by this writer; equal ones may repeat."""
        assert self._part is not None
        unique, first = np.unique(numbers, return_index=True)
        self._check_equal(numbers, values, values[first[np.searchsorted(unique, numbers)]])
        before = self._rows[unique] >= 0
        if before.any():
            known = read_part(self._part.path).values(self._rows[unique[before]])
            self._check_equal(unique[before], values[first[before]], known)
        return np.sort(first[~before])

    def _check_equal(self, numbers: Any, values: Any, known: Any) -> None:
        different = (np.abs(values - known) > TOLERANCE).any(axis=1)
        if different.any():
            row = int(np.argmax(different))
            place = int(np.argmax(np.abs(values[row] - known[row])))
            raise PredictionError(
                f"{self._told(numbers[row])}: was written twice with different values "
                f"({known[row][place]:g} and {values[row][place]:g}); to start again, set "
                "overwrite=True"
            )

    def _told(self, number: int) -> str:
        """Name a window for messages."""
        content = self._content
        row = content.windows.recording[number]
        start = content.windows.start[number] / content.sfreq
        return f"window {number} ({content.recordings.id[row]}, {clock(start)})"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / _LOCK).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _merge(self) -> None:
        """Merge the parts if they are complete; if other writers remain, leave it to them."""
        try:
            self._merge_alone()
        except FileNotFoundError:
            if self.folder.exists():
                raise
            # another writer has merged them meanwhile
            self.complete = is_predictions(self.path)

    def _merge_alone(self) -> None:
        with self._locked():
            if not (self.folder / PLAN).exists():
                self.complete = is_predictions(self.path)
                return
            if [*being_written(self.folder)]:
                return  # the last writer to close merges the parts
            if len(missing := self.missing):
                n_closed = sum(part.finished for part in read_parts(self.folder))
                if n_closed < self._world_size:
                    return
                self._refuse_incomplete(missing)
            self._publish(read_parts(self.folder))
        self.complete = True

    def _refuse_incomplete(self, missing: NDArray[np.int64]) -> None:
        rows = np.unique(self._content.windows.recording[missing])
        ids = ", ".join(self._content.recordings.id[rows[:3]])
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        total = len(self._rows)
        raise PredictionError(
            f"{self.path}: is incomplete: {len(missing)} of {total} windows have no prediction (of "
            f"{ids}{more}). Written windows are kept: write those of `out.missing` to finish"
        )

    def _publish(self, parts: list[Part]) -> None:
        where = self._places(parts)
        unfinished = self.folder / "group"
        if unfinished.exists():
            shutil.rmtree(unfinished)  # left by a killed writer
        n_values = max((part.n_values for part in parts), default=1) or 1

        def read(first: int, last: int) -> NDArray[np.float32]:
            values = np.empty((last - first, n_values), np.float32)
            for number, part in enumerate(parts):
                mine = np.flatnonzero(where[0, first:last] == number)
                if len(mine):
                    values[mine] = part.values(where[1, first + mine])
            return values

        write_group(unfinished, self._content, self._model, n_values, read)
        before = self.folder / "before"
        if os.path.lexists(self.path):
            self.path.rename(before)
        unfinished.rename(self.path)
        (self.folder / PLAN).unlink()  # writers that wait for the lock check this file
        shutil.rmtree(self.folder)

    def _places(self, parts: list[Part]) -> NDArray[np.int64]:
        """Return part and row of each window; a window in two parts must be equal in both."""
        where = np.full((2, len(self._rows)), -1, np.int64)
        sizes = {part.n_values for part in parts if part.blocks}
        if len(sizes) > 1:
            told = " and ".join(map(str, sorted(sizes)))
            raise PredictionError(
                f"{self.path}: writers used {told} values per window; remove {self.folder}"
            )
        for number, part in enumerate(parts):
            part.check()
            if not part.blocks:
                continue
            indices = np.concatenate([block.indices for block in part.blocks])
            rows = np.arange(len(indices))
            twice = np.flatnonzero(where[0, indices] >= 0)
            for chunk in np.array_split(twice, len(twice) // 4096 + 1):
                for other in np.unique(where[0, indices[chunk]]):
                    here = chunk[where[0, indices[chunk]] == other]
                    known = parts[other].values(where[1, indices[here]])
                    self._check_equal(indices[here], part.values(rows[here]), known)
            where[:, indices] = np.vstack([np.full(len(rows), number), rows])
        return where


def _world_size(given: int | None) -> int:
    text = os.environ.get("WORLD_SIZE", "") or "1" if given is None else str(given)
    if not text.isdecimal() or int(text) < 1:
        name = "WORLD_SIZE in the environment" if given is None else "world_size"
        raise PredictionError(
            f"{name} must be an integer number of writers, at least 1, not {text!r}"
        )
    return int(text)

"""Samples that were read as one batch, which ``default_collate`` returns without a copy.

A ``DataLoader`` requests the items of a batch and collates them, which would copy contiguous
data. The samples are therefore rows that remember their batch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils.data import default_collate
from torch.utils.data._utils.collate import default_collate_fn_map

from tuszstore.torch.sent import SentBatch, SentMemory
from tuszstore.torch.shared import in_worker

Take = Callable[[tuple[int, ...], torch.dtype], torch.Tensor]


class Columns:
    """A batch, and the results of a transform on its rows.

    Parameters
    ----------
    columns : list
        Signal, label, and the dict of meta if there is one.
    made : mapping of int to list, optional
        Replacements by place in `columns`: one value per row.
    take : callable, optional
        Returns memory for the batch of such values.
    """

    def __init__(
        self,
        columns: list[Any],
        made: Mapping[int, list[Any]] | None = None,
        take: Take | None = None,
    ) -> None:
        self._columns = columns
        self._made = dict(made or {})
        self._take = take

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield a tuple for each window."""
        parts = [
            self._made[k] if k in self._made else _rows_of(column)
            for k, column in enumerate(self._columns)
        ]
        return zip(*parts, strict=True)

    def whole(self) -> list[Any]:
        """Return one batch of each column.

        Raises
        ------
        TypeError
            If the results of a transform cannot be collated.
        """
        return [
            self._stack(k, column) if k in self._made else column
            for k, column in enumerate(self._columns)
        ]

    def _stack(self, place: int, batch: torch.Tensor) -> Any:
        results = self._made[place]
        in_place = all(map(_is_row, results, batch))
        if in_place and not in_worker():
            return batch
        if self._take is not None and _are_alike(results):
            out = self._take((len(results), *results[0].shape), results[0].dtype)
            return out.copy_(batch) if in_place else torch.stack(results, out=out)
        try:
            return default_collate(results)
        except (TypeError, RuntimeError) as error:
            raise TypeError(
                f"the results of transform cannot be collated: {error}. Pass DataLoader a "
                "suitable collate_fn, or request single windows"
            ) from error


def _rows_of(column: Any) -> Any:
    if not isinstance(column, dict):
        return column.unbind()
    values = [v.tolist() if isinstance(v, torch.Tensor) else v for v in column.values()]
    return [dict(zip(column, row, strict=True)) for row in zip(*values, strict=True)]


def _is_row(result: Any, row: torch.Tensor) -> bool:
    """Return whether a transform returned the given row, changed or not."""
    return (
        type(result) is torch.Tensor
        and result.data_ptr() == row.data_ptr()
        and (result.shape, result.dtype, result.device) == (row.shape, row.dtype, row.device)
        and result.stride() == row.stride()
        and not result.requires_grad
    )


def _are_alike(results: list[Any]) -> bool:
    first = results[0]
    return all(
        type(result) is torch.Tensor
        and (result.shape, result.dtype) == (first.shape, first.dtype)
        and result.device.type == "cpu"
        and result.layout == torch.strided
        and not result.requires_grad
        for result in results
    )


class _Sample(tuple[Any, ...]):
    """A tuple type that ``default_collate`` can distinguish from others."""

    __slots__ = ()


class Rows(list[tuple[Any, ...]]):
    """Samples that are the rows of one batch, which they remember.

    Parameters
    ----------
    rows : iterable of tuple
    columns : Columns
        The batch.
    sent : SentMemory, optional
        Memory of the worker that sends it.
    """

    def __init__(
        self, rows: Iterable[tuple[Any, ...]], columns: Columns, sent: SentMemory | None = None
    ) -> None:
        super().__init__(map(_Sample, rows))
        self._sent = sent
        self._rows = tuple(self)
        self._columns = columns

    def __reduce__(self) -> Any:
        return list, (list(map(tuple, self)),)

    def are_whole(self) -> bool:
        """Return whether no sample was removed, added or replaced."""
        return len(self) == len(self._rows) and all(
            a is b for a, b in zip(self, self._rows, strict=True)
        )

    def collated(self) -> list[Any]:
        """Return the samples as one batch."""
        columns = self._columns.whole()
        return columns if self._sent is None else SentBatch(columns, self._sent)


def collate(samples: list[tuple[Any, ...]]) -> list[Any]:
    """Collate samples, without a copy if they were read as one batch."""
    if isinstance(samples, Rows) and samples.are_whole():
        return samples.collated()
    batch: list[Any] = default_collate([tuple(sample) for sample in samples])
    return batch


def _collate(samples: list[tuple[Any, ...]], *, collate_fn_map: Any = None) -> list[Any]:
    return collate(samples)


# the documented way to register a type with `default_collate`
default_collate_fn_map[_Sample] = _collate

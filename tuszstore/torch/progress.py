"""The position of a loader: every iteration is an epoch, and a state is resumed exactly.

It counts delivered windows, not prefetched ones, so that other ranks and batch sizes can resume
from it. An iteration takes its epoch when its first batch is requested: an unused iterator
skips no epoch, and ``set_epoch`` may follow ``iter``, as in Lightning.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass
class Position:
    """The position of an iteration.

    Attributes
    ----------
    epoch : int
    delivered : int
        Windows of the epoch's order that all ranks together have delivered.
    """

    epoch: int
    delivered: int


IsOver = Callable[[int], bool]
"""Whether an epoch is finished after this many delivered windows."""


class Progress:
    """Positions of the latest iteration and of the next one."""

    def __init__(self) -> None:
        self._latest = Position(0, 0)
        self._next: Position | None = self._latest  # None: at the epoch after the latest
        self._resumed = False  # whether the next iteration begins at the position of a state
        self._asked = False  # whether that epoch was also requested by set_epoch

    def epoch(self, is_over: IsOver) -> int:
        """Return the current or next epoch."""
        return self._latest.epoch if self._next is None else self.upcoming(is_over).epoch

    @property
    def position(self) -> Position:
        """Position of a state: that of the next iteration if known, else of the latest."""
        return replace(self._next or self._latest)

    def upcoming(self, is_over: IsOver) -> Position:
        """Return the start of the next iteration."""
        if self._next is None:
            return Position(self._latest.epoch + 1, 0)
        if self._resumed and not self._asked and is_over(self._next.delivered):
            # the epoch is complete
            return Position(self._next.epoch + 1, 0)
        return replace(self._next)

    def begin(self, is_over: IsOver) -> Position:
        """Start the next iteration; return its position, which it updates."""
        self._latest = self.upcoming(is_over)
        self._next, self._resumed = None, False
        return self._latest

    def finish(self, position: Position) -> None:
        """End a complete iteration."""
        if position is self._latest and self._next is None:
            self._next = Position(position.epoch + 1, 0)

    def set_epoch(self, number: int) -> None:
        """Start the next iteration with this epoch, or within it if a state of it was loaded."""
        if self._resumed and self._next is not None and number == self._next.epoch:
            self._asked = True
        else:
            self._next, self._resumed = Position(number, 0), False

    def resume(self, position: Position) -> None:
        """Start the next iteration at the position of another loader."""
        self._next, self._resumed, self._asked = position, True, False

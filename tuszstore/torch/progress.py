"""Where a loader is: every iteration is an epoch, and a state is resumed exactly.

What was delivered counts, not what is ready, and in windows: other ranks with other batches go on
from there. An iteration takes its epoch when its first batch is asked for. So an iterator that was
made and not used costs no epoch, and ``set_epoch`` may come after ``iter``, as in Lightning.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace


@dataclass
class Position:
    """Where an iteration is.

    Attributes
    ----------
    epoch : int
    delivered : int
        Windows of the epoch's order that all ranks together have delivered.
    """

    epoch: int
    delivered: int


IsOver = Callable[[int], bool]
"""Whether nothing is left of an epoch when so many windows of it were delivered."""


class Progress:
    """Where the latest iteration is, and where the next one begins."""

    def __init__(self) -> None:
        self._latest = Position(0, 0)
        self._next: Position | None = self._latest  # None: at the epoch after the latest
        self._resumed = False  # whether the next one begins where a state says
        self._asked = False  # whether that epoch was asked for besides

    def epoch(self, is_over: IsOver) -> int:
        """Return the epoch that is under way, or comes next."""
        return self._latest.epoch if self._next is None else self.upcoming(is_over).epoch

    @property
    def position(self) -> Position:
        """What a state has: where the next iteration begins if that is known, or the latest is."""
        return replace(self._next or self._latest)

    def upcoming(self, is_over: IsOver) -> Position:
        """Return where the next iteration begins."""
        if self._next is None:
            return Position(self._latest.epoch + 1, 0)
        if self._resumed and not self._asked and is_over(self._next.delivered):
            # nothing is left of this epoch
            return Position(self._next.epoch + 1, 0)
        return replace(self._next)

    def begin(self, is_over: IsOver) -> Position:
        """Begin the next iteration; return its position, which it counts on."""
        self._latest = self.upcoming(is_over)
        self._next, self._resumed = None, False
        return self._latest

    def finish(self, position: Position) -> None:
        """End an iteration that gave all its batches."""
        if position is self._latest and self._next is None:
            self._next = Position(position.epoch + 1, 0)

    def set_epoch(self, number: int) -> None:
        """Begin the next iteration with this epoch; where a state of it was loaded, from there."""
        if self._resumed and self._next is not None and number == self._next.epoch:
            self._asked = True
        else:
            self._next, self._resumed = Position(number, 0), False

    def resume(self, position: Position) -> None:
        """Begin the next iteration where another loader was."""
        self._next, self._resumed, self._asked = position, True, False

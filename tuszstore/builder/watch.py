"""Watching the workers of a cluster, and reporting while a build waits for them."""

import time
from collections.abc import Callable
from typing import Any

from tuszstore.errors import BuildError

LOOK_SECONDS = 5.0
"""Seconds between checks of the workers while no recording is done."""

SAY_SECONDS = 60.0
"""Seconds between messages while waiting for workers."""

GIVE_UP_SECONDS = 3600.0
"""Seconds to wait for workers."""

_GRACE_SECONDS = 15.0  # for workers being restarted


class Watch:
    """Checks the workers of a cluster while a build waits.

    Parameters
    ----------
    client : distributed.Client
    name : str
        Name of the cluster, for messages.
    say : callable
        Called with each message.
    """

    def __init__(self, client: Any, name: str, say: Callable[[str], None]) -> None:
        self._client = client
        self._name = name
        self._say = say
        self._since: float | None = None
        self._said: float | None = None

    def wait_for_threads(self) -> int:
        """Wait for a worker and return the number of threads.

        Raises
        ------
        BuildError
            If there is none within :data:`GIVE_UP_SECONDS`.
        """
        while not (n_threads := self.look(grace=0.0)):
            time.sleep(min(1.0, LOOK_SECONDS))
        return n_threads

    def look(self, grace: float = _GRACE_SECONDS) -> int:
        """Return the number of available threads, with a message if there are none for long.

        Parameters
        ----------
        grace : float
            Seconds before the first message.

        Raises
        ------
        BuildError
            If there was none for :data:`GIVE_UP_SECONDS`.
        """
        n_threads, why = self._state()
        if not why:
            self.goes_on()
            return n_threads
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        waited = now - self._since
        if waited >= GIVE_UP_SECONDS:
            raise BuildError(
                f"{self._name}: {why} for {_minutes(waited)}; start workers, or use --workers. "
                "What is built is kept: rerun the command to resume"
            )
        if waited >= grace and (self._said is None or now - self._said >= SAY_SECONDS):
            how_long = f"for {_minutes(waited)}" if self._said is not None else "from now on"
            self._say(
                f"{self._name}: {why}; the build waits {how_long}, {_minutes(GIVE_UP_SECONDS)} at "
                "most"
            )
            self._said = now
        return 0

    def goes_on(self) -> None:
        """Note that something is done."""
        if self._said is not None:
            self._say(f"{self._name}: workers are available; the build continues")
        self._since = self._said = None

    def _state(self) -> tuple[int, str]:
        """Return the number of threads, and the reason if none can work."""
        n_threads = sum(self._client.nthreads().values())
        if not n_threads:
            return 0, "no workers"
        workers = self._client.scheduler_info()["workers"].values()
        if workers and all(worker.get("status") == "paused" for worker in workers):
            least = min(worker.get("memory_limit") or 0 for worker in workers)
            return 0, (
                f"all workers are paused, because their memory is full ({least / 1e9:.1f} GB per "
                "worker; --dry-run says what is needed)"
            )
        return n_threads, ""


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"

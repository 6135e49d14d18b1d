"""The command; see :mod:`tests.torture`."""

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import click

from tests.torture import interruptions, reads
from tests.torture.injection import LIBRARY, compile_library
from tests.torture.soak import soak
from tests.torture.trying import Attempt, try_all


@click.command()
@click.option("--points", type=int, default=200, show_default=True, help="Kills of each build.")
@click.option("--errors", type=int, default=25, show_default=True, help="Failures of each kind.")
@click.option(
    "--reads",
    "n_reads",
    type=int,
    default=50,
    show_default=True,
    help="Reads that fail of each use.",
)
@click.option("--random-kills", type=int, default=12, show_default=True)
@click.option(
    "--soak",
    "seconds",
    type=float,
    default=60,
    show_default=True,
    help="Seconds that stores are replaced under loaders.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--jobs", type=int, default=os.cpu_count(), help="By default one for each core.")
def main(
    points: int,
    errors: int,
    n_reads: int,
    random_kills: int,
    seconds: float,
    seed: int,
    jobs: int,
) -> None:
    """Kill builds, let calls fail, replace files under readers, and see that nothing is lost."""
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        folder = Path(name)
        if LIBRARY not in os.environ:
            library = str(compile_library(folder))
            preload = {**os.environ, "LD_PRELOAD": library, LIBRARY: library}
            done = subprocess.run(
                [sys.executable, "-m", "tests.torture", *sys.argv[1:]], env=preload
            )
            sys.exit(done.returncode)
        # before any fork, so that no child has to; nothing of it starts a thread
        import mne.io  # noqa: F401
        import scipy.signal  # noqa: F401
        import zarr  # noqa: F401

        begin = time.monotonic()
        cases = interruptions.make_cases(folder)
        todo: list[Attempt] = []
        for case in cases:
            n = interruptions.n_calls(case, folder / "run")
            print(f"{case.name}: {n:,} calls change the file system", flush=True)
            todo += interruptions.attempts(case, n, points, errors)
        for case, corpus in zip(cases[:2], ("corpus", "changed"), strict=True):
            todo += reads.attempts_to_build(case, folder / corpus, folder / "run", n_reads)
        store = folder / "after" / "train.zarr"
        for use in reads.uses(store):
            todo += reads.attempts_to_use(use, store, folder / "run", n_reads)
        tally = try_all(todo, folder, jobs)
        if random_kills:
            interruptions.kill_at_random(
                folder / "corpus", folder / "killed", random_kills, seed, tally
            )
        if seconds:
            builds = [
                partial(interruptions.build, folder / corpus) for corpus in ("corpus", "changed")
            ]
            tally.add(vars(soak(builds, folder / "soak", seconds, jobs, seed)))
        print(tally)
        print(f"in {time.monotonic() - begin:.0f} s")
    sys.exit(1 if tally.lost else 0)


if __name__ == "__main__":
    main()

"""Building: tuszstore against one compressed NPZ file per recording.

``python -m benchmarks.build`` measures, on the same EDF files and in turn, so that a busy machine
is busy for all:

- one worker: the NPZ way and tuszstore with the same steps (configuration ``reference``, as int16
  and as float32), and tuszstore's default configuration, whose steps are others;
- one and two workers of a Dask cluster, its start included, against no cluster at all;
- the memory that a worker needs for a long recording with many channels.

Ratios are formed within a round; printed are medians over the rounds, and extremes. Every arm runs
in a process of its own, libraries imported and files in the page cache. Sizes are those of files.
Where other processes take cores meanwhile, a second worker has none to gain: the tables say how
many they took.
"""

import json
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.arms import (
    SPLIT,
    Run,
    in_fresh_process,
    run_npz,
    run_store,
    run_workers,
    same_windows,
)
from benchmarks.corpus import N_SIGNALS, repeat_files, write_files, write_recording
from benchmarks.report import environment, markdown
from tuszstore.build.plan import Plan, make_plan
from tuszstore.config import load_config

NPZ, INT16, FLOAT32, DEFAULT = "NPZ", "reference, int16", "reference, float32", "default"
WORKERS = ("no cluster", "1 worker", "2 workers")

_OFFICIAL = {"corpus.split_policy": "official"}  # all files of the folder, as the rival takes them
CONFIGS = {
    INT16: load_config("reference", {**_OFFICIAL, "storage.dtype": "int16"}),
    FLOAT32: load_config("reference", {**_OFFICIAL, "storage.dtype": "float32"}),
    DEFAULT: load_config("tusz"),
}


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes
    ----------
    files : int
    minutes : float
        Of one file.
    copies : int
        Of all files, for the comparison of workers.
    rounds : int
    memory_minutes : float
        Of the recordings whose memory is measured.
    memory_of : tuple of (int, tuple of str)
        Their sampling rates (Hz) and missing electrodes.
    small : bool
        Whether this is too little to judge by.
    """

    files: int
    minutes: float
    copies: int
    rounds: int
    memory_minutes: float
    memory_of: tuple[tuple[int, tuple[str, ...]], ...]
    small: bool = False


_MIDLINE = ("FZ", "PZ")
FULL = Size(files=12, minutes=20, copies=10, rounds=3, memory_minutes=60,
            memory_of=((512, ()), (512, _MIDLINE), (1000, ())))  # fmt: skip
SMOKE = Size(files=3, minutes=3, copies=1, rounds=1, memory_minutes=3,
             memory_of=((512, _MIDLINE),), small=True)  # fmt: skip


@dataclass(frozen=True)
class Ratio:
    """A figure that has a target, or is worth a line beside one that has.

    Attributes
    ----------
    name : str
    values : sequence of float
        One for each round.
    target : float, optional
    at_least : bool
        Whether the target is a lower bound.
    """

    name: str
    values: Sequence[float]
    target: float | None = None
    at_least: bool = True

    @property
    def value(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the target."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def row(self, *, judged: bool) -> list[str]:
        """Return the row of the printed table, with or without a verdict."""
        figures = [self.name, f"{self.value:.3g}", _extremes(self.values)]
        if self.target is None:
            return [*figures, "", ""]
        sign = "≥" if self.at_least else "≤"
        verdict = ("met" if self.met else "missed") if judged else "small run"
        return [*figures, f"{sign} {self.target:g}", verdict]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path),
              metavar="DIR", help="A corpus with a folder train; else one is made.")  # fmt: skip
@click.option("--files", type=click.IntRange(1), metavar="N", help="Recordings to make.")
@click.option("--minutes", type=click.FloatRange(1.5), metavar="M", help="Length of each.")
@click.option("--copies", type=click.IntRange(1), metavar="N",
              help="Times that the workers build all of them.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), metavar="N", help="Measurements of each arm.")
@click.option("--smoke", is_flag=True, help="A small run, to see whether it works.")
@click.option("--skip-npz", is_flag=True, help="Leave out the comparison with NPZ.")
@click.option("--skip-workers", is_flag=True, help="Leave out two workers against one.")
@click.option("--skip-memory", is_flag=True, help="Leave out the memory of a long recording.")
@click.option("--scratch", type=click.Path(exists=True, file_okay=False, path_type=Path),
              metavar="DIR", help="Where files go meanwhile.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path),
              metavar="FILE", help="Write all figures as JSON.")  # fmt: skip
def main(
    data: Path | None,
    files: int | None,
    minutes: float | None,
    copies: int | None,
    rounds: int | None,
    smoke: bool,
    skip_npz: bool,
    skip_workers: bool,
    skip_memory: bool,
    scratch: Path | None,
    json_file: Path | None,
) -> None:
    """Measure building: time, bytes, workers and memory."""
    given = {"files": files, "minutes": minutes, "copies": copies, "rounds": rounds}
    values = {**vars(SMOKE if smoke else FULL), **{k: v for k, v in given.items() if v}}
    size = Size(**values)
    with tempfile.TemporaryDirectory(prefix="tuszstore-bench-", dir=scratch) as folder:
        measured = _measure(
            size, data, Path(folder), npz=not skip_npz, workers=not skip_workers,
            memory=not skip_memory,
        )  # fmt: skip
    if json_file:
        json_file.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def _measure(
    size: Size, data: Path | None, scratch: Path, *, npz: bool, workers: bool, memory: bool
) -> dict[str, Any]:
    click.echo("# Building\n")
    setting = environment()
    click.echo("; ".join(f"{name} {value}" for name, value in setting.items()) + "\n")
    corpus = scratch / "corpus"
    if data is None:
        write_files(corpus, size.files, size.minutes)
    else:
        # only what can be built, so that all arms build the same
        planned = _plan(data, scratch).recordings
        repeat_files([entry.recording.path for entry in planned], corpus, 1)
    plan = _plan(corpus, scratch)
    click.echo(_describe(plan))
    rows: list[dict[str, Any]] = []
    ratios: list[Ratio] = []
    if npz:
        runs = _one_worker(plan, size.rounds, scratch)
        rows += _rows("one worker", runs)
        ratios += _one_worker_ratios(runs)
        _print_one_worker(runs, plan.hours)
    if workers:
        runs = _workers(plan, size, scratch)
        rows += _rows("workers", runs)
        ratios += _worker_ratios(runs)
        _print_workers(runs)
    if memory:
        peaks = _memory(size, scratch)
        rows += _rows("memory", {name: [run] for name, run in peaks.items()})
        ratios += _memory_ratios(peaks)
        _print_memory(peaks, size.memory_minutes)
    click.echo("\n## Targets\n")
    head = ["", "median", "range", "target", ""]
    click.echo(markdown(head, [ratio.row(judged=not size.small) for ratio in ratios]))
    return {
        "environment": setting,
        "size": vars(size),
        "rows": rows,
        "ratios": [{**vars(r), "value": r.value, "met": r.met} for r in ratios],
    }


def _plan(data: Path, scratch: Path) -> Plan:
    paths = {"paths.data": data, "paths.store": scratch}
    return make_plan(CONFIGS[DEFAULT].replace(**paths), SPLIT)


def _describe(plan: Plan) -> str:
    rates = [float(planned.sfreq) for planned in plan.recordings]
    counts = ", ".join(f"{rates.count(rate)} of {rate:g} Hz" for rate in sorted(set(rates)))
    megabytes = sum(planned.recording.path.stat().st_size for planned in plan.recordings) / 1e6
    return (
        f"{len(rates)} recordings ({counts}), {plan.hours:.2f} h of EEG, {megabytes:.0f} MB of "
        f"EDF, {plan.n_windows} windows of 60 s."
    )


def _in_turn(arms: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {name: [] for name in arms}
    for number in range(rounds):
        for name, arm in arms.items():
            run = arm()
            runs[name].append(run)
            click.echo(f"round {number + 1}: {name} {run.seconds:.1f} s", err=True)
    return runs


def _one_worker(plan: Plan, rounds: int, scratch: Path) -> dict[str, list[Run]]:
    paths = [planned.recording.path for planned in plan.recordings]
    warm_up = scratch / "warm-up"
    write_files(warm_up, 3, 2.0)
    same = same_windows(CONFIGS[FLOAT32], warm_up, scratch)
    click.echo(f"{NPZ} and '{FLOAT32}' hold the same windows and labels: {'yes' if same else 'NO'}")
    arms: dict[str, Callable[[], Run]] = {
        NPZ: partial(in_fresh_process, run_npz, paths, list(warm_up.rglob("*.edf")), scratch)
    }
    for name, config in CONFIGS.items():
        arms[name] = partial(in_fresh_process, run_store, config, plan.data, warm_up, scratch)
    return _in_turn(arms, rounds)


def _one_worker_ratios(runs: Mapping[str, Sequence[Run]]) -> list[Ratio]:
    def over(name: str, attribute: str) -> list[float]:
        pairs = zip(runs[NPZ], runs[name], strict=True)
        return [getattr(npz, attribute) / getattr(ours, attribute) for npz, ours in pairs]

    return [
        Ratio(f"times faster than NPZ: {INT16}", over(INT16, "seconds"), 10),
        Ratio(f"times faster than NPZ: {FLOAT32}", over(FLOAT32, "seconds"), 10),
        Ratio(f"times fewer bytes than NPZ: {INT16}", over(INT16, "bytes"), 12),
        Ratio(f"times fewer bytes than NPZ: {FLOAT32}", over(FLOAT32, "bytes"), 5),
        *(
            Ratio(
                f"share of time outside reading and signal processing: {name}",
                [_outside(run) for run in runs[name]], 0.25, at_least=False,
            )
            for name in CONFIGS
        ),
    ]  # fmt: skip


def _outside(run: Run) -> float:
    return 1 - (run.stages["read"] + run.stages["signal"]) / run.seconds


def _print_one_worker(runs: Mapping[str, Sequence[Run]], hours: float) -> None:
    head = [
        "",
        "s",
        "range",
        "s per h of EEG",
        "MB per h of EEG",
        "peak memory, MB",
        "cores taken by others",
    ]
    rows = [
        [
            name,
            f"{_median(of, 'seconds'):.2f}",
            _extremes([run.seconds for run in of]),
            f"{_median(of, 'seconds') / hours:.2f}",
            f"{of[0].bytes / 1e6 / hours:.1f}",
            f"{_median(of, 'peak') / 1e6:.0f}",
            _extremes([run.others for run in of]),
        ]
        for name, of in runs.items()
    ]
    click.echo("\n## One worker\n\n" + markdown(head, rows))
    click.echo("\nWhere the time goes, in seconds and per cent of the arm:\n")
    table = []
    for name, of in runs.items():
        stages = {stage: statistics.median(run.stages[stage] for run in of)
                  for stage in of[0].stages}  # fmt: skip
        elsewhere = statistics.median(run.seconds - sum(run.stages.values()) for run in of)
        total = _median(of, "seconds")
        for stage, seconds in {**stages, "elsewhere": elsewhere}.items():
            table.append([name, stage, f"{seconds:.2f}", f"{100 * seconds / total:.1f}"])
    click.echo(markdown(["", "stage", "s", "%"], table))


def _workers(plan: Plan, size: Size, scratch: Path) -> dict[str, list[Run]]:
    data = scratch / "copies"
    paths = [planned.recording.path for planned in plan.recordings]
    repeat_files(paths, data, size.copies)
    none, *clusters = WORKERS
    config = CONFIGS[INT16]
    arms: dict[str, Callable[[], Run]] = {
        none: partial(in_fresh_process, run_store, config, data, None, scratch)
    }
    for n_workers, name in enumerate(clusters, 1):
        arms[name] = partial(in_fresh_process, run_workers, config, data, n_workers, scratch)
    return _in_turn(arms, size.rounds)


def _worker_ratios(runs: Mapping[str, Sequence[Run]]) -> list[Ratio]:
    none, one, two = (runs[name] for name in WORKERS)

    def over(slow: Sequence[Run], fast: Sequence[Run], attribute: str) -> list[float]:
        pairs = zip(slow, fast, strict=True)
        return [getattr(a, attribute) / getattr(b, attribute) for a, b in pairs]

    return [
        Ratio("2 workers against 1", over(one, two, "seconds"), 1.7),
        Ratio("2 workers against 1, first to last recording", over(one, two, "steady")),
        Ratio("2 workers against no cluster", over(none, two, "seconds")),
    ]


def _print_workers(runs: Mapping[str, Sequence[Run]]) -> None:
    head = ["", "s", "range", "first to last recording, s", "work in all, s",
            "peak memory of one, MB", "cores taken by others"]  # fmt: skip
    rows = [
        [
            name,
            f"{_median(of, 'seconds'):.1f}",
            _extremes([run.seconds for run in of]),
            f"{_median(of, 'steady'):.1f}" if name != WORKERS[0] else "",
            f"{statistics.median(sum(run.stages.values()) for run in of):.1f}",
            f"{_median(of, 'peak') / 1e6:.0f}",
            _extremes([run.others for run in of]),
        ]
        for name, of in runs.items()
    ]
    click.echo(f"\n## Workers ({INT16})\n\n" + markdown(head, rows))


def _memory(size: Size, scratch: Path) -> dict[str, Run]:
    peaks = {}
    for sfreq, missing in size.memory_of:
        data = scratch / f"memory-{sfreq}-{len(missing)}"
        path = data / "edf" / "train" / "aaaaaaaa" / "aaaaaaaa_s001_t001.edf"
        rng = np.random.default_rng(0)
        write_recording(path, rng, round(60 * size.memory_minutes), sfreq, missing=missing)
        for name in (INT16, DEFAULT):
            run = in_fresh_process(run_store, CONFIGS[name], data, None, scratch)
            peaks[f"{sfreq} Hz{', Fz and Pz interpolated' if missing else ''}: {name}"] = run
        if missing:
            run = in_fresh_process(run_workers, CONFIGS[DEFAULT], data, 1, scratch)
            peaks[f"{sfreq} Hz, Fz and Pz interpolated: {DEFAULT}, in a Dask worker"] = run
    return peaks


def _print_memory(peaks: Mapping[str, Run], minutes: float) -> None:
    rows = [[name, f"{run.peak / 1e9:.2f}", f"{run.seconds:.1f}"] for name, run in peaks.items()]
    click.echo(f"\n## Memory of a worker, {minutes:g} minutes of {N_SIGNALS} signals\n")
    click.echo(markdown(["", "peak, GB", "s"], rows))


def _memory_ratios(peaks: Mapping[str, Run]) -> list[Ratio]:
    return [
        Ratio(f"peak memory in GB, {name}", [run.peak / 1e9], 1.5, at_least=False)
        for name, run in peaks.items()
        if name.startswith("512 Hz")
    ]


def _rows(part: str, runs: Mapping[str, Sequence[Run]]) -> list[dict[str, Any]]:
    return [
        {"part": part, "arm": name, "round": number, **vars(run)}
        for name, of in runs.items()
        for number, run in enumerate(of)
    ]


def _median(runs: Sequence[Run], attribute: str) -> float:
    return float(statistics.median(getattr(run, attribute) for run in runs))


def _extremes(values: Sequence[float]) -> str:
    return f"{min(values):.3g}-{max(values):.3g}"


if __name__ == "__main__":
    main()

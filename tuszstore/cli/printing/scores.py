"""Scores of predictions, as tables."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from tuszstore.cli.console import escaped, print_line, print_rows
from tuszstore.cli.verbosity import is_verbose
from tuszstore.evaluate.predictions import Predictions
from tuszstore.evaluate.scoring import Scores
from tuszstore.evaluate.summaries import Mean
from tuszstore.evaluate.tally import MEASURES, Tally
from tuszstore.rules import NAMES, OF_EVENTS
from tuszstore.units import clock

MERGED = (
    "Seizures of different classes that touch or overlap are one seizure in the total and by "
    "length, but one in each class."
)
"""Why there are more seizures by class than in total."""

_HEADS = ("sensitivity", "precision", "F1", "false alarms per day")


def show_scores(
    console: Console, predictions: Predictions, scores: Scores, against: Path | None = None
) -> None:
    """Print scores: what was scored, the totals of each rule, means over subjects, and groups.

    Parameters
    ----------
    console : Console
    predictions : Predictions
    scores : Scores
    against : Path, optional
        The reference, if it is not the annotation in the store.
    """
    reference = str(against) if against else "the annotation in the store"
    print_rows(console, str(predictions.path), [("reference", reference), *_rows(scores)])
    table = Table("rule", "hits", "misses", "false alarms", *_HEADS)
    for name, tally in scores.total.items():
        counts = (f"{count:.5g}" for count in (tally.hits, tally.misses, tally.false_alarms))
        numbers = [_number(tally, measure) for measure in MEASURES]
        if name not in OF_EVENTS:
            numbers[MEASURES.index("false_alarms_per_day")] = "-"
        table.add_row(NAMES[name], *counts, *numbers)
    console.print(table)
    if len(scores.subjects["szcore_events"]) > 1:
        means = scores.macro("szcore_events")
        table = Table("mean over subjects, 95 % interval", *_HEADS)
        table.add_row(NAMES["szcore_events"], *(_mean(means[name]) for name in MEASURES))
        console.print(table)
    groups = {**scores.classes, **scores.lengths}
    table = Table("seizures", "number", "found", "sensitivity (OVLP)")
    for name, entry in groups.items():
        if entry.seizures:
            share = f"{entry.found / entry.seizures:.3f}"
            table.add_row(escaped(name), str(entry.seizures), str(entry.found), share)
    if scores.seizures:
        console.print(table)
    if sum(entry.seizures for entry in scores.classes.values()) > scores.seizures:
        print_line(console, MERGED)
    if is_verbose():
        console.print(_by_recording(predictions, scores))
    reasons = {reason for tally in scores.total.values() for reason in tally.undefined.items()}
    for measure, reason in sorted(reasons):
        print_line(console, f"{measure} is undefined: {reason}")


def _by_recording(predictions: Predictions, scores: Scores) -> Table:
    """Return SzCORE's event counts for each recording."""
    table = Table("recording", "seizures", "hits", "misses", "false alarms", "predicted")
    table.columns[0].overflow = "fold"
    ids = predictions.recordings.id
    for row in sorted(set(range(len(ids))) - {case.row for case in scores.cases}):
        table.add_row(escaped(str(ids[row])), "not scored")
    for case in scores.cases:
        tally = case.count("szcore_events")
        counts = (f"{count:g}" for count in (tally.hits, tally.misses, tally.false_alarms))
        table.add_row(
            escaped(str(ids[case.row])),
            str(len(case.reference)),
            *counts,
            str(len(case.hypothesis)),
        )
    return table


def _rows(scores: Scores) -> list[tuple[str, str]]:
    rule, unlabelled = scores.rule, scores.unlabelled
    rows = [
        ("threshold", f"{rule.threshold:g}" if rule else "none"),
        ("recordings", str(scores.recordings)),
        ("time", clock(scores.seconds)),
        ("seizures", str(scores.seizures)),
        ("predicted events", str(scores.events)),
    ]
    if unlabelled:
        rows.append(("not scored", f"{unlabelled} recording{'s' * (unlabelled > 1)}, unlabelled"))
    if scores.ignored_seconds:
        rows.append(("ignored", clock(scores.ignored_seconds)))
    if scores.uncovered_seconds:
        rows.append(("without a prediction", clock(scores.uncovered_seconds)))
    if scores.median_latency is not None:
        rows.append(("median latency", f"{scores.median_latency:.1f} s"))
    return rows


def _number(tally: Tally, measure: str) -> str:
    value = getattr(tally, measure)
    if value is None:
        return "undefined"
    return f"{value:.2f}" if measure == "false_alarms_per_day" else f"{value:.3f}"


def _mean(mean: Mean) -> str:
    if mean.mean is None:
        return "undefined"
    if mean.low is None or mean.high is None:
        return f"{mean.mean:.3g} (1 subject)"
    return f"{mean.mean:.3g} ({mean.low:.3g} to {mean.high:.3g})"

"""Advice on a store that is unsuitable for training, or was not built.

Advice is given only on causes that were found, and never recommends a setting that is already set.
"""

from collections import Counter
from collections.abc import Sequence

from tuszstore.builder.report import NOTHING_BUILT, UNFIT, BuildReport
from tuszstore.config import Config, Labels
from tuszstore.corpus.annotations import CONVERT, NONE, OWN_FOLDER, USE_CORPUS, USE_OTHER
from tuszstore.corpus.base import LeftOut
from tuszstore.reasons import plural
from tuszstore.registry import ANNOTATIONS, CORPORA

KEY = "--set labels.annotation"
"""The option that chooses a format."""

_NAMED = 5


def advise(report: BuildReport, config: Config, *, planned: bool = False) -> list[str]:
    """Return why a store is unfit or was not built, and the solution; empty if all is well.

    Parameters
    ----------
    report : BuildReport
    config : Config
        Configuration of the build.
    planned : bool
        Whether the report is of a dry run.
    """
    if report.exit_status == NOTHING_BUILT:
        kinds = sorted((entry.kind for entry in report.left_out), key=lambda k: (k != "failed", k))
        counts = ", ".join(f"{count:,} {kind}" for kind, count in Counter(kinds).items())
        head = f"nothing {'would be' if planned else 'was'} built ({counts or 'no recordings'})"
        return [head, *_about_left_out(report.left_out, config.labels)]
    if report.exit_status != UNFIT:
        return []
    if report.windows == 0:
        return [_too_short(report, config)]
    return [
        "the store has no window with a seizure",
        *_about_seizures(report, config),
        *_about_left_out(report.left_out, config.labels),
    ]


def _too_short(report: BuildReport, config: Config) -> str:
    if report.recordings == 1:
        told = f"the only recording has {report.longest:g} s, which is shorter"
    else:
        told = (
            f"all {plural(report.recordings, 'recording')} are shorter (the longest has "
            f"{report.longest:g} s)"
        )
    return (
        f"the store has no window: {told} than windows.length ({config.windows.length:g} s). "
        "Choose a shorter one with --set windows.length=SECONDS"
    )


def _about_left_out(left_out: Sequence[LeftOut], labels: Labels) -> list[str]:
    """Return advice on excluded recordings, by cause."""
    told = []
    unlabelled = [entry.reason for entry in left_out if entry.kind == "unlabelled"]
    others = {kind: f"{USE_OTHER}{kind}" for kind in ANNOTATIONS}
    for kind, way_out in others.items():
        if any(reason.endswith(way_out) for reason in unlabelled):
            told.append(f"to read the .{kind} annotations of all recordings: {KEY}={kind}")
    corpora = {corpus: f"{USE_CORPUS}{corpus}" for corpus in CORPORA}
    for corpus, way_out in corpora.items():
        if any(reason.endswith(way_out) for reason in unlabelled):
            told.append(f"to read the existing annotations: --corpus {corpus}")
    for way_out in OWN_FOLDER.values():
        if any(reason.endswith(way_out) for reason in unlabelled):
            told.append(way_out)
    foreign = sum(reason.endswith(CONVERT) for reason in unlabelled)
    if foreign:
        told.append(
            "the existing annotations are in an unsupported format; to build without "
            "labels: --set labels.unlabelled=keep"
        )
    there = (*others.values(), *corpora.values(), *OWN_FOLDER.values(), CONVERT)
    without = [reason for reason in unlabelled if not reason.endswith(there)]
    if without and not foreign and labels.unlabelled != "keep":
        told.append("to build recordings without annotations: --set labels.unlabelled=keep")
    failed = [entry for entry in left_out if entry.kind == "failed"]
    broken = [entry for entry in failed if _is_of_annotation(entry, labels.annotation)]
    if broken:
        keep = "" if labels.unlabelled == "keep" else " --set labels.unlabelled=keep"
        told.append(
            f"{plural(len(broken), 'annotation file')} cannot be parsed: fix what the "
            f"reason names. If these files do not annotate seizures, build without them: "
            f"{KEY}={NONE}{keep}"
        )
    if n_rest := len(failed) - len(broken):
        told.append(
            f"{plural(n_rest, 'recording')} cannot be used for the "
            f"{'reason' if n_rest == 1 else 'reasons'} above"
        )
    return told


def _is_of_annotation(entry: LeftOut, kind: str) -> bool:
    """Return whether a reason begins with the name of an annotation file."""
    return entry.reason.partition(",")[0].partition(":")[0].endswith(f".{kind}")


def _about_seizures(report: BuildReport, config: Config) -> list[str]:
    labels = config.labels
    if report.seizures:
        one = report.short == 1
        short = f"; {plural(report.short, 'recording')} {'is' if one else 'are'} shorter than that"
        return [
            f"{plural(report.seizures, 'seizure')} {'is' if report.seizures == 1 else 'are'} "
            f"annotated, but no window of {config.windows.length:g} s contains any"
            f"{short if report.short else ''}"
        ]
    if report.events:
        names = list(report.events)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return [
            f"no class of the events counts as a seizure: {', '.join(names[:_NAMED])}{more}; one "
            f"that does must be in labels.seizure, which is {', '.join(labels.seizure) or 'empty'}"
        ]
    return [
        "the annotations have no events except background; they were read as "
        f"{labels.annotation} (labels.annotation)"
    ]

"""What to do about a store that came out unfit for training, or not at all.

Advice is given for a cause that was seen, never for one that could be, and never for a setting that
is set already.
"""

from collections import Counter
from collections.abc import Sequence

from tuszstore.build.reasons import plural
from tuszstore.build.report import NOTHING_BUILT, UNFIT, BuildReport
from tuszstore.config import Config, Labels
from tuszstore.corpus.layout import LeftOut

OTHER_ANNOTATION = "; an annotation of another kind lies beside: "
"""Between why a recording is unlabelled, and the kinds of annotations that lie beside it."""

_NAMED = 5


def advise(report: BuildReport, config: Config) -> list[str]:
    """Return why a store is unfit or was not built, and the way out; nothing if all is well.

    Parameters
    ----------
    report : BuildReport
    config : Config
        With which it was built.
    """
    if report.exit_status == NOTHING_BUILT:
        kinds = sorted((entry.kind for entry in report.left_out), key=lambda k: (k != "failed", k))
        counts = ", ".join(f"{count:,} {kind}" for kind, count in Counter(kinds).items())
        head = f"nothing was built ({counts or 'no recordings'})"
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
    """Return advice on recordings that are left out, by the cause."""
    told = []
    unlabelled = [entry.reason for entry in left_out if entry.kind == "unlabelled"]
    beside = [reason for reason in unlabelled if OTHER_ANNOTATION in reason]
    kinds = {kind for reason in beside for kind in reason.rpartition(OTHER_ANNOTATION)[2].split()}
    for kind in sorted(kind.strip(".,") for kind in kinds):
        told.append(f"to read the annotations .{kind}: --set labels.annotation={kind}")
    if len(unlabelled) > len(beside) and labels.unlabelled != "keep":
        told.append("to build recordings without annotations: --set labels.unlabelled=keep")
    failed = [entry for entry in left_out if entry.kind == "failed"]
    foreign = [entry for entry in failed if _is_of_annotation(entry, labels.annotation)]
    if foreign:
        keep = "" if labels.unlabelled == "keep" else " --set labels.unlabelled=keep"
        other = next(kind for kind in ("csv_bi", "csv") if kind != labels.annotation)
        told.append(
            f"{plural(len(foreign), 'annotation file')} cannot be understood: repair what the "
            f"reason names. If such files are no annotations, read .{other} instead, and build "
            f"recordings without: --set labels.annotation={other}{keep}"
        )
    if len(failed) > len(foreign):
        told.append(
            f"{plural(len(failed) - len(foreign), 'recording')} cannot be used for the "
            f"{'reason' if len(failed) - len(foreign) == 1 else 'reasons'} above"
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
            f"annotated, and no window of {config.windows.length:g} s holds any"
            f"{short if report.short else ''}"
        ]
    if report.events:
        names = list(report.events)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return [
            f"no class of the events is in labels.seizure: {', '.join(names[:_NAMED])}{more}; "
            "check labels.seizure"
        ]
    return [
        "no annotation has an event but background; check labels.annotation "
        f"({labels.annotation}), and that the annotation files belong to this corpus"
    ]

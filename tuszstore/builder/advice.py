"""What to do where nothing could be built: advice that follows from the reasons."""

from collections.abc import Sequence

from tuszstore.corpus.annotations import CONVERT, READERS, USE_OTHER
from tuszstore.corpus.layout import LeftOut


def advise(left_out: Sequence[LeftOut]) -> str:
    """Return what can be done about recordings that are left out; empty where each reason says it.

    Parameters
    ----------
    left_out : sequence of LeftOut
    """
    reasons = [entry.reason for entry in left_out if entry.kind == "unlabelled"]
    for kind in READERS:
        if any(reason.endswith(f"{USE_OTHER}{kind}") for reason in reasons):
            return f"To read the .{kind} annotations that are there: --set labels.annotation={kind}"
    if any(reason.endswith(CONVERT) for reason in reasons):
        return (
            "The annotations that are there are in a format that is not read; to build without "
            "labels: --set labels.unlabelled=keep"
        )
    if reasons:
        return "To build recordings without annotations: --set labels.unlabelled=keep"
    return ""

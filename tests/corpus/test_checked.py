"""Whatever a plug-in returns or raises, a build gets what the protocol says, or a reason."""

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuszstore.corpus.annotations import Annotation, Event, Looked
from tuszstore.corpus.base import (
    Discovery,
    Files,
    LeftOut,
    Recording,
    Source,
    SourceFacts,
    SourceSignal,
)
from tuszstore.corpus.checked import CheckedCorpus
from tuszstore.errors import CorpusError, RecordingError

RECORDING = Recording("a.npy", Path("/c/a.npy"), "", "a")
GOOD = {
    "recordings": Discovery([RECORDING]),
    "find": RECORDING,
    "files": Files((Path("/c/a.npy"),)),
    "facts": SourceFacts((SourceSignal("F3", Fraction(256), 100),), datetime(2020, 1, 1), "real"),
    "signal": Source(np.zeros((1, 100)), Fraction(256)),
    "annotation": Annotation((Event("TERM", 1.0, 2.0, "seiz", 1.0, 1),), None, "0" * 64),
}
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "recordings": (), "find": ("a.npy",), "files": (RECORDING,), "facts": (RECORDING,),
    "signal": (RECORDING, [0]), "annotation": (RECORDING,),
}  # fmt: skip


class Fake:
    """A plug-in that does what it is told."""

    name, version, patient_namespace = "fake", 1, ""

    def __init__(self, **answers: Any) -> None:
        self._answers = {**GOOD, **answers}

    def __getattr__(self, method: str) -> Any:
        if method not in ARGUMENTS:
            raise AttributeError(method)

        def call(*_: Any) -> Any:
            answer = self._answers[method]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return call


def call(method: str, answer: Any) -> Any:
    corpus: Any = Fake(**{method: answer})
    return getattr(CheckedCorpus(corpus, "fake"), method)(*ARGUMENTS[method])


@pytest.mark.parametrize("method", GOOD)
def test_what_is_right_passes_as_it_is(method: str) -> None:
    assert call(method, GOOD[method]) is GOOD[method]


@pytest.mark.parametrize("method", GOOD)
@pytest.mark.parametrize(
    "error", [KeyError("gone"), ZeroDivisionError(), RecursionError("deep"), AssertionError("x")]
)
def test_what_is_raised_names_plug_in_and_method(method: str, error: Exception) -> None:
    with pytest.raises((CorpusError, RecordingError)) as caught:
        call(method, error)
    assert f"corpus 'fake': {method}() failed: {type(error).__name__}" in str(caught.value)


@pytest.mark.parametrize("method", GOOD)
def test_a_reason_passes(method: str) -> None:
    with pytest.raises(RecordingError, match=r"^a\.npy: no$"):
        call(method, RecordingError("a.npy: no"))


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.binary(max_size=5),
    st.just(Path("x")), st.just(()), st.just({}), st.just(np.zeros(3)), st.just([RECORDING]),
)  # fmt: skip


@given(method=st.sampled_from(sorted(GOOD)), answer=ANYTHING)
def test_another_type_is_named(method: str, answer: Any) -> None:
    with pytest.raises((CorpusError, RecordingError), match=rf"corpus 'fake': {method}\(\) must"):
        call(method, answer)


FIELDS = {
    "find": ["id", "path", "folder", "patient", "session", "montage", "reference", "corpus"],
    "facts": ["signals", "clock", "start", "mains_from", "cut_off", "timeline"],
    "signal": ["volts"],
    "annotation": ["events", "digest", "file", "outside"],
    "files": ["signal"],
}


@given(data=st.data())
def test_a_field_of_another_type_is_named(data: st.DataObject) -> None:
    method = data.draw(st.sampled_from(sorted(FIELDS)))
    field = data.draw(st.sampled_from(FIELDS[method]))
    value = data.draw(ANYTHING.filter(lambda v: type(v) is not type(getattr(GOOD[method], field))))
    if (value is None and field == "start") or (isinstance(value, tuple) and field == "events"):
        return  # which are right
    with pytest.raises((CorpusError, RecordingError), match=f"corpus 'fake': {method}"):
        call(method, replace(GOOD[method], **{field: value}))


times = st.floats(allow_nan=True, allow_infinity=True)


@given(onset=times, offset=times)
@example(onset=1.0, offset=float("nan"))
@example(onset=float("nan"), offset=float("nan"))
def test_times_are_finite_and_in_order(onset: float, offset: float) -> None:
    answer = replace(GOOD["annotation"], events=(Event("TERM", onset, offset, "seiz", 1.0, 1),))
    # an end that nobody tells is no number
    right = 0 <= onset <= 1e10 and (offset != offset or onset <= offset <= 1e10)
    if right:
        assert call("annotation", answer) is answer
    else:
        with pytest.raises(RecordingError, match="corpus 'fake': annotation"):
            call("annotation", answer)


@pytest.mark.parametrize(
    "volts",
    [np.zeros((2, 100)), np.zeros(100), np.zeros((1, 100), np.float32), [[0.0]],
     np.zeros((1, 100), complex), np.zeros((1, 100), object)],
    ids=["more signals", "one axis", "float32", "a list", "complex", "objects"],
)  # fmt: skip
def test_volts_are_float64_of_the_signals_asked_for(volts: Any) -> None:
    with pytest.raises(RecordingError, match="must return"):
        call("signal", Source(volts, Fraction(256)))


def test_two_recordings_of_one_id_are_refused() -> None:
    with pytest.raises(CorpusError, match=r"two recordings have the id 'a\.npy'"):
        call("recordings", Discovery([RECORDING, RECORDING]))


@pytest.mark.parametrize("entry", ["a", None, RECORDING])
def test_what_is_left_out_has_a_reason(entry: Any) -> None:
    with pytest.raises(CorpusError, match="LeftOut"):
        call("recordings", Discovery([RECORDING], [entry]))
    assert call("recordings", Discovery([], [LeftOut("b", "why", "failed")])).left_out


EVENT = Event("TERM", 1.0, 2.0, "seiz", 1.0, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"events": (replace(EVENT, offset=float("nan")),)},
        {"raters": ("A", "B"), "events": (replace(EVENT, rater="B"),)},
        {"raters": ("", "A"), "looked": (Looked("A", 0.0, float("inf")), Looked("A", 3.0, 3.0))},
        {"raters": ("A",), "events": ()},
    ],
)
def test_raters_and_open_ends_are_let_pass(changes: dict[str, Any]) -> None:
    answer = replace(GOOD["annotation"], **changes)
    assert call("annotation", answer) is answer


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"events": (replace(EVENT, onset=float("nan")),)}, "finite times"),
        ({"events": (replace(EVENT, offset=float("inf")),)}, "finite times"),
        ({"raters": ("A",)}, "events of its raters"),
        ({"raters": (), "events": ()}, "each rater once"),
        ({"raters": ("", "")}, "each rater once"),
        ({"raters": ("", "majority")}, "raters with names other than any, majority, all"),
        ({"raters": ("", "A,B")}, "raters with names other"),
        ({"raters": ("", "?")}, "raters with names other"),
        ({"raters": ("", 1)}, "texts as notes and raters"),
        ({"looked": [Looked("", 0, 1)]}, "a tuple of Looked"),
        ({"looked": (("", 0, 1),)}, "Looked of its raters"),
        ({"looked": (Looked("B", 0, 1),)}, "Looked of its raters"),
        ({"looked": (Looked("", 2, 1),)}, "stretches that end later"),
        ({"looked": (Looked("", float("nan"), 1),)}, "stretches that end later"),
    ],
)
def test_raters_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(RecordingError, match=f"corpus 'fake': annotation.* must return {told}"):
        call("annotation", replace(GOOD["annotation"], **changes))


@pytest.mark.parametrize("mains", [50, 60.0, None])
def test_a_frequency_of_the_mains_passes(mains: Any) -> None:
    assert call("facts", replace(GOOD["facts"], mains=mains)).mains == mains


@pytest.mark.parametrize("mains", [0, -50, float("nan"), float("inf"), "50", True, [50]])
def test_mains_of_no_frequency_are_refused(mains: Any) -> None:
    with pytest.raises(RecordingError, match=r"'fake': facts\(\) must return a frequency"):
        call("facts", replace(GOOD["facts"], mains=mains))

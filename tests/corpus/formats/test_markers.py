"""Spans from starts, ends and texts with a duration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.corpus.formats.markers import Marker, Patterns, Span, spans_of
from tuszstore.errors import AnnotationError
from tuszstore.patterns import matcher

PATTERNS = Patterns(starts=("sz onset*", "re:crise d[ée]but"), ends=("sz offset",), spans=("sz_*",))


def markers(*given: tuple[float, str] | tuple[float, str, float]) -> list[Marker]:
    return [
        Marker(onset, rest[0] if rest else None, text, line)
        for line, (onset, text, *rest) in enumerate(given, start=2)
    ]


def found(*given: tuple[float, str] | tuple[float, str, float], **options: bool) -> list[Span]:
    return list(spans_of(markers(*given), PATTERNS, "a.tsv", **options).spans)


def test_starts_and_ends_in_any_order() -> None:
    spans = found((50, "sz offset"), (40, "SZ ONSET left", 0), (10, "eyes open"), (60, "sz_foc", 5))
    assert spans == [Span(40, 50, "SZ ONSET left", 3), Span(60, 65, "sz_foc", 5)]


def test_markers_at_the_same_time_keep_their_order() -> None:
    assert found((1, "sz onset"), (5, "sz offset"), (5, "sz onset"), (5, "sz offset")) == [
        Span(1, 5, "sz onset", 2),
        Span(5, 5, "sz onset", 4),
    ]


@pytest.mark.parametrize(
    ("text", "meets"),
    [
        ("sz", True), ("SZ_foc", True), ("bsz", False), ("crise début", True),
        ("Crise debut", True), ("crise debut!", False), ("sz\nfoc", True),
        ("sz" + "x" * 2000, False),
    ],
)  # fmt: skip
def test_patterns(text: str, meets: bool) -> None:
    assert matcher(["sz*", "re:crise d[ée]but"])(text) is meets


def test_no_patterns_meet_nothing() -> None:
    assert not matcher([])("")


def test_a_wrong_regular_expression_is_named() -> None:
    with pytest.raises(ValueError, match=r"^'re:\(' is not a regular expression: "):
        matcher(["re:("])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (
            ((1, "sz onset"), (2, "sz onset")),
            ", line 3: second start .'sz onset'., but that",
        ),
        (((1, "sz onset"),), ", line 2: 'sz onset' at 1 s has no end"),
        (((1, "sz offset"),), ", line 2: 'sz offset' at 1 s has no start before it"),
        (((1, "sz_foc"),), ", line 2: 'sz_foc' at 1 s has no end"),
        (((2, "sz_foc", -1),), r", line 2: event ends \(1 s\) before it starts \(2 s\)"),
    ],
)
def test_what_does_not_pair_names_the_line(
    given: tuple[tuple[float, str], ...], reason: str
) -> None:
    with pytest.raises(AnnotationError, match=f"^a.tsv{reason}"):
        found(*given)


def test_a_text_of_two_kinds_is_refused() -> None:
    both = Patterns(starts=("sz*",), ends=("*end",))
    with pytest.raises(
        AnnotationError, match=r"^a, record 2: 'sz end' matches patterns of a start and"
    ):
        spans_of(markers((1, "sz end")), both, "a", unit="record")


def test_open_ends_are_kept_where_they_are_wanted() -> None:
    given = ((2, "sz onset"), (3, "sz offset"), (4, "sz_x"), (9, "sz onset"))
    assert [(span.onset, span.offset) for span in found(*given, open_end=True)] == [
        (2, 3),
        (4, None),
        (9, None),
    ]
    with pytest.raises(AnnotationError, match=r"no start before it$"):
        found((1, "sz offset"), open_end=True)
    with pytest.raises(AnnotationError, match=r", line 3: second start .'sz onset'., but that"):
        found((1, "sz onset"), (2, "sz onset"), (3, "sz offset"), open_end=True)


def test_where_no_text_is_an_end_every_start_is_open() -> None:
    given, patterns = markers((1, "onset"), (2, "onset")), Patterns(starts=("onset",))
    assert [
        (span.onset, span.offset) for span in spans_of(given, patterns, "a", open_end=True).spans
    ] == [
        (1, None),
        (2, None),
    ]
    with pytest.raises(AnnotationError, match=r"^a, line 3: second start"):
        spans_of(given, patterns, "a")


def test_a_start_is_no_span() -> None:
    patterns = Patterns(starts=("* onset",), ends=("* offset",), spans=("sz*",))
    given = markers((1, "sz onset", 0), (4, "sz offset", 0), (6, "sz_gen", 2))
    assert [(span.onset, span.offset) for span in spans_of(given, patterns, "a").spans] == [
        (1, 4),
        (6, 8),
    ]


def test_what_lies_before_the_recording() -> None:
    result = spans_of(
        markers((-9, "sz_a", 4), (-3, "sz_b", 5), (-2, "sz onset"), (1, "sz offset")), PATTERNS, "a"
    )
    assert result.spans == (Span(0, 2, "sz_b", 3), Span(0, 1, "sz onset", 4))
    assert result.notes == (
        "'sz_a' is before the recording: dropped",
        "'sz_b' begins 3 s before the recording: clipped",
        "'sz onset' begins 2 s before the recording: clipped",
    )


@given(st.lists(st.integers(0, 10**6), unique=True).map(sorted), st.randoms())
def test_pairs_are_read_back_in_any_order(times: list[int], random: object) -> None:
    pairs = list(zip(times[::2], times[1::2], strict=False))
    given = [(onset, "sz onset") for onset, _ in pairs] + [(end, "sz offset") for _, end in pairs]
    random.shuffle(given)  # type: ignore[attr-defined]
    assert [(span.onset, span.offset) for span in found(*given)] == pairs


TEXTS = st.sampled_from(["sz onset", "sz offset", "sz_a", "x"]) | st.text(max_size=5)
ANY = st.builds(
    Marker,
    st.floats(-100, 100),
    st.none() | st.floats(0, 100),
    TEXTS,
    st.integers(1, 99),
)


@given(st.lists(ANY), st.booleans())
def test_any_markers_give_spans_within_the_recording_or_are_refused(
    given: list[Marker], open_end: bool
) -> None:
    try:
        result = spans_of(given, PATTERNS, "a", open_end=open_end)
    except AnnotationError:
        return
    assert all(span.onset >= 0 for span in result.spans)
    assert all(span.offset is None or span.offset >= span.onset for span in result.spans)
    assert open_end or all(span.offset is not None for span in result.spans)

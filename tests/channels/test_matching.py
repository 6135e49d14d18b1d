"""Names of channels in a table, and the labels of a file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.channels.matching import match_names

REFERENTIAL = ("Fp1-Avg", "F7-Avg", "T3-Avg", "EKG1", "BTEleft SD")
BIPOLAR = ("FP1-F7", "T7-P7", "T8-P8", "T8-P8", "-", "ECG")
CS2 = tuple(f"{name}-Pz" for name in ("Fp1", "F3", "C3", "P3", "F7", "T3", "T5", "O1", "Cz"))


@pytest.mark.parametrize(
    ("name", "labels", "numbers"),
    [
        ("Fp1-Avg", REFERENTIAL, (0,)),
        ("FP1", REFERENTIAL, (0,)),
        ("EEG Fp1-Ref", REFERENTIAL, (0,)),
        ("t7", REFERENTIAL, (2,)),
        ("BTEleft_SD", REFERENTIAL, (4,)),
        ("bteleft  sd", REFERENTIAL, (4,)),
        ("Fp1-F7", REFERENTIAL, ()),
        ("O2", REFERENTIAL, ()),
        ("Fp1-F7", BIPOLAR, (0,)),
        ("F7-Fp1", BIPOLAR, (0,)),
        ("T4-T6", BIPOLAR, (2, 3)),
        ("T7", BIPOLAR, ()),
        ("T7-Ref", BIPOLAR, ()),
        ("-", BIPOLAR, (4,)),
        ("C3", CS2, (2,)),
        ("EEG C3-REF", CS2, (2,)),
        ("C3-Cz", CS2, ()),
    ],
)
def test_names_and_labels(name: str, labels: tuple[str, ...], numbers: tuple[int, ...]) -> None:
    assert match_names([name], labels) == {name: numbers}


def test_the_nearest_spelling_wins() -> None:
    labels = ("EEG Fp1-Ref", "Fp1", "FP1")
    assert match_names(["Fp1"], labels) == {"Fp1": (1,)}
    assert match_names(["fp1"], labels) == {"fp1": (1, 2)}
    assert match_names(["FP1-REF"], labels) == {"FP1-REF": (0,)}


NAMES = st.sampled_from([*REFERENTIAL, *BIPOLAR, *CS2, "", " ", "x"]) | st.text(max_size=6)


@given(st.lists(NAMES), st.lists(NAMES))
def test_whatever_is_asked_for_is_answered(names: list[str], labels: list[str]) -> None:
    found = match_names(names, labels)
    assert set(found) == set(names)
    for name, numbers in found.items():
        assert all(0 <= number < len(labels) for number in numbers)
        same = tuple(n for n, label in enumerate(labels) if label == name)
        assert set(same) <= set(numbers)

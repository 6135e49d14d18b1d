"""Channels: what they are made of, the built-in sets, and how one is made of others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.channels.derivations import Channel
from tuszstore.channels.names import CHANNELS, SYNONYMS, canonical
from tuszstore.channels.recipes import find_recipe
from tuszstore.channels.sets import SETS, check_distinct, derivable_sets, parse_channels

BANANA = (
    "FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 "
    "FP2-F8 F8-T8 T8-P8 P8-O2 FZ-CZ CZ-PZ"
)
TCP = (
    "FP1-F7 F7-T3 T3-T5 T5-O1 FP2-F8 F8-T4 T4-T6 T6-O2 A1-T3 T3-C3 C3-CZ CZ-C4 C4-T4 T4-A2 "
    "FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2"
)

electrodes = st.sampled_from(CHANNELS)


@pytest.mark.parametrize(
    ("text", "name", "anode", "cathode"),
    [
        ("Fp1", "Fp1", "Fp1", None),
        ("FP1", "Fp1", "Fp1", None),
        ("T7-P7", "T3-T5", "T3", "T5"),
        ("ft9-FT10", "FT9-FT10", "FT9", "FT10"),
        ("C3-avg", "C3-avg", "C3", "avg"),
        ("C3-AVG", "C3-avg", "C3", "avg"),
        (" fp1 -  F7", "Fp1-F7", "Fp1", "F7"),
        ("left - right", "left - right", "left - right", None),
        ("BTEleft SD", "BTEleft SD", "BTEleft SD", None),
        ("  EKG   1 ", "EKG 1", "EKG 1", None),
        ("EKG1-CHIN", "EKG1-CHIN", "EKG1-CHIN", None),
        ("LOC-ROC", "LOC-ROC", "LOC-ROC", None),
    ],
)
def test_what_a_text_means(text: str, name: str, anode: str, cathode: str | None) -> None:
    assert Channel.parse(text) == Channel(name, anode, cathode)


@pytest.mark.parametrize("text", ["", "  ", "x" * 81, "T3-T7", "Fz-FZ"])
def test_what_is_no_channel(text: str) -> None:
    with pytest.raises(ValueError, match=r"characters|minus itself"):
        Channel.parse(text)


def test_sets_are_the_montages_by_their_electrodes() -> None:
    identities = {name: [channel.identity for channel in SETS[name]] for name in SETS}
    assert identities["double_banana"] == [Channel.parse(t).identity for t in BANANA.split()]
    tcp = [Channel.parse(text).identity for text in TCP.split()]
    assert identities["tcp"] == tcp
    assert identities["tcp_a"] == [i for i in tcp if not {"A1", "A2"} & set(i)]
    assert [name for name, _ in identities["10-20"]] == list(CHANNELS)
    assert [name for name, _ in identities["10-20+A"]] == [*CHANNELS, "A1", "A2"]
    for channels in SETS.values():
        check_distinct(channels)


def test_which_sets_can_be_made_of_channels() -> None:
    assert list(derivable_sets(SETS["10-20"])) == ["double_banana", "tcp_a"]
    assert list(derivable_sets(SETS["10-20+A"])) == ["10-20", "double_banana", "tcp", "tcp_a"][1:]
    assert list(derivable_sets(SETS["double_banana"])) == []
    assert [len(r) for r in derivable_sets(SETS["10-20"])["tcp_a"]] == [2] * 20


def test_lists_and_unknown_sets() -> None:
    assert [c.name for c in parse_channels(["Fp1", "F7-T7"])] == ["Fp1", "F7-T3"]
    with pytest.raises(ValueError, match=r"unknown set of channels 'banana'.*double_banana"):
        parse_channels("banana")
    with pytest.raises(ValueError, match="did you mean 'double_banana'"):
        parse_channels("double-banana")
    with pytest.raises(ValueError, match="'10-20' is a set of channels: use it alone"):
        parse_channels(["Fp1-F7", "10-20"])
    with pytest.raises(ValueError, match="must be text, not 61; put it in quotes"):
        parse_channels(["Fp1", 61])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="given twice"):
        parse_channels(["T3", "T7"])
    with pytest.raises(ValueError, match="no channels"):
        parse_channels([])


@pytest.mark.parametrize("new", SYNONYMS)
def test_synonyms_are_one_electrode(new: str) -> None:
    assert canonical(new) == canonical(new.lower()) == SYNONYMS[new]


@given(st.permutations(CHANNELS), electrodes, electrodes)
def test_differences_are_those_of_two_rows(order: list[str], anode: str, cathode: str) -> None:
    if anode == cathode:
        return
    wanted = Channel.parse(f"{anode}-{cathode}")
    data = np.arange(1.0, 20.0)
    recipe = find_recipe(wanted, [Channel.parse(name) for name in order])
    assert recipe is not None
    expected = data[order.index(anode)] - data[order.index(cathode)]
    assert sum(factor * data[row] for row, factor in recipe) == expected


def test_a_native_difference_comes_before_one_that_is_made() -> None:
    there = [Channel.parse(text) for text in ("T3", "T5", "T5-T3", "O1-avg", "O2-avg")]
    assert find_recipe(Channel.parse("T5-T3"), there) == ((2, 1.0),)
    assert find_recipe(Channel.parse("P7-T7"), there) == ((2, 1.0),)
    assert find_recipe(Channel.parse("T7-P7"), there) == ((2, -1.0),)
    assert find_recipe(Channel.parse("O1-O2"), there) == ((3, 1.0), (4, -1.0))
    assert find_recipe(Channel.parse("O1-T3"), there) is None  # two references
    assert find_recipe(Channel.parse("Cz"), there) is None


@given(st.lists(electrodes, min_size=1, unique=True), electrodes)
def test_the_average_is_that_of_its_electrodes(averaged: list[str], anode: str) -> None:
    there = [Channel.parse(name) for name in CHANNELS]
    data = np.arange(1.0, 20.0)
    recipe = find_recipe(Channel.parse(f"{anode}-avg"), there, averaged)
    assert recipe is not None
    mean = np.mean([data[CHANNELS.index(name)] for name in averaged])
    found = sum(factor * data[row] for row, factor in recipe)
    assert found == pytest.approx(data[CHANNELS.index(anode)] - mean)

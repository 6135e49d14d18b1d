"""Channels that are wanted, made of the signals of a file by their labels."""

import random
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.channels.electrodes_oracle import match_channels, require_channels
from tests.channels.test_channels import BANANA as MONTAGE
from tuszstore.channels.labels import describe_labels, reference_key
from tuszstore.channels.names import CHANNELS, SYNONYMS, canonical
from tuszstore.channels.reasons import why_not_derived
from tuszstore.channels.resolve import Resolution, resolve
from tuszstore.channels.sets import SETS, TEN_TWENTY, parse_channels
from tuszstore.errors import RecordingError

BANANA = MONTAGE.split()
CHB = [*BANANA, "P7-T7", "T7-FT9", "FT9-FT10", "FT10-T8", "T8-P8"]
DUMMIES = ["-", ".", "--0", "--1", "ECG", "EKG1-CHIN", "VNS", "LOC-ROC", "", "EDF Annotations"]
NEWER = {old: new for new, old in SYNONYMS.items()}

electrodes = st.sampled_from(CHANNELS)
channel_lists = st.lists(
    st.one_of(
        electrodes,
        st.lists(electrodes, min_size=2, max_size=2, unique=True).map("-".join),
        electrodes.map("{}-avg".format),
    ),
    min_size=1,
    max_size=12,
)


def potentials(*names: str) -> dict[str, float]:
    """Return a potential of each electrode; no two differences of them are equal."""
    return {name: float(2**k) for k, name in enumerate(names)}


def made(found: Resolution, signals: list[float]) -> list[float]:
    """Return channels as they are made of signals, none of them interpolated."""
    assert not found.missing
    return [sum(factor * signals[n] for n, factor in terms) for terms in found.terms]


def terms(labels: list[str], *wanted: str, **options: object) -> dict[str, dict[str, float]]:
    """Return labels and factors of which channels are made."""
    found = resolve(labels, parse_channels(wanted), **options)  # type: ignore[arg-type]
    rows = [*labels, *(f"({name})" for name in found.missing)]
    return {
        name: {rows[number]: factor for number, factor in terms}
        for name, terms in zip(wanted, found.terms, strict=True)
    }


def reason(labels: list[str], wanted: object, **options: object) -> str:
    with pytest.raises(RecordingError) as error:
        resolve(labels, parse_channels(wanted), **options)  # type: ignore[arg-type]
    return str(error.value)


@pytest.mark.parametrize(
    ("labels", "wanted", "expected"),
    [
        pytest.param(["F7-T7"], "F7-T3", {"F7-T7": 1}, id="synonym"),
        pytest.param(["EEG F7-T3"], "F7-T7", {"EEG F7-T3": 1}, id="prefix, older name"),
        pytest.param(["p7-t7"], "T7-P7", {"p7-t7": -1}, id="upside down"),
        pytest.param(["P7-T7", "T7-P7"], "T7-P7", {"T7-P7": 1}, id="as it is comes first"),
        pytest.param([" fp1 - f7 "], "Fp1-F7", {" fp1 - f7 ": 1}, id="blanks"),
        pytest.param(["T8-P8-0", "T8-P8-1"], "T8-P8", {"T8-P8-0": 1}, id="numbered"),
        pytest.param(["T1-F7"], "F7-T1", {"T1-F7": -1}, id="without a position"),
        pytest.param(["PZ-OZ"], "Pz-Oz", {"PZ-OZ": 1}, id="10-10"),
        *(
            pytest.param(
                [form.format("F7"), "T7-Imp", form.format("T7")],
                "F7-T3",
                {form.format("F7"): 1, form.format("T7"): -1},
                id=form,
            )
            for form in (
                "{}", "EEG {}", "EEG {}-REF", "{}-Ref", "EEG {}-LE", "{}-AR", "{}-Avg", "{}-CS2",
                "EEG {}-A1A2", "{}-M1M2", "{}-(A1+A2)/2", "{}-Pz", "{}-A1", "POL {}", "{}..",
            )
        ),
        pytest.param(
            ["T1-REF", "T2-REF"], "T1-T2", {"T1-REF": 1, "T2-REF": -1}, id="no positions, reference"
        ),
        pytest.param(["F7-REF", "F7-T7", "T7-REF"], "F7-T7", {"F7-T7": 1}, id="native first"),
        pytest.param(
            ["F7", "T7-Avg", "F7-Avg"], "F7-T7", {"F7-Avg": 1, "T7-Avg": -1}, id="one reference"
        ),
        pytest.param(["EEG Fp1-Avg"], "Fp1-avg", {"EEG Fp1-Avg": 1}, id="against the average"),
        pytest.param(["x", "BTEleft  SD"], "bteLEFT SD", {"BTEleft  SD": 1}, id="label"),
        pytest.param(["ECG", "F7-REF"], "F7-REF", {"F7-REF": 1}, id="label with a reference"),
        pytest.param(["FZ-CZ", "CZ"], "Fz-Cz", {"FZ-CZ": 1}, id="a bare one beside"),
    ],
)  # fmt: skip
def test_what_a_channel_is_made_of(
    labels: list[str], wanted: str, expected: dict[str, float]
) -> None:
    assert terms([*DUMMIES, *labels], wanted)[wanted] == expected
    assert terms([*labels, *DUMMIES], wanted)[wanted] == expected


@pytest.mark.parametrize(
    ("labels", "wanted", "told"),
    [
        pytest.param(
            ["F7-REF", "T7-LE"],
            ["F7-T7"],
            "derivation cannot be computed: F7-T3; the file has 2 electrodes (F7, T7)",
            id="two references of TUSZ",
        ),
        pytest.param(
            ["F7-Avg", "T7-CS2"],
            ["F7-T7"],
            "derivation cannot be computed: F7-T3; the file has 1 electrode (F7) against AVG and 1 "
            "electrode (T7) against CS2, and both electrodes of a derivation must be against one "
            "reference",
            id="two references",
        ),
        pytest.param(
            CHB,
            ["Fp1", "F7-T7"],
            "channel is missing: Fp1; the file has 23 bipolar derivations (FP1, ",
            id="an electrode of differences",
        ),
        pytest.param(
            CHB, ["Fp1-F4", "F7-T7", "Fp2-O2"], "derivations cannot be computed: Fp1-F4, Fp2-O2; "
            "the file has 23 bipolar derivations", id="others",
        ),
        pytest.param(["F7-T7"], ["ECG"], "no signal has the label 'ECG'; the file has", id="label"),
        pytest.param(
            ["F7-Harry", "T7-Harry", "Harry"],
            ["F7-T7"],
            "derivation cannot be computed: F7-T3; the file has 2 signals of an electrode with "
            "unknown reference and 1 signal without an electrode's name; if all have the same "
            "reference, name it in channels.references",
            id="unknown reference",
        ),
        pytest.param(
            [f"EEG {name}-REF" for name in CHANNELS if name not in ("Fz", "Pz")],
            "double_banana",
            "derivations cannot be computed: Fz-Cz, Cz-Pz; the file has 17 electrodes (Fp1, F3, "
            "C3, P3, ...); to interpolate them, add Fz, Pz to channels.interpolate",
            id="17",
        ),
        pytest.param(["Fp1-Imp", "Fp1-SD"], ["Fp1-avg"], "derivation cannot be computed: Fp1-avg",
                     id="average"),
        pytest.param(["EDF Annotations"], ["Fp1"], "channel is missing: Fp1; the file has no "
                     "signals", id="nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_told(labels: list[str], wanted: object, told: str) -> None:
    told = told.replace("(FP1, ", "(Fp1-F7, F7-T7, T7-P7, P7-O1, ...)")
    found = reason(labels, wanted)
    assert found.startswith(told)
    assert "Harry" not in found


def test_the_reason_of_bipolar_files_names_the_configuration() -> None:
    told = "electrodes cannot be computed: --config bipolar uses the bipolar channels"
    assert told in reason(CHB, "10-20")
    assert told not in reason(CHB, ["Fp1-F4"])
    assert told not in reason(["Fp1-REF", "F7-REF"], "10-20")


@given(st.permutations(CHB + DUMMIES), st.sampled_from(["double_banana", "10-20", "tcp"]))
def test_reasons_are_equal_for_equal_signals(order: list[str], wanted: str) -> None:
    if wanted == "double_banana":
        order = [label for label in order if label != "FZ-CZ"]
        usual = [label for label in CHB + DUMMIES if label != "FZ-CZ"]
    else:
        usual = CHB + DUMMIES
    assert reason(order, wanted) == reason(usual, wanted)
    assert describe_labels(order) == describe_labels(usual)


def test_chbmit_as_it_is() -> None:
    found = resolve([*DUMMIES, *CHB, "CZ", "FC1-Ref", "FC2-Ref"], SETS["double_banana"])
    first = len(DUMMIES)
    assert found.terms == tuple(((first + k, 1.0),) for k in range(18))
    assert found.duplicates == {"T4-T6": (first + 14, first + 22)}
    assert (found.electrodes, found.others, found.missing, found.reference) == ({}, {}, (), "")
    assert found.signals == tuple(range(first, first + 18))


@pytest.mark.parametrize("form", ["{}", "{}-CS2", "{}-Avg", "EEG {}-REF", "{}-Pz", "{}-F9"])
@given(order=st.permutations(CHANNELS), newer=st.booleans(), upper=st.booleans())
def test_electrodes_against_any_reference_give_every_derivation(
    form: str, order: list[str], newer: bool, upper: bool
) -> None:
    volts = potentials(*CHANNELS)
    reference = volts["Pz"] if form == "{}-Pz" else 0.25
    order = [name for name in order if form != "{}-Pz" or name != "Pz"]
    named = [NEWER.get(name, name) if newer else name for name in order]
    labels = [form.format(name.upper() if upper else name) for name in named]
    signals = [volts[name] - reference for name in order]
    for wanted in ("double_banana", "tcp_a"):
        found = resolve(labels, SETS[wanted])
        assert made(found, signals) == [
            volts[c.anode] - volts[str(c.cathode)] for c in SETS[wanted]
        ]
        assert {labels[n] for n in found.electrodes.values()} == {
            labels[order.index(name)]
            for name in order
            if {name} & {e for c in SETS[wanted] for e in c.electrodes}
        }
        assert found.reference == canonical(form.partition("-")[2].upper())
    if form != "{}-Avg":
        average = parse_channels([f"{name}-avg" for name in CHANNELS])
        found = resolve(labels, average, average_of=CHANNELS)
        mean = np.mean(list(volts.values()))
        np.testing.assert_allclose(made(found, signals), [volts[n] - mean for n in CHANNELS])


@given(st.data(), channel_lists)
def test_the_order_of_signals_means_nothing(data: st.DataObject, wanted: list[str]) -> None:
    form = data.draw(st.sampled_from(["EEG {}-REF", "{}", "{}-Avg"]))
    labels = [form.format(name) for name in CHANNELS if name not in ("Fz", "Pz")]
    labels += ["A1-A2", "F7-T3", "C4-C3", "ECG", "F8-CS2", "T4-CS2", "Cz-A1", "Pz-A1"]
    wanted = list({c.identity: text for text in wanted for c in parse_channels([text])}.values())
    options = {"interpolate": ("Fz", "Pz"), "average_of": CHANNELS}
    shuffled = data.draw(st.permutations(labels))
    assert terms(shuffled, *wanted, **options) == terms(labels, *wanted, **options)


@given(st.sampled_from(["F7-T7", "Fp1-F7", "Cz-Pz"]), st.permutations([*BANANA, *DUMMIES]))
def test_upside_down_is_the_negative(wanted: str, labels: list[str]) -> None:
    down = "-".join(reversed(wanted.split("-")))
    both = terms(labels, wanted, down)
    assert both[down] == {label: -factor for label, factor in both[wanted].items()}
    assert set(both[wanted].values()) == {1.0}


@given(st.permutations(CHANNELS), st.booleans())
def test_renamed_signals_are_what_they_mean(order: list[str], banana: bool) -> None:
    wanted = SETS["double_banana" if banana else "10-20"]
    rename = {f"Ch {k}": f"EEG {name}-REF" for k, name in enumerate(order)}
    found = resolve([f"ch  {k}" for k in range(19)], wanted, rename=rename)
    assert found == resolve(list(rename.values()), wanted)


def test_a_name_as_it_stands_goes_before_other_letters() -> None:
    rename = {"x": "F7", "X": "T7"}
    assert terms(["X", "x"], "F7-T7", rename=rename)["F7-T7"] == {"x": 1, "X": -1}
    assert terms(["01", "P3"], "P3-O1", rename={"01": "O1"})["P3-O1"] == {"P3": 1, "01": -1}
    labels = ["F7-T7", "F7-T7 "]
    assert resolve(labels, parse_channels(["F7-T7"])).duplicates == {"F7-T3": (0, 1)}
    assert "no signals" not in reason(["F7-T7"], ["F7-T7"], rename={"F7-T7": ""})


def test_references_that_are_named() -> None:
    labels = ["F7-Harry", "T7 - harry"]
    for named in ("Harry", "-HARRY", " harry "):
        assert terms(labels, "F7-T7", references=[named])["F7-T7"] == {labels[0]: 1, labels[1]: -1}
    few = ["F7-Cz", "T7-Cz"]  # neighbours as long as nobody says more
    assert "channel is missing: F7" in reason(few, ["F7"])
    assert terms(few, "F7", "F7-T7", references=["Cz"]) == {
        "F7": {"F7-Cz": 1},
        "F7-T7": {"F7-Cz": 1, "T7-Cz": -1},
    }
    assert reference_key("-(A1+A2)/2") == "A1A2"
    with pytest.raises(ValueError, match="must have a name"):
        resolve(labels, TEN_TWENTY, references=[" - "])


def test_each_derivation_has_a_reference_of_its_own() -> None:
    labels = [f"{n}-{'A2' if n[-1] in '2468' else 'A1'}" for n in CHANNELS]
    found = resolve(labels, SETS["double_banana"])
    volts = potentials(*CHANNELS)
    signals = [volts[n] - (3.0 if n[-1] in "2468" else 5.0) for n in CHANNELS]
    assert made(found, signals) == [
        volts[c.anode] - volts[str(c.cathode)] for c in SETS["double_banana"]
    ]
    # those that serve to interpolate are against one reference
    assert {labels[n][-2:] for n in [*found.electrodes.values(), *found.others.values()]} == {"A1"}
    assert found.reference == ""


def test_electrodes_are_interpolated_before_deriving() -> None:
    labels = [f"EEG {name}-LE" for name in (*CHANNELS, "A1", "T1") if name not in ("Fz", "Pz")]
    found = resolve(labels, SETS["double_banana"], interpolate=("Fz", "Pz", "F3"))
    assert found.missing == ("Fz", "Pz")
    cz = labels.index("EEG Cz-LE")
    assert found.terms[-2:] == (((19, 1.0), (cz, -1.0)), ((cz, 1.0), (20, -1.0)))
    assert (found.n_signals, found.reference) == (19, "LE")
    assert set(found.electrodes) == set(CHANNELS) - {"Fz", "Pz"}
    assert set(found.others) == {"A1"}  # T1 has no position


def test_what_was_recorded_as_a_difference_is_never_interpolated() -> None:
    labels = [label for label in BANANA if label != "FZ-CZ"]
    for more in ([], ["CZ"], ["CZ", "A1", "C3-Ref"]):  # too few to interpolate Fz from
        assert "cannot be computed: Fz-Cz" in reason(
            [*labels, *more], "double_banana", interpolate=("Fz", "Cz")
        )


def test_few_electrodes_are_not_interpolated_from_each_other() -> None:
    found = resolve([*BANANA[:-1], "CZ-Ref", "PZ-Ref"], SETS["double_banana"])
    assert found.terms[-1] == ((17, 1.0), (18, -1.0))
    assert (found.electrodes, found.others, found.reference) == ({}, {}, "REF")
    labels = [f"{name}-Ref" for name in CHANNELS]
    found = resolve([*BANANA[:-1], *labels], SETS["double_banana"])
    assert set(found.electrodes) == {"Cz", "Pz"}
    assert set(found.others) == set(CHANNELS) - {"Cz", "Pz"}


def test_a_zero_for_the_letter_is_told() -> None:
    labels = ["01" if name == "O1" else name for name in CHANNELS]
    for wanted in ("double_banana", "10-20"):
        assert reason(labels, wanted).endswith("set channels.rename to {'01': O1}")
        assert resolve(labels, SETS[wanted], rename={"01": "O1"}).terms
    assert reason([label for label in labels if label != "Fz"], "10-20").endswith(
        "set channels.rename to {'01': O1}; to interpolate it, add Fz to channels.interpolate"
    )


def test_the_reference_of_a_file_is_an_electrode_like_others() -> None:
    labels = [f"{name}-Cz" for name in CHANNELS if name not in ("Cz", "Fz")]
    wanted = parse_channels(["Fz-Cz", "Cz-Pz", "F3-Fz"])
    found = resolve(labels, wanted, interpolate=("Fz",))
    f3, pz = labels.index("F3-Cz"), labels.index("Pz-Cz")
    assert found.terms == (((17, 1.0),), ((pz, -1.0),), ((f3, 1.0), (17, -1.0)))
    assert found.missing == ("Fz",)
    assert set(found.electrodes) == {"F3", "Pz"}


def test_an_average_needs_all_its_electrodes() -> None:
    labels = [f"{name}-REF" for name in CHANNELS if name != "Pz"]
    assert reason(labels, ["C3-avg"], average_of=CHANNELS).endswith(
        "to interpolate it, add Pz to channels.interpolate"
    )
    found = terms(labels, "C3-avg", average_of=["C3", "C4"])["C3-avg"]
    assert found == {"C3-REF": 0.5, "C4-REF": -0.5}
    assert terms(labels, "Pz-avg", average_of=["C3", "C4"], interpolate=["Pz"])["Pz-avg"] == {
        "(Pz)": 1,
        "C3-REF": -0.5,
        "C4-REF": -0.5,
    }
    averaged = [f"{name}-Avg" for name in CHANNELS if name != "Pz"]
    assert terms(averaged, "Pz-avg", interpolate=["Pz"])["Pz-avg"] == {"(Pz)": 1}


def test_signals_that_must_be_equal() -> None:
    labels = ["EEG F7-REF", "F7-Ref", "T7-REF", "P7-T7", "P7-T7", "a b", "A  B", "T5-REF", "T5-REF"]
    found = resolve(labels, parse_channels(["F7-T7", "T7-P7", "A B"]))
    assert found.duplicates == {"F7": (0, 1), "T5-T3": (3, 4), "A B": (5, 6)}


def test_an_electrode_under_both_its_names() -> None:
    found = resolve(["T7", "F7", "T3", "t7"], parse_channels(["F7-T7"]))
    assert found.terms == (((1, 1.0), (2, -1.0)),)
    assert found.duplicates == {"T3": (2, 0, 3)}


def test_a_difference_that_also_stands_upside_down() -> None:
    labels = ["P7-T7", "T3-T5", "T5-T3", "F7-T7", "F8-T8", "T8-F8"]
    found = resolve(labels, parse_channels(["T7-P7", "F7-T7", "T8-F8"]))
    assert found.opposites == {"T3-T5": (1, 0, 2), "T4-F8": (5, 4)}
    assert resolve(labels, parse_channels(["F7-T7"])).opposites == {}


# --- the default set -----------------------------------------------------------------------------

FORMS = [
    "{}", "EEG {}", "EEG {}-REF", "EEG {}-LE", "{}-Ref", "{}-AR", "{}-Avg", "EEG {}-A1", "{}-A2",
    "{}-Pz", "{}-Cz", "{}-A1A2", "{}-T1", "POL {}", "{}.", "{}-0", "{} -REF", "{}-Harry", "{}-CS2",
    "{}-P7", "eeg {}-ref", "{}-Imp", "{}-AVG", "EEG{}", "{}-F7", "EEG {}-AA", "EEG_{}_Ref",
]  # fmt: skip
ODD = [
    "T7",
    "P8",
    "A1",
    "A2",
    "Fpz",
    "T1",
    "EKG1",
    "LOC",
    "M1",
    "FT9",
    "Cb1",
    "01",
    "FC1",
    "t7",
    "F p 1",
    "F07",
    "Oz",
    "",
]


@st.composite
def files(draw: st.DrawFn) -> list[str]:
    """Draw labels of a file: most electrodes in one to three styles, and odd ones."""
    seed = draw(st.randoms(use_true_random=False))
    styles = draw(st.lists(st.sampled_from(FORMS), min_size=1, max_size=3))
    absent = draw(st.sets(electrodes, max_size=3))
    names = [NEWER.get(n, n) if draw(st.booleans()) else n for n in CHANNELS if n not in absent]
    labels = [seed.choice(styles).format(seed.choice([n, n.upper()])) for n in names]
    labels += draw(
        st.lists(
            st.builds(str.format, st.sampled_from(FORMS), st.sampled_from([*CHANNELS, *ODD])),
            max_size=8,
        )
    )
    if draw(st.booleans()):
        second = draw(st.sampled_from(FORMS))
        labels += [second.format(name) for name in CHANNELS]
    seed.shuffle(labels)
    return labels


@given(
    files(),
    st.sampled_from([(), ("Fz", "Pz"), ("Fz", "Pz"), CHANNELS[:12], CHANNELS]),
    st.sampled_from([True, True, False]),
)
def test_the_19_electrodes_are_found_as_ever(
    labels: list[str], may_miss: tuple[str, ...], ignore_case: bool
) -> None:
    expected = match_channels(labels, ignore_case=ignore_case, may_miss=may_miss)
    try:
        require_channels(expected, may_miss, labels, ignore_case=ignore_case)
    except RecordingError as error:
        with pytest.raises(RecordingError) as raised:
            resolve(labels, TEN_TWENTY, ignore_case=ignore_case, interpolate=may_miss)
        missing = str(error).partition("; the file has")[0]
        assert str(raised.value).partition("; the file has")[0] == missing
        return
    found = resolve(labels, TEN_TWENTY, ignore_case=ignore_case, interpolate=may_miss)
    # in the same order: it decides that in which signals are read
    assert list(found.electrodes.items()) == list(expected.signals.items())
    assert list(found.others.items()) == list(expected.others.items())
    assert list(found.missing) == expected.missing
    assert {name: rest for name, (_, *rest) in found.duplicates.items()} == {
        name: list(rest) for name, rest in expected.duplicates.items()
    }
    rows = expected.signals | {n: len(labels) + k for k, n in enumerate(expected.missing)}
    assert found.terms == tuple(((rows[name], 1.0),) for name in CHANNELS)


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=16), max_size=30))
def test_any_labels_give_channels_or_a_reason(labels: list[str]) -> None:
    for wanted in (SETS["double_banana"], TEN_TWENTY, parse_channels(["C3-avg", "BTEleft SD"])):
        with pytest.raises(RecordingError, match=r"; the file has"):
            resolve(labels, wanted, average_of=CHANNELS)


def test_equal_labels_are_resolved_once() -> None:
    labels = random.Random(0).sample(CHB, len(CHB))
    first = resolve(labels, SETS["double_banana"])
    assert resolve(tuple(labels), list(SETS["double_banana"])) is first


def test_a_case_that_matters_is_told() -> None:
    labels = [f"eeg {a}" for a in BANANA]
    assert resolve(labels, SETS["double_banana"]).terms
    assert "set channels.ignore_case to true" in reason(labels, "double_banana", ignore_case=False)


def test_neighbours_of_one_electrode_give_their_difference() -> None:
    assert terms(["P7-O1", "P3-O1", "O1-Cz"], "P7-P3")["P7-P3"] == {"P7-O1": 1, "P3-O1": -1}
    labels = ["P7-Oz", "P3-Oz", "P7-O1", "P3-O1"]
    for order in (labels, labels[::-1]):
        assert terms(order, "P7-P3")["P7-P3"] == {"P7-O1": 1, "P3-O1": -1}
    assert "cannot be computed" in reason([f"{a}-{b}" for a, b in pairwise(CHANNELS)], ["Fp1-O2"])


@pytest.mark.parametrize(
    ("stored", "wanted", "told", "way_out"),
    [
        (
            "double_banana",
            "Fp1-T3",
            "Fp1 and T3 are only parts of other channels",
            "channels.set=10-20,",
        ),
        ("double_banana", "Cz", "Cz is only a part of other channels", "channels.set=10-20,"),
        (
            "double_banana",
            "T3-A1",
            "T3 is only a part of other channels, A1 is missing",
            r"channels.set=10-20\+A,",
        ),
        ("10-20", "A1-A2", "A1 and A2 are missing", r"channels.set=10-20\+A,"),
        ("10-20", "F9-T3", "F9 is missing", r"channels.set=\[F9, ...\],"),
    ],
)
def test_what_a_store_cannot_derive(stored: str, wanted: str, told: str, way_out: str) -> None:
    channels, lost = parse_channels(stored), parse_channels([wanted])
    reason = why_not_derived(lost, channels, CHANNELS)
    assert re.fullmatch(
        f"cannot derive {lost[0].name}: {told}. The store has .*; if the files .*{way_out}.*",
        reason,
    )


def test_no_electrode_has_no_way_out() -> None:
    lost = parse_channels(["BTEleft SD"])
    reason = why_not_derived(lost, parse_channels(["Cz"]), CHANNELS)
    assert reason == "cannot derive BTEleft SD: BTEleft SD is missing. The store has Cz"

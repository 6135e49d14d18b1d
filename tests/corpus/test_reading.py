"""Microvolts of the 19 channels, whatever the order, names and flaws of the file."""

import os
import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.corpus.edf_files import (
    CHANNELS,
    MAIN,
    TABLE,
    Channel,
    channel,
    edf_bytes,
    eeg,
    eeg_channels,
    main_offset,
    noise,
    table_offset,
    tusz,
    write_edf,
)
from tests.corpus.readers import inspect_edf, read_microvolts
from tuszstore.channels.labels import electrode
from tuszstore.config import Channels
from tuszstore.corpus import reading
from tuszstore.corpus.reading import Microvolts
from tuszstore.errors import RecordingError

DEFAULT = Channels()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aaaaaaaa_s001_t001.edf"


def row(read: Microvolts, name: str) -> NDArray[np.float32]:
    return read.data[CHANNELS.index(name)]


def assert_rows(
    read: Microvolts, channels: dict[str, Channel], *, but: tuple[str, ...] = ()
) -> None:
    """Every one of the 19 rows holds the samples of its channel, in µV."""
    for name in CHANNELS:
        if name not in but:
            # float32 of a few thousand µV; the test files have steps of 0.1 µV
            np.testing.assert_allclose(row(read, name), channels[name].physical, atol=1e-3)


# --- the right samples in the right rows --------------------------------------------------------


def test_the_channels_are_the_19_of_the_store() -> None:
    assert [channel.name for channel in DEFAULT.channels] == list(CHANNELS)


@pytest.mark.parametrize("sfreq", [250, 256, 400, 512, 1000])
def test_rows_are_the_19_channels_in_microvolts(path: Path, sfreq: int) -> None:
    channels = eeg(path, seconds=4, sfreq=sfreq)
    read = read_microvolts(path, DEFAULT)
    assert read.data.dtype == np.float32
    assert read.data.shape == (19, 4 * sfreq)
    assert read.sfreq == sfreq
    assert (read.interpolated, read.flat, read.notes) == ((), (), ())
    assert_rows(read, channels)


@given(order=st.permutations(CHANNELS))
@settings(deadline=None, max_examples=20)
def test_the_order_of_the_file_means_nothing(
    tmp_path_factory: pytest.TempPathFactory, order: list[str]
) -> None:
    path = tmp_path_factory.mktemp("order") / "a.edf"
    channels = eeg(path, seconds=1, names=order)
    assert_rows(read_microvolts(path, DEFAULT), channels)


def labelled(names: dict[str, str]) -> list[Channel]:
    """Return the 19 channels, with the labels that `names` gives them."""
    return [channel(name, 2, label=names[name]) for name in reversed(CHANNELS)]


NEWER = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8"}
STYLES = {
    "AR": {name: tusz(name) for name in CHANNELS},
    "LE": {name: tusz(name, "LE") for name in CHANNELS},
    "average": {name: f"EEG {name}-AR" for name in CHANNELS},
    "bare": {name: name for name in CHANNELS},
    "bare upper case": {name: name.upper() for name in CHANNELS},
    "EEG Fp1": {name: f"EEG {name}" for name in CHANNELS},
    "eeg fp1-ref": {name: f"eeg {name.lower()}-ref" for name in CHANNELS},
    "Fp1-Ref": {name: f"{name}-Ref" for name in CHANNELS},
    "EEGFP1": {name: f"EEG{name.upper()}" for name in CHANNELS},
    "blanks": {name: f" EEG  {name} -REF" for name in CHANNELS},
    "newer names": {name: f"EEG {NEWER.get(name, name).upper()}-REF" for name in CHANNELS},
    **{
        form.format("X"): {name: form.format(name) for name in CHANNELS}
        for form in (
            "{}-Avg", "EEG {}-AVG", "{} - Average", "EEG {}-CAR", "EEG {}-A1", "EEG {}-A1A2",
            "EEG {}-A1+A2", "{}-(A1+A2)/2", "{}-M2", "EEG {}-M1M2", "{}:A2", "{}-CS2", "EEG {}-G2",
            "EEG {}-AA", "{}-Nose", "{}-TP9", "EEG {}-Vref", "POL {}", "POL {}-Ref", "EEG {}-Ref1",
            "EEG_{}_Ref", "EEG-{}-Ref", "EEG.{}", "EEG {} Ref", "{}.", "{}..", "eeg {}-avg",
        )
    },
    "zeros": {name: re.sub(r"(\d)", r"0\1-Ref1", name) if name[-1] != "z" else f"{name}-Ref1"
              for name in CHANNELS},
    "newer names, average": {name: f"{NEWER.get(name, name)}-Avg" for name in CHANNELS},
}  # fmt: skip


@pytest.mark.parametrize("names", STYLES.values(), ids=STYLES)
def test_names_of_many_styles_are_found(path: Path, names: dict[str, str]) -> None:
    signals = labelled(names)
    write_edf(path, signals)
    assert_rows(read_microvolts(path, DEFAULT), dict(zip(reversed(CHANNELS), signals, strict=True)))


@pytest.mark.parametrize("style", ["eeg fp1-ref", "Fp1-Ref"])
def test_case_matters_where_it_is_asked_for(path: Path, style: str) -> None:
    write_edf(path, labelled(STYLES[style]))
    told = "channels are missing: C3, C4.*set channels.ignore_case to true"
    with pytest.raises(RecordingError, match=told):
        read_microvolts(path, Channels(ignore_case=False))


@pytest.mark.parametrize("style", ["AR", "bare", "bare upper case", "EEG Fp1", "newer names"])
def test_the_19_names_themselves_never_depend_on_case(path: Path, style: str) -> None:
    write_edf(path, labelled(STYLES[style]))
    read_microvolts(path, Channels(ignore_case=False))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("EEG FP1-REF", "FP1"),
        ("EEG EKG1-REF", "EKG1"),
        ("EEG 31-REF", "31"),
        ("EEG A1-LE", "A1"),
        ("EEG A2-A1", "A2-A1"),
        ("Fp1-AR-REF", "Fp1-AR"),
        ("REF", "REF"),
        ("EEG", ""),
        ("", ""),
    ],
)
def test_what_is_left_of_a_label(label: str, name: str) -> None:
    assert electrode(label) == name


BANANA = [
    f"{a}-{b}"
    for chain in ("FP1 F7 T7 P7 O1", "FP1 F3 C3 P3 O1", "FP2 F4 C4 P4 O2", "FP2 F8 T8 P8 O2",
                  "FZ CZ PZ")
    for a, b in pairwise(chain.split())
]  # fmt: skip


@pytest.mark.parametrize("ignore_case", [True, False])
def test_without_any_electrode_nothing_is_interpolated(path: Path, ignore_case: bool) -> None:
    write_edf(path, [channel("EKG1"), channel("X", label="F7-T7")])
    config = Channels(interpolate=CHANNELS, max_interpolated=15, ignore_case=ignore_case)
    with pytest.raises(RecordingError, match="channels are missing"):
        read_microvolts(path, config)


# --- signals that are not needed ----------------------------------------------------------------


SIDE_CHANNELS = {
    "slow": channel("IBI", 20, 1, label="IBI", unit=""),
    "16 Hz": channel("RESP", 20, 16, label="RESP ABDOMEN", unit="mmHg"),
    "fast": channel("EKG1", 20, 1024),
    "no range": channel("PHOTIC", physical_min=0, physical_max=0),
    "no steps": channel("PHOTIC", digital_min=0, digital_max=0),
    "other unit": channel("SPO2", label="SpO2", unit="%"),
    "unreadable range": channel("LOC", header={"physical_min": "?", "digital_max": "low"}),
    "blank range": channel("LOC", header={"physical_max": "", "digital_min": ""}),
    "no samples": channel("ROC", 0, 0),
    "garbage label": channel("X", label=b"\xff\xfe\x00\x01" * 4),
    "garbage prefilter": channel("EKG1", prefilter=b"\xb5HP:0,5Hz LP:\x00\xff"),
    "garbage reserved": channel("EKG1", header={"reserved": b"\xff" * 32}),
    "two of a name": channel("EKG1"),
}


@pytest.mark.parametrize("side", SIDE_CHANNELS.values(), ids=SIDE_CHANNELS)
def test_a_signal_that_is_not_needed_does_not_matter(path: Path, side: Channel) -> None:
    needed = eeg_channels()
    write_edf(path, [side, *needed.values(), side])
    read = read_microvolts(path, DEFAULT)
    assert (read.sfreq, read.data.shape, read.notes) == (256, (19, 5120), ())
    assert_rows(read, needed)


# --- missing channels ---------------------------------------------------------------------------


def independently_interpolated(
    channels: dict[str, Channel], bad: list[str], *, others: tuple[str, ...] = ()
) -> dict[str, NDArray[np.float64]]:
    """Interpolate with nothing but MNE and the samples that were written, in µV."""
    good = [name for name in (*CHANNELS, *others) if name not in bad]
    microvolts = [channels[name if name in channels else tusz(name)].physical for name in good]
    data = np.vstack([np.array(microvolts), np.zeros((len(bad), len(microvolts[0])))])
    raw = mne.io.RawArray(
        data * 1e-6, mne.create_info([*good, *bad], 256.0, "eeg"), verbose="error"
    )
    known = mne.channels.get_builtin_montages()
    montage = "colin27_1020" if "colin27_1020" in known else "standard_1020"
    raw.set_montage(montage, verbose="error")
    raw.info["bads"] = bad
    raw.interpolate_bads(verbose="error")
    return {name: raw.get_data(picks=[name])[0] * 1e6 for name in bad}


def assert_interpolated(read: Microvolts, expected: dict[str, NDArray[np.float64]]) -> None:
    assert sorted(read.interpolated) == sorted(expected)
    for name, values in expected.items():
        assert values.std() > 1  # or the comparison says nothing
        np.testing.assert_allclose(row(read, name), values, atol=1e-3)


@pytest.mark.parametrize("missing", [["Fz"], ["Pz"], ["Fz", "Pz"]], ids="+".join)
@pytest.mark.parametrize(
    ("extra", "others"),
    [
        pytest.param([], (), id="19 only"),
        pytest.param(["EKG1"], (), id="with EKG1"),
        pytest.param(["A1", "A2"], ("A1", "A2"), id="with A1 and A2"),
        pytest.param(["EKG1", "A1", "LOC", "A2", "31"], ("A1", "A2"), id="with all of them"),
    ],
)
def test_missing_midline_channels_are_interpolated(
    path: Path, missing: list[str], extra: list[str], others: tuple[str, ...]
) -> None:
    channels = eeg(path, without=missing, extra=[channel(name) for name in extra])
    read = read_microvolts(path, DEFAULT)
    assert_interpolated(read, independently_interpolated(channels, missing, others=others))
    assert_rows(read, channels, but=tuple(missing))
    assert read.flat == ()


@pytest.mark.parametrize(
    "useless",
    [
        pytest.param(channel("A1", physical_min=0, physical_max=0), id="range 0"),
        pytest.param(channel("A1", unit="%"), id="no voltage"),
        pytest.param(channel("A1", sfreq=512), id="another rate"),
        pytest.param(channel("A1", header={"physical_min": "?"}), id="unreadable range"),
    ],
)
def test_an_electrode_that_cannot_be_used_takes_no_part(path: Path, useless: Channel) -> None:
    channels = eeg(path, without=["Fz"], extra=[useless])
    expected = independently_interpolated(channels, ["Fz"])
    assert_interpolated(read_microvolts(path, DEFAULT), expected)


def test_a_file_with_fz_and_pz_is_read_as_it_is_beside_other_electrodes(path: Path) -> None:
    channels = eeg(path, extra=[channel("A1"), channel("EKG1")])
    read = read_microvolts(path, DEFAULT)
    assert read.interpolated == ()
    assert_rows(read, channels)


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (["O1"], "channel is missing: O1"),
        (["Cz", "Fp1"], "channels are missing: Cz, Fp1"),
        (["Fz", "O2"], "channel is missing: O2"),
        (["T3", "T4", "T5", "T6"], "channels are missing: T3, T4, T5, T6"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else "",
)
def test_any_other_missing_channel_is_named(path: Path, missing: list[str], told: str) -> None:
    eeg(path, without=missing)
    told += rf"; the file has {19 - len(missing)} electrodes \(F.*; to interpolate (it|them), add"
    with pytest.raises(RecordingError, match=f"^{told}"):
        read_microvolts(path, DEFAULT)


def test_a_file_without_any_eeg_names_what_is_missing(path: Path) -> None:
    write_edf(path, [channel("EKG1")])
    with pytest.raises(RecordingError, match="channels are missing: C3, C4, Cz"):
        inspect_edf(path, DEFAULT)


def test_which_channels_may_be_missing_is_configured(path: Path) -> None:
    channels = eeg(path, without=["Cz"])
    read = read_microvolts(path, Channels(interpolate=("Cz",)))
    assert_interpolated(read, independently_interpolated(channels, ["Cz"]))
    eeg(path, without=["Fz"])
    with pytest.raises(RecordingError, match="channel is missing: Fz"):
        read_microvolts(path, Channels(interpolate=("Cz",)))


def test_no_more_channels_may_be_missing_than_may_be_interpolated(path: Path) -> None:
    eeg(path, without=["Fz", "Pz"])
    with pytest.raises(RecordingError, match=r"Fz, Pz.*channels\.max_interpolated"):
        read_microvolts(path, Channels(max_interpolated=1))


# --- flat channels ------------------------------------------------------------------------------


def flat(*names: str, value: int = 42) -> dict[str, dict[str, object]]:
    return {name: {"digital": np.full(5120, value, np.int16)} for name in names}


@pytest.mark.parametrize("extra", [[], ["EKG1", "A1", "A2"]], ids=["19 only", "with A1 and A2"])
@pytest.mark.parametrize("names", [["Cz"], ["O1", "Fp1"]], ids="+".join)
def test_flat_channels_are_interpolated(path: Path, names: list[str], extra: list[str]) -> None:
    channels = eeg(path, changes=flat(*names), extra=[channel(name) for name in extra])
    read = read_microvolts(path, DEFAULT)
    others = tuple(name for name in extra if name != "EKG1")
    assert sorted(read.flat) == sorted(names)
    assert_interpolated(read, independently_interpolated(channels, names, others=others))
    assert_rows(read, channels, but=tuple(names))


def test_flat_and_missing_channels_are_interpolated_together(path: Path) -> None:
    channels = eeg(path, without=["Fz", "Pz"], changes=flat("Cz"), extra=[channel("A1")])
    read = read_microvolts(path, DEFAULT)
    assert read.flat == ("Cz",)
    expected = independently_interpolated(channels, ["Fz", "Pz", "Cz"], others=("A1",))
    assert_interpolated(read, expected)


@pytest.mark.parametrize("value", [-32768, 0, 42])
def test_flat_channels_can_be_kept(path: Path, value: int) -> None:
    channels = eeg(path, changes=flat("Cz", "O1", value=value))
    read = read_microvolts(path, Channels(flat="keep"))
    assert sorted(read.flat) == ["Cz", "O1"]
    assert read.interpolated == ()
    assert_rows(read, channels)


def test_a_kept_flat_channel_serves_as_a_source(path: Path) -> None:
    channels = eeg(path, without=["Fz"], changes=flat("Cz"))
    read = read_microvolts(path, Channels(flat="keep"))
    assert_interpolated(read, independently_interpolated(channels, ["Fz"]))


def test_a_recording_with_flat_channels_can_be_left_out(path: Path) -> None:
    eeg(path, changes=flat("Cz", "O1"))
    with pytest.raises(RecordingError, match=r"^flat: (Cz, O1|O1, Cz) \(channels.flat is"):
        read_microvolts(path, Channels(flat="leave_out"))


@pytest.mark.parametrize(
    ("missing", "dead", "most", "accepted"),
    [
        ([], ["O1", "O2", "Cz", "C3"], 4, True),
        ([], ["O1", "O2", "Cz", "C3", "C4"], 4, False),
        (["Fz", "Pz"], ["O1", "O2"], 4, True),
        (["Fz", "Pz"], ["O1", "O2", "Cz"], 4, False),
        ([], ["O1"], 0, False),
        ([], list(CHANNELS[:15]), 15, True),
        ([], list(CHANNELS), 15, False),
    ],
    ids=["4 flat", "5 flat", "2 and 2", "2 and 3", "none allowed", "15 flat", "all flat"],
)
def test_only_so_many_channels_are_interpolated(
    path: Path, missing: list[str], dead: list[str], most: int, accepted: bool
) -> None:
    eeg(path, without=missing, changes=flat(*dead))
    config = Channels(max_interpolated=most)
    if accepted:
        assert sorted(read_microvolts(path, config).interpolated) == sorted(missing + dead)
    else:
        told = rf"{len(missing + dead)} channels? (is|are) flat or missing.*at most {most}"
        with pytest.raises(RecordingError, match=told):
            read_microvolts(path, config)


def test_a_channel_that_changes_once_is_not_flat(path: Path) -> None:
    changes = flat("Cz")
    changes["Cz"]["digital"][-1] = 43
    channels = eeg(path, changes=changes)
    read = read_microvolts(path, DEFAULT)
    assert (read.flat, read.interpolated) == ((), ())
    assert_rows(read, channels)


# --- units --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "factor"), [("nV", 1e-3), ("nv", 1e-3), ("mv", 1e3), ("UV", 1.0)], ids=str
)
def test_each_channel_has_its_own_unit(path: Path, unit: str, factor: float) -> None:
    """So do those that only help to interpolate."""
    limits = {"unit": unit, "physical_min": -3276, "physical_max": 3276}
    a1 = channel("A1", **limits)
    channels = eeg(path, without=["Fz"], changes={"Cz": limits}, extra=[a1])
    read = read_microvolts(path, DEFAULT)
    np.testing.assert_allclose(row(read, "Cz"), channels["Cz"].physical * factor, rtol=1e-6)
    assert_rows(read, channels, but=("Cz", "Fz"))
    scaled = {
        name: replace(one, physical_min=-3276 * factor, physical_max=3276 * factor)
        for name, one in (("Cz", channels["Cz"]), (tusz("A1"), a1))
    }
    expected = independently_interpolated(channels | scaled, ["Fz"], others=("A1",))
    np.testing.assert_allclose(row(read, "Fz"), expected["Fz"], rtol=1e-5, atol=1e-3)


def test_one_unit_in_two_spellings_is_one_scale(path: Path) -> None:
    channels = eeg(path, extra=[channel("Cz", label="EEG Cz-LE", unit="UV")])
    assert_rows(read_microvolts(path, DEFAULT), channels)


# --- a channel twice ----------------------------------------------------------------------------


def test_the_same_samples_twice_are_taken_once(path: Path) -> None:
    channels = eeg(path, extra=[channel("Cz", label="EEG Cz-LE"), channel("O1", label="O1")])
    read = read_microvolts(path, DEFAULT)
    (note,) = read.notes
    assert re.fullmatch(r"repeated with the same samples, used once: (O1, Cz|Cz, O1)", note)
    assert_rows(read, channels)


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"digital": noise(5120, "other")}, id="other samples"),
        pytest.param({"physical_min": -1000, "physical_max": 1000}, id="another scale"),
        pytest.param({"unit": "mV"}, id="another unit"),
        pytest.param({"sfreq": 128}, id="another rate"),
    ],
)
def test_two_different_channels_of_one_name_are_refused(
    path: Path, second: dict[str, object]
) -> None:
    eeg(path, extra=[channel("Cz", label="EEG Cz-LE", **second)])
    told = re.escape("signals 10 ('EEG CZ-REF') and 20 ('EEG Cz-LE')")
    with pytest.raises(RecordingError, match=f"channel Cz is present twice with different.*{told}"):
        inspect_edf(path, DEFAULT)


def test_a_single_different_sample_is_a_difference(path: Path) -> None:
    other = noise(5120, "Cz")
    other[-1] += 1
    eeg(path, extra=[channel("Cz", label="Cz", digital=other)])
    with pytest.raises(RecordingError, match="channel Cz is present twice with different samples"):
        inspect_edf(path, DEFAULT)


def test_an_electrode_under_its_older_and_its_newer_name(path: Path) -> None:
    channels = eeg(path, extra=[channel("T3", label="EEG T7-REF")])
    read = read_microvolts(path, DEFAULT)
    assert read.notes == ("repeated with the same samples, used once: T3",)
    assert_rows(read, channels)
    eeg(path, extra=[channel("T7", label="T7"), channel("T8", label="T8")], without=["T4"])
    with pytest.raises(RecordingError, match=r"channel T3 is present twice .*'EEG T3-REF'.*'T7'"):
        inspect_edf(path, DEFAULT)


def test_one_of_three_may_not_differ(path: Path) -> None:
    other = channel("Cz", label="EEG Cz", digital=noise(5120, "other"))
    eeg(path, extra=[channel("Cz", label="Cz"), other])
    with pytest.raises(RecordingError, match="'EEG Cz'"):
        inspect_edf(path, DEFAULT)


# --- rates, gaps and repairs --------------------------------------------------------------------


def test_needed_channels_of_different_rates_are_refused(path: Path) -> None:
    eeg(path, without=["O2"], extra=[channel("O2", sfreq=128)])
    with pytest.raises(RecordingError, match=r"'EEG O2-REF'.* different sampling rates"):
        inspect_edf(path, DEFAULT)


def test_facts_are_those_of_the_samples(path: Path) -> None:
    eeg(path, seconds=12, sfreq=250, extra=[channel("IBI", 12, 1)])
    facts = inspect_edf(path, DEFAULT)
    assert (facts.sfreq, facts.n_samples, facts.seconds) == (250, 3000, 12.0)


@pytest.mark.parametrize(
    ("record_seconds", "text"), [(0.25, "0.25"), (2, "2"), (10, "10")], ids=str
)
def test_the_length_of_a_record_does_not_matter(
    path: Path, record_seconds: float, text: str
) -> None:
    channels = eeg(path, seconds=20, record_seconds=record_seconds)
    assert text.encode().ljust(8) in path.read_bytes()[:256]
    read = read_microvolts(path, DEFAULT)
    assert (read.sfreq, read.data.shape) == (256, (19, 5120))
    assert_rows(read, channels)


def test_a_rate_may_be_a_fraction(path: Path) -> None:
    channels = list(eeg_channels(seconds=6, sfreq=100).values())
    write_edf(path, channels, "0.3")
    read = read_microvolts(path, DEFAULT)
    assert read.sfreq == Fraction(1000, 3)
    assert read.data.shape == (19, 600)


def test_a_discontinuous_file_without_gaps_is_read(path: Path) -> None:
    channels = eeg(path, onsets=range(20), reserved="EDF+D")
    read = read_microvolts(path, DEFAULT)
    assert read.notes == ("marked discontinuous (EDF+D), but has no gap",)
    assert_rows(read, channels)


def test_a_continuous_edf_plus_file_is_read(path: Path) -> None:
    channels = eeg(path, onsets=range(20), reserved="EDF+C")
    read = read_microvolts(path, DEFAULT)
    assert read.notes == ()
    assert_rows(read, channels)


def test_a_discontinuous_file_with_a_gap_is_refused(path: Path) -> None:
    eeg(path, onsets=[*range(10), *range(70, 80)], reserved="EDF+D")
    with pytest.raises(RecordingError, match="a gap of 60 s after 10 s"):
        read_microvolts(path, DEFAULT)


def test_every_repair_is_noted_and_the_rest_is_read(path: Path) -> None:
    inverted = {"physical_min": 3276.7, "physical_max": -3276.8}
    channels = eeg(
        path,
        changes={"Cz": inverted, "O1": {"unit": ""}},
        extra=[channel("C3", label="C3")],
        cut=100,
        n_records=-1,
        date="01:01:85",
    )
    read = read_microvolts(path, DEFAULT)
    assert len(read.notes) == 6
    for told in ("cut off", "unfinished recording", "date", "inverted", "no unit", "repeated"):
        assert [told in note for note in read.notes].count(True) == 1
    for name in CHANNELS:
        np.testing.assert_allclose(row(read, name), channels[name].physical[:-256], atol=1e-3)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"physical_min": "-1e308", "physical_max": "1e308"}, id="physical"),
        pytest.param({"digital_min": "0", "digital_max": "1e-300"}, id="digital"),
    ],
)
def test_a_range_beyond_all_numbers_is_refused(path: Path, fields: dict[str, str]) -> None:
    eeg(path, changes={"Cz": {"header": fields}})
    with pytest.raises(RecordingError, match="EEG CZ-REF"):
        read_microvolts(path, DEFAULT)


@pytest.mark.parametrize("record_seconds", [1, 0.5], ids=["1 s", "half a second"])
def test_one_record_is_enough(path: Path, record_seconds: float) -> None:
    channels = eeg(path, seconds=record_seconds, record_seconds=record_seconds)
    read = read_microvolts(path, DEFAULT)
    assert read.data.shape == (19, round(256 * record_seconds))
    assert_rows(read, channels)


# --- files that cannot be read ------------------------------------------------------------------


def test_a_file_that_is_gone_is_a_reason(path: Path) -> None:
    eeg(path)
    inspect_edf(path, DEFAULT)
    path.unlink()
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read_microvolts(path, DEFAULT)


def test_a_file_that_goes_while_it_is_read_is_a_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eeg(path)

    inspect = reading.inspect

    def gone(*args: Any) -> object:
        facts = inspect(*args)
        path.unlink()
        return facts

    monkeypatch.setattr(reading, "inspect", gone)
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read_microvolts(path, DEFAULT)


def test_a_file_that_shrinks_while_it_is_read_is_a_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eeg(path)

    inspect = reading.inspect

    def shortened(*args: Any) -> object:
        facts = inspect(*args)
        path.write_bytes(path.read_bytes()[:-19_456])
        return facts

    monkeypatch.setattr(reading, "inspect", shortened)
    with pytest.raises(RecordingError):
        read_microvolts(path, DEFAULT)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_reason(path: Path) -> None:
    eeg(path)
    path.chmod(0)
    with pytest.raises(RecordingError, match="cannot be read: Permission denied"):
        read_microvolts(path, DEFAULT)


SMALL = edf_bytes([*eeg_channels(2, 8, without=["Pz"]).values(), channel("A1", 2, 8)])
FIELDS = sorted({name for name, _ in (*MAIN, *TABLE)} - {"label", "version"})
NUMERALS = st.text("0123456789+-.,eE_ nainf\0", max_size=8).map(str.encode)
PLACES = st.tuples(st.sampled_from(FIELDS), st.integers(0, 18))


@given(fields=st.dictionaries(PLACES, NUMERALS | st.binary(max_size=8), min_size=1, max_size=3))
@example(fields={("physical_min", 18): b"low"})
@example(fields={("record_seconds", 0): b"1e-320"})
@example(fields={("record_seconds", 0): b"1e-300"})
@example(fields={("record_seconds", 0): b"999999"})
@settings(deadline=None, max_examples=60)
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_any_header_gives_microvolts_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, fields: dict[tuple[str, int], bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-header.edf"
    content = SMALL
    for (name, number), value in fields.items():
        main = name in dict(MAIN)
        where = main_offset(name) if main else table_offset(name, number, n_signals=19)
        width = where.stop - where.start
        content = content[: where.start] + value.ljust(width)[:width] + content[where.stop :]
    path.write_bytes(content)
    try:
        read = read_microvolts(path, DEFAULT)
    except RecordingError:
        return
    assert read.data.shape[0] == 19
    assert "Pz" in read.interpolated

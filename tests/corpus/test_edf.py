"""EDF headers: what is refused, what is repaired, and what MNE gets to see."""

import io
import math
import os
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import mne
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.corpus.edf_files import (
    MAIN,
    TABLE,
    channel,
    edf_bytes,
    eeg,
    main_offset,
    table_offset,
    time_keeping,
    write_edf,
)
from tuszstore.corpus.clean_edf import CleanEdf, clean_edf
from tuszstore.corpus.continuity import check_continuous
from tuszstore.corpus.edf import check_signals, read_header
from tuszstore.errors import RecordingError
from tuszstore.reasons import group_reasons

PERSON = {
    "patient": "MCH-0234567 F 02-MAY-1951 Haagse_Harry",
    "recording": "Startdate 02-MAR-2002 EMG561 BK/JOP Sony",
    "date": "02.03.02",
    "time": "11.12.13",
}
PERSONAL_WORDS = (
    "MCH", "0234567", "1951", "MAY", "Haagse", "Harry",
    "2002", "MAR", "EMG561", "JOP", "Sony", "02.03.02", "11.12.13",
)  # fmt: skip

SMALL = edf_bytes([channel("Fp1", 2, 8), channel("Cz", 2, 8), channel("IBI", 2, 1, unit="")])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aaaaaaaa_s001_t001.edf"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file that property tests write over and over."""
    return tmp_path_factory.mktemp("edf") / "scratch.edf"


def read_clean(path: Path) -> mne.io.BaseRaw:
    """Read all signals through the clean view; signal k has the name ``n<k>``."""
    header = read_header(path)
    names = {number: f"n{number}" for number in range(len(header.signals))}
    with clean_edf(path, header, names) as file:
        return mne.io.read_raw_edf(file, include=[*names.values()], preload=True, verbose="error")


def clean_bytes(path: Path) -> bytes:
    with clean_edf(path, read_header(path), {0: "Fp1"}) as file:
        return io.BufferedReader(file).read()


# --- headers that are as they should be ---------------------------------------------------------


def test_a_header_says_what_is_in_the_file(path: Path) -> None:
    eeg(path, seconds=12, sfreq=250, extra=[channel("IBI", 12, 1, label="IBI", unit="")])
    header = read_header(path)
    first, *_, last = header.signals
    assert (first.label, first.unit) == ("EEG FP1-REF", "uV")
    assert (first.physical_min, first.physical_max) == (-3276.8, 3276.7)
    assert (first.digital_min, first.digital_max) == (-32768, 32767)
    assert (last.label, last.unit) == ("IBI", "")
    assert (header.n_records, header.record_seconds) == (12, 1)
    assert (header.n_samples(0), header.n_samples(19)) == (12 * 250, 12)
    assert header.rate(range(19)) == 250
    assert (header.n_bytes, header.record_bytes) == (256 * 21, 2 * (19 * 250 + 1))
    assert header.continuous
    assert header.notes == ()


@pytest.mark.parametrize(
    ("text", "sfreq"),
    [
        ("0.25", 1024),
        ("0.1", 2560),
        ("2", 128),
        ("1.000000", 256),
        ("1e0", 256),
        ("3", Fraction(256, 3)),
        ("1.00001", Fraction(25_600_000, 100_001)),
    ],
)
def test_the_sampling_rate_is_exact(path: Path, text: str, sfreq: Fraction) -> None:
    write_edf(path, [channel("Cz")], text)
    assert read_header(path).rate([0]) == sfreq


def test_fields_may_be_padded_with_zero_bytes(path: Path) -> None:
    zeros = {"samples": b"256\0\0\0\0\0", "unit": b"uV\0\0\0\0\0\0"}
    write_edf(
        path,
        [channel("Fp1"), channel("Cz", header=zeros)],
        b"1\0\0\0\0\0\0\0",
        n_records=b"20\0\0\0\0\0\0",
        n_signals=b"2\0\0\0",
        header_bytes=b"768\0\0\0\0\0",
    )
    header = read_header(path)
    assert (header.n_records, header.record_seconds, header.notes) == (20, 1, ())
    assert header.signals[1].unit == "uV"
    assert read_clean(path).n_times == 20 * 256


def test_a_decimal_comma_is_a_decimal_point(path: Path) -> None:
    fields = {"physical_min": "-3276,8", "physical_max": "3276,7"}
    channels = eeg(path, names=["Cz"], changes={"Cz": {"header": fields}})
    assert read_header(path).signals[0].physical_min == -3276.8
    np.testing.assert_allclose(
        read_clean(path).get_data()[0] * 1e6, channels["Cz"].physical, atol=1e-9
    )


def test_signals_of_different_rates_have_no_common_rate(path: Path) -> None:
    write_edf(path, [channel("Cz", sfreq=256), channel("Pz", sfreq=250)])
    header = read_header(path)
    with pytest.raises(RecordingError, match=r"EEG CZ-REF.*EEG PZ-REF.*256 Hz and 250 Hz"):
        header.rate([0, 1])


# --- files that are refused, with a reason ------------------------------------------------------


def with_field(name: str, value: bytes, content: bytes = SMALL) -> bytes:
    """Return a small EDF file in which one field, of the file or its first signal, is changed."""
    where = main_offset(name) if name in dict(MAIN) else table_offset(name, 0, n_signals=3)
    width = where.stop - where.start
    return content[: where.start] + value.ljust(width)[:width] + content[where.stop :]


REFUSED = {
    "empty": (b"", "file is empty"),
    "not an EDF": (b"Dear colleague,\nplease find enclosed" * 50, "not an EDF file"),
    "short text": (b"hello", "not an EDF file"),
    "BDF": (b"\xffBIOSEMI" + SMALL[8:], "a BDF file"),
    "another version": (with_field("version", b"1"), "not an EDF file"),
    "main header cut off": (SMALL[:100], "header is cut off after 100 bytes"),
    "only the version": (SMALL[:8], "header is cut off after 8 bytes"),
    "signal headers cut off": (SMALL[: 256 * 3], "header is cut off: 3 signals need 768 bytes"),
    "no data records": (SMALL[: 256 * 4], "no complete data record"),
    "cut in the first record": (SMALL[: 256 * 4 + 33], "no complete data record"),
    "no signals": (with_field("n_signals", b"0"), "number of signals is 0"),
    "negative number of signals": (with_field("n_signals", b"-3"), "number of signals is -3"),
    "number of signals in words": (with_field("n_signals", b"many"), "number of signals is not"),
    "fewer signals than header": (with_field("n_signals", b"2"), "header size of 1024 bytes"),
    "header size in words": (with_field("header_bytes", b"some"), "header size is not a number"),
    "wrong header size": (with_field("header_bytes", b"512"), "header size of 512 bytes"),
    "record of 0 s": (with_field("record_seconds", b"0"), "duration of a data record is '0'"),
    "record of -1 s": (with_field("record_seconds", b"-1"), "duration of a data record is '-1'"),
    "record of nan s": (with_field("record_seconds", b"nan"), "duration of a data record"),
    "record of inf s": (with_field("record_seconds", b"inf"), "duration of a data record"),
    "record of 1e99 s": (with_field("record_seconds", b"1e99"), "duration of a data record"),
    "record without duration": (with_field("record_seconds", b""), "duration of a data record"),
    "samples in words": (with_field("samples", b"few"), "record length of signal 0"),
    "negative samples": (with_field("samples", b"-8"), "record length of signal 0"),
    "more samples than file": (with_field("samples", b"99999999"), "no complete data record"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_bad_file_is_refused_with_a_reason(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=reason):
        read_header(path)


def test_records_without_samples_are_refused(path: Path) -> None:
    write_edf(path, [channel("Cz", header={"samples": 0})])
    with pytest.raises(RecordingError, match="data records hold no samples"):
        read_header(path)


def test_a_record_too_short_for_any_rate_is_refused(path: Path) -> None:
    """256 samples in 1e-320 s: a rate that no float can hold."""
    write_edf(path, [channel("Cz")], "1e-320")
    with pytest.raises(RecordingError, match="data record"):
        float(read_header(path).rate([0]))


def test_a_file_that_is_gone_is_refused(path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        read_header(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="a folder, not a regular file"):
        read_header(tmp_path)


def test_a_link_to_itself_is_refused(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(RecordingError, match="cannot be read: "):
        read_header(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(path: Path) -> None:
    eeg(path)
    path.chmod(0)
    with pytest.raises(RecordingError, match="cannot be read: Permission denied"):
        read_header(path)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"physical_max": "-3276.8"}, "physical minimum and maximum", id="range 0"),
        pytest.param({"digital_max": "-32768"}, "digital minimum and maximum", id="no steps"),
        pytest.param({"physical_min": "low"}, "unreadable range", id="range in words"),
        pytest.param({"physical_min": ""}, "unreadable range", id="no range"),
        pytest.param({"digital_max": "nan"}, "unreadable range", id="range nan"),
        pytest.param({"physical_max": "inf"}, "unreadable range", id="range inf"),
        pytest.param({"unit": "mmHg"}, "'mmHg', not a voltage", id="pressure"),
        pytest.param({"unit": "%"}, "'%', not a voltage", id="percent"),
        pytest.param({"unit": "MV"}, "'MV', not a voltage; known units are V", id="milli or mega"),
        pytest.param({"unit": "?V"}, r"'\?V', not a voltage", id="mu lost"),
        pytest.param({"unit": "kOhm"}, "'kOhm', not a voltage", id="impedance"),
        pytest.param({"unit": "uV^2"}, r"'uV\^2', not a voltage", id="power"),
        pytest.param({"unit": "Harry"}, "an unknown unit, not a voltage", id="a name"),
    ],
)
def test_a_signal_without_a_scale_in_volts_is_refused(
    path: Path, fields: dict[str, str], reason: str
) -> None:
    eeg(path, changes={"Cz": {"header": fields}})
    header = read_header(path)
    with pytest.raises(RecordingError, match=rf"EEG CZ-REF.*{reason}"):
        check_signals(header.signals[:19])
    assert check_signals(header.signals[:9]) == []


def test_a_signal_without_samples_is_refused(path: Path) -> None:
    write_edf(path, [channel("Cz"), channel("Pz", seconds=0, sfreq=0)])
    with pytest.raises(RecordingError, match="'EEG PZ-REF' has no samples"):
        check_signals(read_header(path).signals[:2])


# --- files that are repaired, and say so --------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 2, 19 * 512 - 1], ids=["one byte", "a sample", "all but one"])
def test_a_last_record_that_is_cut_off_is_dropped(path: Path, cut: int) -> None:
    channels = eeg(path, seconds=20, cut=cut)
    header = read_header(path)
    assert header.n_records == 19
    assert any(
        f"last data record is cut off ({19 * 512 - cut} of {19 * 512} bytes): dropped" in note
        for note in header.notes
    )
    raw = read_clean(path)
    assert raw.n_times == 19 * 256
    np.testing.assert_allclose(
        raw.get_data()[3] * 1e6, channels["P3"].physical[: 19 * 256], atol=1e-9
    )


@pytest.mark.parametrize(
    ("declared", "note"),
    [
        pytest.param(
            "-1",
            "header does not state the number of data records (-1), as in an unfinished recording, "
            "but the file has 20",
            id="unknown",
        ),
        pytest.param("5", "header declares 5 data records, but the file has 20", id="too few"),
        pytest.param("9999", "header declares 9999 data records, but", id="too many"),
        pytest.param("0", "header declares 0 data records, but the file has 20", id="none"),
        pytest.param("", "header has no number of data records, but", id="blank"),
        pytest.param("twenty", "header has no number of data records", id="in words"),
    ],
)
def test_a_wrong_record_count_is_counted_anew(path: Path, declared: str, note: str) -> None:
    channels = eeg(path, seconds=20, n_records=declared)
    header = read_header(path)
    assert header.n_records == 20
    assert [note in told for told in header.notes] == [True]
    np.testing.assert_allclose(
        read_clean(path).get_data()[18] * 1e6, channels["O2"].physical, atol=1e-9
    )


def test_an_unfinished_recording_is_not_listed_with_wrong_counts(path: Path) -> None:
    notes = []
    for number, declared in enumerate([-1, -1, 5, 30]):
        eeg(path, seconds=20 + number, n_records=declared)
        notes += [("", note, f"rec_{number}.edf") for note in read_header(path).notes]
    unfinished = "header does not state the number of data records (-1), as in an unfinished "
    assert sorted(reason.text for reason in group_reasons(notes)) == [
        "header declares 5 to 30 data records, but the file has 22 to 23",
        f"{unfinished}recording, but the file has 20 to 21",
    ]


@pytest.mark.parametrize("declared", [20, -1, 5, "", 99])
@pytest.mark.parametrize("second", [{"seconds": 30}, {"seconds": 1, "names": ["Fp1"]}], ids=str)
def test_a_file_that_is_appended_is_not_read(
    path: Path, declared: int | str, second: dict[str, object]
) -> None:
    """Its header would be read as samples, and its samples at the wrong place."""
    channels = eeg(path, seconds=20, n_records=declared)
    first = path.read_bytes()
    eeg(path, **second)
    path.write_bytes(first + path.read_bytes())
    header = read_header(path)
    assert header.n_records == 20
    assert "another EDF file is appended after 20 data records: ignored" in header.notes
    assert len(header.notes) == (1 if declared == 20 else 2)
    np.testing.assert_allclose(
        read_clean(path).get_data()[18] * 1e6, channels["O2"].physical, atol=1e-9
    )


@pytest.mark.parametrize("date", ["01:01:85", "01/01/85", "01-01-85", "01 01 85"])
def test_a_date_with_other_signs_than_dots_costs_nothing(path: Path, date: str) -> None:
    channels = eeg(path, date=date)
    header = read_header(path)
    assert header.notes == ("start date is not written DD.MM.YY: ignored",)
    np.testing.assert_allclose(
        read_clean(path).get_data()[0] * 1e6, channels["Fp1"].physical, atol=1e-9
    )


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"date": "", "time": ""}, id="blank"),
        pytest.param({"date": "99.99.99", "time": "25.61.61"}, id="impossible"),
        pytest.param({"date": b"\xff" * 8, "time": b"\0" * 8}, id="garbage"),
        pytest.param({"date": "XX.XX.XX", "time": "XX.XX.XX"}, id="anonymous"),
    ],
)
def test_no_date_can_keep_a_recording_out(path: Path, fields: dict[str, str | bytes]) -> None:
    eeg(path, **fields)
    assert read_clean(path).n_times == 20 * 256


@pytest.mark.parametrize(
    ("fields", "volts"),
    [
        pytest.param({"unit": "uV"}, 1e-6, id="uV"),
        pytest.param({"unit": b"\xb5V"}, 1e-6, id="micro sign"),
        pytest.param({"unit": b"\x83\xcaV"}, 1e-6, id="Shift JIS mu"),
        pytest.param({"unit": ""}, 1e-6, id="no unit"),
        pytest.param({"unit": "uv"}, 1e-6, id="uv"),
        pytest.param({"unit": "UV"}, 1e-6, id="UV"),
        pytest.param({"unit": "\u00b5V".encode()}, 1e-6, id="micro sign, UTF-8"),
        pytest.param({"unit": "\u03bcV".encode()}, 1e-6, id="mu, UTF-8"),
        pytest.param({"unit": "\u00b5v".encode()}, 1e-6, id="micro sign, UTF-8, small v"),
        pytest.param({"unit": b"\xe6V"}, 1e-6, id="micro sign, code page 437"),
        pytest.param({"unit": b"\xc3\x82\xc2\xb5V"}, 1e-6, id="micro sign, UTF-8 twice"),
        pytest.param({"unit": "microV"}, 1e-6, id="microV"),
        pytest.param({"unit": "uVolt"}, 1e-6, id="uVolt"),
        pytest.param({"unit": "[uV]"}, 1e-6, id="brackets"),
        pytest.param(
            {"unit": "mv", "physical_min": -3.2768, "physical_max": 3.2767}, 1e-3, id="mv"
        ),
        pytest.param({"unit": "v", "physical_min": -0.0033, "physical_max": 0.0032}, 1.0, id="v"),
        pytest.param(
            {"unit": "mV", "physical_min": -3.2768, "physical_max": 3.2767}, 1e-3, id="mV"
        ),
        pytest.param({"unit": "V", "physical_min": -0.0033, "physical_max": 0.0032}, 1.0, id="V"),
        pytest.param({"physical_min": 3276.7, "physical_max": -3276.8}, 1e-6, id="inverted"),
        pytest.param({"physical_min": -4999.84, "physical_max": 4999.847}, 1e-6, id="asymmetric"),
        pytest.param({"digital_min": 32767, "digital_max": -32768}, 1e-6, id="digital inverted"),
        pytest.param({"digital_min": -2048, "digital_max": 2047}, 1e-6, id="12 bits"),
    ],
)
def test_samples_come_out_in_volts(
    path: Path, fields: dict[str, str | bytes | float], volts: float
) -> None:
    channels = eeg(path, names=["Cz", "Pz"], changes={"Cz": fields})
    check_signals(read_header(path).signals[:2])
    data = read_clean(path).get_data()
    np.testing.assert_allclose(data[0], channels["Cz"].physical * volts, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(data[1], channels["Pz"].physical * 1e-6, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        pytest.param(
            {"physical_min": 3276.7, "physical_max": -3276.8},
            "inverted physical range: EEG CZ-REF",
            id="inverted",
        ),
        pytest.param({"unit": ""}, "no unit, taken as uV: EEG CZ-REF", id="no unit"),
        pytest.param({"unit": "mV"}, None, id="mV"),
    ],
)
def test_odd_scales_are_noted(path: Path, fields: dict[str, object], note: str | None) -> None:
    eeg(path, changes={"Cz": fields})
    assert check_signals(read_header(path).signals[:19]) == ([note] if note else [])


# --- EDF+ ---------------------------------------------------------------------------------------


def test_edf_plus_c_is_continuous(path: Path) -> None:
    eeg(path, onsets=range(20), reserved="EDF+C")
    header = read_header(path)
    assert header.continuous
    assert check_continuous(path, header) == []


@pytest.mark.parametrize(
    "onsets",
    [
        pytest.param(range(20), id="from 0"),
        pytest.param([100 + k for k in range(20)], id="from 100 s"),
        pytest.param([k + 0.25 for k in range(20)], id="fractions"),
        pytest.param([k + 0.0004 * (k % 2) for k in range(20)], id="rounded times"),
    ],
)
def test_edf_plus_d_without_a_gap_is_as_good_as_continuous(path: Path, onsets: list[float]) -> None:
    eeg(path, onsets=onsets, reserved="EDF+D")
    header = read_header(path)
    assert not header.continuous
    assert check_continuous(path, header) == ["marked discontinuous (EDF+D), but has no gap"]


def significant(digits: int) -> Callable[[Fraction], str]:
    return lambda time: f"{float(time):.{digits}g}"


def decimals(count: int) -> Callable[[Fraction], str]:
    """Print a number of decimals, rounded exactly: of floats, halves go up here and down there."""

    def printed(time: Fraction) -> str:
        units = math.floor(time * 10**count + Fraction(1, 2))
        whole, rest = divmod(units, 10**count)
        return f"{whole}.{rest:0{count}d}" if count else f"{whole}"

    return printed


def cut(count: int) -> Callable[[Fraction], str]:
    """Print decimals without rounding."""
    return lambda time: decimals(count)(Fraction(math.floor(time * 10**count), 10**count))


PRINTED = {
    "6 significant digits over hours": ("2.125", Fraction(17, 8), significant(6), 0),
    "6 significant digits of seconds": ("1", Fraction(1), significant(6), 0),
    "4 significant digits": ("0.2", Fraction(1, 5), significant(4), 0),
    "a third of a second": ("0.333333", Fraction(1, 3), significant(6), 0),
    "a third in all digits": ("0.333333", Fraction(1, 3), significant(17), 0),
    "a third in 3 decimals": ("0.333333", Fraction(1, 3), decimals(3), 0),
    "two thirds, cut": ("0.666666", Fraction(2, 3), decimals(4), 0),
    "ten thirds in 6 digits": ("3.33333", Fraction(10, 3), significant(6), 0),
    "a 128th of a second": ("0.007812", Fraction(1, 128), decimals(4), 0),
    "2 decimals": ("0.125", Fraction(1, 8), decimals(2), 0),
    "2 decimals, cut": ("0.125", Fraction(1, 8), cut(2), 0),
    "2 decimals from a 16th on": ("0.125", Fraction(1, 8), decimals(2), Fraction(1, 16)),
    "whole seconds": ("0.5", Fraction(1, 2), cut(0), 0),
    "float noise": ("0.1", Fraction(1, 10), lambda time: repr(float(time)), 0),
    "single precision": ("0.1", Fraction(1, 10), lambda time: f"{np.float32(time):.6f}", 0),
    "a comma": ("0.25", Fraction(1, 4), lambda time: decimals(2)(time).replace(".", ","), 0),
    "from a day on": ("0.125", Fraction(1, 8), significant(7), Fraction(90_000)),
}
MANY = 6_000


def write_times(path: Path, text: str, times: Iterable[str]) -> None:
    """Write an EDF+D file with records that hold a sample each, at times that are printed."""
    tals = [f"+{time}\x14\x14\x00".encode() for time in times]
    one = channel("Cz", len(tals), 1)
    write_edf(path, [one, time_keeping(tals)], text, reserved="EDF+D")


@pytest.mark.parametrize(("text", "length", "printed", "start"), PRINTED.values(), ids=PRINTED)
def test_times_that_are_printed_with_few_digits_are_no_gaps(
    path: Path, text: str, length: Fraction, printed: Callable[[Fraction], str], start: Fraction
) -> None:
    write_times(path, text, [printed(start + k * length) for k in range(MANY)])
    assert check_continuous(path, read_header(path)) != []


@pytest.mark.parametrize("at", [1, MANY - 1], ids=["first", "last"])
@pytest.mark.parametrize(("text", "length", "printed", "start"), PRINTED.values(), ids=PRINTED)
def test_a_gap_of_more_than_the_digits_leave_open_is_found(
    path: Path,
    text: str,
    length: Fraction,
    printed: Callable[[Fraction], str],
    start: Fraction,
    at: int,
) -> None:
    """Twice the unit of the last digit of the latest time."""
    last = printed(start + at * length).replace(",", ".")
    unit = Fraction(10) ** Decimal(last).as_tuple().exponent
    gap = max(2 * unit + Fraction(1, 100), length / 100)
    times = [printed(start + k * length + (gap if k >= at else 0)) for k in range(MANY)]
    write_times(path, text, times)
    with pytest.raises(RecordingError, match=r"discontinuous \(EDF\+D\): a gap of .* s after"):
        check_continuous(path, read_header(path))


def test_gaps_that_add_up_are_found(path: Path) -> None:
    """Each is less than the last digit; together they are three records."""
    write_times(path, "1", [f"{k * 1.003:.2f}" for k in range(1000)])
    with pytest.raises(RecordingError, match="a gap of"):
        check_continuous(path, read_header(path))


@given(
    length=st.integers(1, 80).map(lambda n: Fraction(n, 16)),
    start=st.integers(0, 10**9).map(lambda n: Fraction(n, 10**4)),
    count=st.integers(2, 40),
    printed=st.sampled_from([decimals(2), decimals(3), cut(2), significant(7), significant(9)]),
    gap=st.integers(0, 5),
)
@settings(max_examples=100)
def test_records_follow_each_other_or_not(
    scratch: Path,
    length: Fraction,
    start: Fraction,
    count: int,
    printed: Callable[[Fraction], str],
    gap: int,
) -> None:
    text = f"{float(length):g}"
    write_times(scratch, text, [printed(start + k * length) for k in range(count)])
    assert check_continuous(scratch, read_header(scratch)) != []
    late = [printed(start + k * length + (k == count - 1) * (1 + gap)) for k in range(count)]
    write_times(scratch, text, late)
    with pytest.raises(RecordingError, match="a gap of"):
        check_continuous(scratch, read_header(scratch))


@pytest.mark.parametrize(
    ("onsets", "reason"),
    [
        pytest.param([0, 1, 2, 13, 14], "a gap of 10 s after 3 s", id="a gap"),
        pytest.param([0, 10, 20, 30, 40], "a gap of 9 s after 1 s", id="gaps everywhere"),
        pytest.param([0, 1, 2, 3, 4.5], "a gap of 0.5 s after 4 s", id="at the end"),
        pytest.param([0, 1, 0.5, 3, 4], "discontinuous", id="backwards"),
        pytest.param([0, 1, 1, 2, 3], "discontinuous", id="a record twice"),
    ],
)
def test_edf_plus_d_with_a_gap_is_refused(path: Path, onsets: list[float], reason: str) -> None:
    eeg(path, seconds=5, onsets=onsets, reserved="EDF+D")
    with pytest.raises(RecordingError, match=reason):
        check_continuous(path, read_header(path))


@pytest.mark.parametrize(
    "tal",
    [
        b"",
        b"+1\x14Seizure\x14",
        b"soon\x14\x14",
        b"\xff" * 8,
        b"+\x14\x14",
        b"1\x14\x14",
        b"+" + b"1" * 20 + b"\x14\x14",
        b"+1e999999\x14\x14",
    ],
    ids=["blank", "event first", "in words", "garbage", "sign only", "no sign", "digits", "power"],
)
def test_edf_plus_d_with_a_record_without_time_is_refused(path: Path, tal: bytes) -> None:
    times = time_keeping([b"+0\x14\x14\0", tal, b"+2\x14\x14\0"])
    eeg(path, seconds=3, extra=[times], reserved="EDF+D")
    with pytest.raises(RecordingError, match="record 1 has no time"):
        check_continuous(path, read_header(path))


def test_edf_plus_d_without_times_is_refused(path: Path) -> None:
    eeg(path, reserved="EDF+D")
    with pytest.raises(RecordingError, match=r"discontinuous.*have no times"):
        check_continuous(path, read_header(path))


# --- the clean view -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [{}, {"unit": "mV"}, {"physical_min": -4999.84, "physical_max": 4999.847}],
    ids=["uV", "mV", "asymmetric"],
)
@pytest.mark.parametrize("sfreq", [250, 256, 400, 1000])
def test_samples_are_those_that_mne_reads_from_the_file_itself(
    path: Path, sfreq: int, fields: dict[str, object]
) -> None:
    eeg(path, seconds=3, sfreq=sfreq, changes={"Cz": fields})
    direct = mne.io.read_raw_edf(path, preload=True, verbose="error")
    clean = read_clean(path)
    assert clean.info["sfreq"] == direct.info["sfreq"]
    np.testing.assert_array_equal(clean.get_data(), direct.get_data())


def test_mne_sees_no_personal_field(path: Path) -> None:
    noisy = {
        "label": "Harry's EEG",
        "transducer": "EMG561 Sony",
        "prefilter": "Haagse",
        "header": {"reserved": "MCH-0234567"},
    }
    eeg(path, extra=[channel("Cz", **noisy)], **PERSON)
    raw = read_clean(path)
    seen = f"{raw.info} {raw.info['subject_info']} {raw.info['description']} {raw.annotations}"
    assert [word for word in PERSONAL_WORDS if word in seen] == []
    assert not {"birthday", "first_name"} & set(raw.info["subject_info"] or {})
    assert raw.info["meas_date"].year == 1985


def test_nothing_personal_is_in_the_clean_header(path: Path) -> None:
    noisy = {"transducer": "EMG561 Sony", "prefilter": "Haagse", "header": {"reserved": "MCH"}}
    eeg(path, extra=[channel("EKG1", label="Harry's ECG", **noisy)], **PERSON)
    head = clean_bytes(path)[: 256 * 21].decode("latin-1")
    assert [word for word in PERSONAL_WORDS if word in head] == []


def test_no_note_or_reason_quotes_a_personal_field(path: Path) -> None:
    eeg(path, n_records=-1, cut=7, **PERSON | {"date": "02:03:02"})
    notes = " ".join(read_header(path).notes)
    assert [word for word in (*PERSONAL_WORDS, "02:03:02") if word in notes] == []


def test_annotations_inside_the_file_are_not_read(path: Path) -> None:
    """An EDF+ file may say in a record what was seen, and of whom."""
    said = [b"+%d\x14\x14\0+%d\x14Harry\x14\0" % (k, k) for k in range(3)]
    eeg(path, seconds=3, extra=[time_keeping(said)], reserved="EDF+C")
    header = read_header(path)
    with clean_edf(path, header, {0: "Fp1"}) as file:
        raw = mne.io.read_raw_edf(file, include=["Fp1"], preload=True, verbose="error")
    assert len(raw.annotations) == 0


def test_the_clean_view_has_the_records_of_the_file(path: Path) -> None:
    eeg(path, seconds=3, n_records=-1, cut=1, **PERSON)
    header = read_header(path)
    clean, content = clean_bytes(path), path.read_bytes()
    assert len(clean) == header.n_bytes + 2 * header.record_bytes
    assert clean[header.n_bytes :] == content[header.n_bytes : len(clean)]
    assert clean[main_offset("n_records")] == b"2       "
    assert clean[main_offset("header_bytes")] == b"5120    "


def test_only_the_signals_that_are_read_keep_a_name(path: Path) -> None:
    eeg(path, seconds=1, names=["Fp1", "Cz"])
    with clean_edf(path, read_header(path), {1: "Cz"}) as file:
        head = file.read(1000)
    assert head[table_offset("label", 0, n_signals=2)] == b"signal 0".ljust(16)
    assert head[table_offset("label", 1, n_signals=2)] == b"Cz".ljust(16)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Return a small EDF file, and the bytes of its clean view."""
    path = tmp_path_factory.mktemp("edf") / "small.edf"
    path.write_bytes(SMALL)
    return path, clean_bytes(path)


def open_clean(path: Path) -> CleanEdf:
    return clean_edf(path, read_header(path), {0: "Fp1"})


BORDER = 256 * 4


@pytest.mark.parametrize("start", [0, BORDER - 1, BORDER, BORDER + 1, len(SMALL) - 1])
@pytest.mark.parametrize("count", [0, 1, 2, 300])
def test_a_read_near_a_border_gives_the_bytes_there(
    small: tuple[Path, bytes], start: int, count: int
) -> None:
    path, content = small
    with open_clean(path) as file:
        assert file.seek(start) == start
        read = file.read(count)
        assert file.tell() == start + len(read)
        assert bool(read) == (count > 0)
        assert read == content[start : start + len(read)]
        assert read + (file.read(count - len(read)) or b"") == content[start : start + count]


def test_the_clean_view_ends_where_its_records_end(small: tuple[Path, bytes]) -> None:
    path, content = small
    with open_clean(path) as file:
        assert file.readable()
        assert file.seekable()
        assert not file.writable()
        assert file.seek(0, os.SEEK_END) == len(content)
        assert file.read(10) == b""
        assert file.seek(-3, os.SEEK_END) == len(content) - 3
        assert file.read() == content[-3:]
        assert file.seek(1000, os.SEEK_END) == len(content) + 1000
        assert file.read(10) == b""
        assert file.seek(5) == 5
        assert file.seek(3, os.SEEK_CUR) == 8
        assert file.read(80) == content[8:88]


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("seek"), st.integers(0, len(SMALL) + 50)),
            st.tuples(st.just("read"), st.integers(0, len(SMALL))),
        ),
        max_size=12,
    )
)
@settings(deadline=None)
def test_the_clean_view_reads_like_the_bytes_it_stands_for(
    small: tuple[Path, bytes], steps: list[tuple[str, int]]
) -> None:
    path, content = small
    oracle = io.BytesIO(content)
    with open_clean(path) as raw, io.BufferedReader(raw, buffer_size=64) as file:
        for step, number in steps:
            assert getattr(file, step)(number) == getattr(oracle, step)(number)
            assert file.tell() == oracle.tell()


# --- any bytes at all ---------------------------------------------------------------------------


def header_or_reason(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        header = read_header(path)
        check_signals(header.signals)
        check_continuous(path, header)
    except RecordingError:
        return
    assert header.n_records >= 1
    assert header.n_bytes + header.n_records * header.record_bytes <= len(content)


@given(
    changes=st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=8),
    length=st.integers(0, len(SMALL)) | st.just(len(SMALL)),
)
@settings(deadline=None)
def test_changed_bytes_give_a_header_or_a_reason(
    scratch: Path, changes: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(SMALL)
    for position, value in changes:
        content[position] = value
    header_or_reason(scratch, bytes(content[:length]))


FIELDS = sorted({name for name, _ in (*MAIN, *TABLE)})
NUMERALS = st.text("0123456789+-.,eE_ nainf\0", max_size=8).map(str.encode)


@given(fields=st.dictionaries(st.sampled_from(FIELDS), NUMERALS | st.binary(max_size=8)))
@example(fields={"record_seconds": b"1e-320"})
@example(fields={"record_seconds": b"1_0"})
@example(fields={"samples": b"99999999"})
@example(fields={"reserved": b"EDF+D"})
@settings(deadline=None)
def test_changed_fields_give_a_header_or_a_reason(scratch: Path, fields: dict[str, bytes]) -> None:
    content = SMALL
    for name, value in fields.items():
        content = with_field(name, value, content)
    header_or_reason(scratch, content)


@given(content=st.binary(max_size=600) | st.binary(max_size=600).map(b"0       ".__add__))
@settings(deadline=None)
def test_any_bytes_give_a_header_or_a_reason(scratch: Path, content: bytes) -> None:
    header_or_reason(scratch, content)

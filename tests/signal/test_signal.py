"""Laws of signal processing that every step keeps, and what sets the default apart."""

from fractions import Fraction

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tuszstore.config import Signal, Storage, load_config
from tuszstore.errors import RecordingError
from tuszstore.registry import FILTERS
from tuszstore.signal.filters import causal, design, zero_phase
from tuszstore.signal.gaps import interpolate_gaps
from tuszstore.signal.normalise import robust_zscore, zscore
from tuszstore.signal.pipeline import Preprocessed, preprocess
from tuszstore.signal.quantise import quantise
from tuszstore.signal.resample import Resampler, fft, nominal_rate, polyphase, resampled_length
from tuszstore.store.schema import MISSING_INT16, missing_value

DEFAULT = load_config().signal
REFERENCE = load_config("reference").signal
CONFIGS = pytest.mark.parametrize("config", [DEFAULT, REFERENCE], ids=["default", "reference"])
RATES = (250, 256, 400, 512, 1000)

Signals = NDArray[np.float32]


def eeg(seconds: float = 60, sfreq: int = 256, channels: int = 2, seed: int = 0) -> Signals:
    """Noise with the spectrum of EEG, about: 30 µV, more of it at low frequencies."""
    rng = np.random.default_rng(seed)
    white = rng.normal(0, 1, (channels, round(seconds * sfreq)))
    slow = scipy.signal.lfilter([1], [1, -0.9], white)
    return (30 * slow / slow.std()).astype(np.float32)


def sine(frequency: float, seconds: float = 20, sfreq: float = 256) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * sfreq)) / sfreq)


def run(data: NDArray[np.floating], config: Signal, sfreq: int = 256) -> Preprocessed:
    return preprocess(np.atleast_2d(data).astype(np.float32), Fraction(sfreq), config)


def change(config: Signal, **fields: object) -> Signal:
    return Signal.model_validate({**config.model_dump(), **fields})


def amplitude(x: NDArray[np.floating]) -> float:
    """Amplitude of a sine, from the middle of the signal."""
    middle = x[x.size // 4 : -x.size // 4]
    return float(np.sqrt(2) * middle.std())


# --- resampling ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_samples", "sfreq", "target", "length"),
    [
        (2560, Fraction(256), 256, 2560),
        (2500, Fraction(250), 256, 2560),
        (4000, Fraction(400), 256, 2560),
        (1, Fraction(400), 256, 1),
        (1, Fraction(1000), 256, 0),
        (125, Fraction(2000), 256, 16),
        (5, Fraction(512), 256, 2),  # 2.5, half to even
        (7, Fraction(512), 256, 4),  # 3.5, half to even
        (200, Fraction(1000, 3), 256, 154),
    ],
    ids=str,
)
def test_a_resampled_length_is_rounded_half_to_even(
    n_samples: int, sfreq: Fraction, target: int, length: int
) -> None:
    assert resampled_length(n_samples, sfreq, target) == length


@given(n_samples=st.integers(0, 10**8), sfreq=st.integers(1, 100_000))
def test_a_resampled_length_is_that_of_the_npz_pipeline(n_samples: int, sfreq: int) -> None:
    assert resampled_length(n_samples, Fraction(sfreq), 256) == round(n_samples * 256 / sfreq)


@pytest.mark.parametrize(
    ("seconds", "n_samples", "rate"),
    [
        ("0.333333", 100, 300),
        ("0.666666", 200, 300),
        ("0.666667", 200, 300),
        ("3.33333", 1000, 300),
        ("0.142857", 100, 700),
        ("0.333333", 25, 75),
        ("1.33333", 450, Fraction(675, 2)),
    ],
)
def test_a_rounded_record_length_blurs_no_rate(
    seconds: str, n_samples: int, rate: Fraction
) -> None:
    found = nominal_rate(n_samples / Fraction(seconds), 256, "polyphase")
    assert found == rate
    x = sine(10, 12, float(rate)).astype(np.float32)
    result = preprocess(np.stack([x, x]), n_samples / Fraction(seconds), Signal())
    np.testing.assert_array_equal(
        result.data, preprocess(np.stack([x, x]), Fraction(rate), Signal()).data
    )


@pytest.mark.parametrize(
    "sfreq",
    [
        pytest.param(Fraction(300), id="simple"),
        pytest.param(Fraction(1000, 3), id="a third"),
        pytest.param(Fraction("249.99"), id="simple enough"),
        pytest.param(Fraction("249.9951"), id="too far"),
        pytest.param(Fraction("256.00001") / 10**9, id="almost none"),
    ],
)
@pytest.mark.parametrize("resample", ["polyphase", "fft"])
def test_any_other_rate_stays(sfreq: Fraction, resample: str) -> None:
    assert nominal_rate(sfreq, 256, resample) == sfreq
    assert nominal_rate(100 / Fraction("0.333333"), 256, "fft") != 300


@pytest.mark.parametrize("resample", [polyphase, fft])
@given(
    n_samples=st.integers(2, 3000),
    sfreq=st.sampled_from([100, 250, 400, 512, 1000])
    | st.integers(64, 2000).filter(lambda sfreq: sfreq != 256),
)
@settings(deadline=None, max_examples=40)
def test_a_resampler_returns_as_many_samples_as_are_asked_for(
    resample: Resampler, n_samples: int, sfreq: int
) -> None:
    rate = Fraction(sfreq)
    if length := resampled_length(n_samples, rate, 256):
        assert resample(np.zeros((2, n_samples)), rate, 256, length).shape == (2, length)


@pytest.mark.parametrize("sfreq", [250, 400, 512, 1000, Fraction(1000, 3)], ids=str)
@pytest.mark.parametrize("frequency", [0.5, 10, 40, 90])
def test_polyphase_keeps_a_sine(sfreq: Fraction, frequency: float) -> None:
    x = sine(frequency, 20, float(sfreq))[None]
    length = resampled_length(x.shape[1], Fraction(sfreq), 256)
    (y,) = polyphase(x, Fraction(sfreq), 256, length)
    expected = sine(frequency, 20, 256)
    middle = slice(2 * 256, 18 * 256)
    assert np.abs(y[middle] - expected[middle]).max() < 0.01
    peak = np.fft.rfftfreq(length, 1 / 256)[np.abs(np.fft.rfft(y)).argmax()]
    assert peak == pytest.approx(frequency, rel=0.01)


def test_polyphase_takes_out_what_the_new_rate_cannot_hold() -> None:
    (y,) = polyphase(sine(200, 20, 1000)[None], Fraction(1000), 256, 5120)
    assert amplitude(y) < 0.01


def step_at_the_end(n_samples: int) -> NDArray[np.float64]:
    x = np.zeros((1, n_samples))
    x[:, -400:] = 1000
    return x


def test_polyphase_does_not_wrap_the_end_into_the_start() -> None:
    (y,) = polyphase(step_at_the_end(24_000), Fraction(400), 256, 15_360)
    assert np.abs(y[: 50 * 256]).max() < 0.01


def test_fft_wraps_the_end_into_the_start() -> None:
    """Which is why it is not the default."""
    (y,) = fft(step_at_the_end(24_000), Fraction(400), 256, 15_360)
    assert np.abs(y[:256]).max() > 5


@pytest.mark.parametrize("sfreq", [250, 400, 512, 1000])
@pytest.mark.parametrize("offset", [-3000.0, 1.0, 4999.0])
def test_polyphase_makes_no_ripple_of_an_offset(offset: float, sfreq: int) -> None:
    """Not by more than the finest step of an amplifier, 0.15 µV."""
    (y,) = polyphase(np.full((1, 10 * sfreq), offset), Fraction(sfreq), 256, 2560)
    assert np.abs(y - offset).max() < 0.15


@pytest.mark.parametrize("sfreq", [250, 400, 1000])
def test_fft_is_scipys(sfreq: int) -> None:
    x = eeg(10, sfreq).astype(np.float64)
    y = fft(x, Fraction(sfreq), 256, 2560)
    np.testing.assert_array_equal(y, scipy.signal.resample(x, 2560, axis=-1))


def test_a_rate_without_a_simple_ratio_is_refused_with_the_way_out() -> None:
    with pytest.raises(RecordingError, match=r"249\.99999 Hz .*set signal\.resample to 'fft'"):
        polyphase(np.zeros((1, 100)), Fraction("249.99999"), 256, 102)
    assert fft(np.zeros((1, 100)), Fraction("249.99999"), 256, 102).shape == (1, 102)


# --- filters ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(
    ("frequency", "kept"),
    [(0.05, False), (60, False), (125, False), (2, True), (10, True), (30, True), (90, True)],
    ids=lambda value: {True: "kept", False: "attenuated"}.get(value, f"{value} Hz"),
)
def test_filters_keep_eeg_and_take_out_the_rest(name: str, frequency: float, kept: bool) -> None:
    x = sine(frequency, 60)[None]
    (y,) = FILTERS[name](x, design(DEFAULT), 256)
    left = amplitude(y) / amplitude(x[0])
    if kept:
        assert left == pytest.approx(1, abs=0.05)
    else:
        assert left < 0.3 if frequency == 125 else left < 0.02


def test_zero_phase_has_no_delay() -> None:
    # the delay shows on a signal within the band
    x = eeg(60, channels=1).astype(np.float64)
    band = scipy.signal.sosfiltfilt(
        scipy.signal.butter(4, [2, 40], "band", fs=256, output="sos"), x
    )
    y = zero_phase(band, design(DEFAULT), 256)
    correlation = scipy.signal.correlate(y[0], band[0])
    assert correlation.argmax() == band.shape[1] - 1


@pytest.mark.parametrize("frequency", [2, 10, 30, 90])
def test_zero_phase_leaves_each_frequency_where_it_is(frequency: float) -> None:
    x = sine(frequency, 60)
    (y,) = zero_phase(x[None], design(DEFAULT), 256)
    middle = slice(20 * 256, 40 * 256)
    assert np.corrcoef(x[middle], y[middle])[0, 1] > 0.9999


def test_zero_phase_is_the_same_backwards() -> None:
    x = eeg(60).astype(np.float64)
    forward = zero_phase(x, design(DEFAULT), 256)
    backward = zero_phase(x[:, ::-1], design(DEFAULT), 256)[:, ::-1]
    middle = slice(10 * 256, 50 * 256)
    np.testing.assert_allclose(forward[:, middle], backward[:, middle], atol=1e-3)


def test_a_causal_filter_does_not_see_the_future() -> None:
    x = eeg(20).astype(np.float64)
    other = x.copy()
    other[:, 10 * 256 :] += 500
    for name in ("causal", "causal_from_rest"):
        y, z = (FILTERS[name](data, design(DEFAULT), 256) for data in (x, other))
        np.testing.assert_array_equal(y[:, : 10 * 256], z[:, : 10 * 256])
        assert (y[:, 10 * 256 + 5] != z[:, 10 * 256 + 5]).all()


@pytest.mark.parametrize("name", ["zero_phase", "causal"])
def test_an_offset_makes_no_step_at_the_start(name: str) -> None:
    y = FILTERS[name](np.full((1, 5120), 3000.0), design(DEFAULT), 256)
    assert np.abs(y).max() < 1e-3


def test_causal_from_rest_is_scipys_lfilter() -> None:
    x = eeg(10).astype(np.float64)
    y = FILTERS["causal_from_rest"](x, design(REFERENCE), 256)
    b, a = scipy.signal.butter(3, np.array([0.5, 120]) / 128, "band")
    expected = scipy.signal.lfilter(b, a, x)
    expected = scipy.signal.lfilter(*scipy.signal.iirnotch(60, 30, 256), expected)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("name", FILTERS)
def test_without_filters_nothing_is_filtered(name: str) -> None:
    x = eeg(5).astype(np.float64)
    sections = design(change(DEFAULT, bandpass=None, notch=None))
    assert sections == []
    np.testing.assert_array_equal(FILTERS[name](x.copy(), sections, 256), x)


def test_one_filter_can_be_left_out() -> None:
    assert len(design(change(DEFAULT, bandpass=None))) == 1
    assert len(design(change(DEFAULT, notch=None))) == 1
    assert len(design(DEFAULT)) == 2


def test_causal_filters_are_stable_over_an_hour() -> None:
    y = causal(np.full((1, 3600 * 256), 4999.0), design(DEFAULT), 256)
    assert np.abs(y[:, -256:]).max() < 1e-3


@pytest.mark.parametrize("name", FILTERS)
def test_filters_are_linear(name: str) -> None:
    x, y = (eeg(5, seed=seed).astype(np.float64) for seed in (1, 2))
    sections = design(DEFAULT)
    both = FILTERS[name](3 * x - 2 * y, sections, 256)
    np.testing.assert_allclose(
        both,
        3 * FILTERS[name](x, sections, 256) - 2 * FILTERS[name](y, sections, 256),
        atol=1e-6,
    )


# --- gaps ---------------------------------------------------------------------------------------


NUMBERS = st.floats(-1e4, 1e4)
BROKEN = st.sampled_from([np.nan, np.inf, -np.inf])


@given(values=st.lists(NUMBERS | BROKEN, min_size=1, max_size=30))
def test_interpolation_touches_only_what_is_no_number(values: list[float]) -> None:
    x = np.array(values)
    broken = ~np.isfinite(x)
    y = x.copy()
    assert interpolate_gaps(y) == broken.sum()
    np.testing.assert_array_equal(y[~broken], x[~broken])
    low, high = (x[~broken].min(), x[~broken].max()) if not broken.all() else (0.0, 0.0)
    assert ((y >= low - 1e-9) & (y <= high + 1e-9)).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, np.nan, 3], [1, 2, 3]),
        ([1, np.nan, np.inf, -np.inf, 5], [1, 2, 3, 4, 5]),
        ([np.nan, np.nan, 3, 4], [3, 3, 3, 4]),
        ([1, 2, np.nan], [1, 2, 2]),
        ([np.nan, np.inf], [0, 0]),
        ([7], [7]),
        ([np.nan], [0]),
    ],
    ids=str,
)
def test_interpolation_is_a_straight_line(values: list[float], expected: list[float]) -> None:
    x = np.array(values, float)
    interpolate_gaps(x)
    np.testing.assert_allclose(x, expected)


@pytest.mark.parametrize("sfreq", [256, 400])
def test_a_gap_does_not_ruin_its_channel(sfreq: int) -> None:
    data = eeg(60, sfreq)
    whole = run(data, DEFAULT, sfreq)
    broken = data.copy()
    broken[1, 10 * sfreq : 10 * sfreq + 50] = np.nan
    broken[1, 12 * sfreq] = np.inf
    result = run(broken, DEFAULT, sfreq)
    assert result.interpolated_samples.tolist() == [0, 51]
    np.testing.assert_array_equal(result.data[0], whole.data[0])
    assert np.isfinite(result.data).all()
    assert result.data[1].std() == pytest.approx(1, abs=0.02)
    after = slice(20 * 256, 60 * 256)
    np.testing.assert_allclose(result.data[1, after], whole.data[1, after], atol=0.05)


def test_a_gap_zeroes_its_channel_under_the_reference() -> None:
    data = eeg(20)
    data[1, 2000] = np.nan
    result = run(data, REFERENCE)
    assert (result.data[1] == 0).all()
    assert result.data[0].std() == pytest.approx(1, abs=0.02)
    assert result.interpolated_samples.tolist() == [0, 0]


@CONFIGS
def test_a_channel_without_any_number_is_zero(config: Signal) -> None:
    data = eeg(20)
    data[0] = np.nan
    result = run(data, config)
    assert (result.data[0] == 0).all()
    assert result.data[1].std() == pytest.approx(1, abs=0.02)


# --- normalising --------------------------------------------------------------------------------


@CONFIGS
@pytest.mark.parametrize("sfreq", RATES)
def test_clean_eeg_has_mean_0_and_standard_deviation_1(config: Signal, sfreq: int) -> None:
    result = run(eeg(60, sfreq), config, sfreq)
    assert result.data.dtype == np.float32
    assert result.data.shape == (2, 60 * 256)
    np.testing.assert_allclose(result.data.mean(axis=1), 0, atol=1e-3)
    np.testing.assert_allclose(result.data.std(axis=1), 1, atol=1e-2)


@CONFIGS
def test_mean_and_sd_give_microvolts_back(config: Signal) -> None:
    data = eeg(60)
    result = run(data, config)
    filtered = FILTERS[config.filter](data.astype(np.float64), design(config), 256)
    restored = result.data * result.sd[:, None] + result.mean[:, None]
    inside = np.abs(result.data) < config.clip
    np.testing.assert_allclose(restored[inside], filtered[inside], atol=1e-3)


def test_the_reference_is_the_zscore_of_the_npz_pipeline() -> None:
    x = eeg(20).astype(np.float64)
    expected = (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True) + 1e-8)
    y = x.copy()
    mean, sd = zscore(y, 256)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(mean, x.mean(-1))
    np.testing.assert_array_equal(sd, x.std(-1))


def test_the_robust_zscore_is_the_zscore_where_there_is_no_artefact() -> None:
    x = np.random.default_rng(0).normal(5, 30, (3, 20_000))
    y, z = x.copy(), x.copy()
    np.testing.assert_allclose(robust_zscore(y, 256), zscore(z, 256), rtol=1e-9)
    np.testing.assert_allclose(y, z, atol=1e-9)


@given(scale=st.floats(1e-3, 1e3), offset=st.floats(-1e4, 1e4))
@settings(deadline=None, max_examples=20)
def test_gain_and_offset_of_an_amplifier_do_not_matter(scale: float, offset: float) -> None:
    x = eeg(10).astype(np.float64)
    y = x * scale + offset
    robust_zscore(x, 256)
    robust_zscore(y, 256)
    np.testing.assert_allclose(x, y, atol=1e-6)


def start_sd(result: Preprocessed) -> float:
    return float(result.data[:, : 5 * 256].std())


@pytest.mark.parametrize("sfreq", [256, 400])
def test_an_offset_does_not_ring_through_the_start(sfreq: int) -> None:
    data = eeg(60, sfreq)
    clean, offset = run(data, DEFAULT, sfreq), run(data + 3000, DEFAULT, sfreq)
    assert start_sd(offset) == pytest.approx(start_sd(clean), rel=0.02)
    np.testing.assert_allclose(offset.data.std(axis=1), 1, atol=0.02)


def test_an_offset_rings_through_the_start_under_the_reference() -> None:
    result = run(eeg(60) + 3000, REFERENCE)
    rest = result.data[:, 30 * 256 :].std()
    assert rest < 0.9
    assert start_sd(result) > 2 * rest


def sd_beside_a_pop(seconds: int, config: Signal) -> float:
    """SD of all but 11 s around a pop of 4.5 mV that lasts 1 s."""
    data = eeg(seconds)
    pop = seconds // 2 * 256
    data[:, pop : pop + 256] += 4500
    rest = np.r_[0 : pop - 5 * 256, pop + 6 * 256 : seconds * 256]
    return float(run(data, config).data[:, rest].std())


@pytest.mark.parametrize("seconds", [120, 600])
def test_one_pop_leaves_the_rest_as_it_was(seconds: int) -> None:
    assert sd_beside_a_pop(seconds, DEFAULT) == pytest.approx(1, abs=0.1)
    assert sd_beside_a_pop(seconds, REFERENCE) < 0.4


@CONFIGS
def test_values_are_clipped(config: Signal) -> None:
    data = eeg(60)
    data[:, 5000:5010] += 5000
    assert np.abs(run(data, config).data).max() == config.clip
    assert np.abs(run(data, change(config, clip=3)).data).max() == 3
    assert np.abs(run(data, change(config, clip=None)).data).max() > 10


def test_microvolts_can_be_kept() -> None:
    data = eeg(10)
    kept = change(DEFAULT, normalise="none", clip=None, bandpass=None, notch=None)
    result = run(data, kept)
    np.testing.assert_array_equal(result.data, data)
    assert (result.mean.tolist(), result.sd.tolist()) == ([0, 0], [1, 1])


# --- channels without EEG -----------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 0.15, 37.0, -4999.84])
@pytest.mark.parametrize("sfreq", [256, 400])
@pytest.mark.parametrize("name", ["zero_phase", "causal"])
def test_a_flat_channel_is_zero(value: float, sfreq: int, name: str) -> None:
    """Whatever is left of it after filtering is rounding, and must not become EEG."""
    data = eeg(20, sfreq)
    data[1] = value
    result = run(data, change(DEFAULT, filter=name), sfreq)
    assert (result.data[1] == 0).all()
    assert result.data[0].std() == pytest.approx(1, abs=0.02)


@CONFIGS
def test_a_channel_of_zeros_is_zero(config: Signal) -> None:
    data = eeg(20)
    data[1] = 0
    assert (run(data, config).data[1] == 0).all()


@pytest.mark.parametrize("value", [0.0, 37.0])
@pytest.mark.parametrize("share", [0.4, 0.6, 0.9])
def test_an_electrode_that_is_off_for_a_while_does_not_ruin_the_rest(
    share: float, value: float
) -> None:
    data = eeg(100)
    on = round(share * 100) * 256
    data[1, :on] = value
    result = run(data, DEFAULT)
    rest = result.data[1, on + 4 * 256 :]
    assert (np.abs(rest) == DEFAULT.clip).mean() < 0.01
    assert 0.5 < rest.std() < 5


# --- the whole pipeline -------------------------------------------------------------------------


@CONFIGS
@pytest.mark.parametrize("sfreq", RATES)
def test_channels_do_not_know_of_each_other(config: Signal, sfreq: int) -> None:
    data = eeg(10, sfreq, channels=19)
    data[3, 100:120] = np.nan
    data[7] = 0
    together = run(data, config, sfreq)
    for number, row in enumerate(data):
        alone = run(row, config, sfreq)
        # SciPy's FFT of four rows at once may differ in the last bit from that of one
        np.testing.assert_allclose(together.data[number], alone.data[0], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(together.mean[number], alone.mean[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(together.sd[number], alone.sd[0], rtol=1e-9)
        assert together.interpolated_samples[number] == alone.interpolated_samples[0]


@CONFIGS
def test_what_is_given_is_not_changed(config: Signal) -> None:
    data = eeg(10)
    data[0, 7] = np.nan
    before = data.copy()
    preprocess(data, Fraction(256), config)
    np.testing.assert_array_equal(data, before)


@CONFIGS
@pytest.mark.parametrize("sfreq", [128, *RATES])
@pytest.mark.parametrize("n_samples", [1, 2, 3, 10, 100])
def test_very_short_recordings_are_no_trouble(config: Signal, sfreq: int, n_samples: int) -> None:
    data = eeg(n_samples / sfreq, sfreq)
    if resampled_length(n_samples, Fraction(sfreq), 256) == 0:
        with pytest.raises(RecordingError, match="less than one sample at 256 Hz"):
            run(data, config, sfreq)
        return
    result = run(data, config, sfreq)
    assert result.data.shape == (2, resampled_length(n_samples, Fraction(sfreq), 256))
    assert np.isfinite(result.data).all()
    if result.data.size:
        assert np.isfinite(result.mean).all()
        assert np.isfinite(result.sd).all()


@pytest.mark.parametrize("sfreq", [128, 250, 500])
def test_another_rate_can_be_stored(sfreq: int) -> None:
    config = Signal(sfreq=sfreq, bandpass={"low": 0.5, "high": 40})
    result = run(eeg(30, 256), config)
    assert result.data.shape == (2, 30 * sfreq)
    assert result.data.std() == pytest.approx(1, abs=0.02)


# --- quantising ---------------------------------------------------------------------------------


SCALED = st.integers(-14, -5).flatmap(
    lambda exponent: st.tuples(
        st.just(2.0**exponent),
        st.lists(st.floats(-32767 * 2.0**exponent, 32767 * 2.0**exponent, width=32), min_size=1),
    )
)


@given(scaled=SCALED)
def test_rounding_is_off_by_half_a_step_at_most(scaled: tuple[float, list[float]]) -> None:
    scale, values = scaled
    data = np.array(values, np.float32)
    stored = quantise(data, Storage(scale=scale))
    assert stored.dtype == np.int16
    assert (stored.astype(int) != MISSING_INT16).all()
    assert np.abs(stored * scale - data.astype(float)).max() <= scale / 2


@given(scale=st.floats(10 / 32767, 1), values=st.lists(st.floats(-10, 10, width=32), min_size=1))
def test_a_scale_may_be_any_number(scale: float, values: list[float]) -> None:
    data = np.array(values, np.float32)
    stored = quantise(data, Storage(scale=scale))
    assert (np.abs(stored.astype(int)) <= 32767).all()
    # float32 holds 32767 steps with 0.002 of a step
    assert np.abs(stored * scale - data.astype(float)).max() <= 0.505 * scale


@CONFIGS
def test_whatever_is_clipped_can_be_stored(config: Signal) -> None:
    data = eeg(20)
    data[:, 2000:2100] += 1e6
    result = run(data, config).data
    restored = quantise(result, Storage()) * Storage().scale
    assert np.abs(restored - result).max() <= Storage().scale / 2


def test_quantising_twice_changes_nothing() -> None:
    storage = Storage()
    once = quantise(run(eeg(20), DEFAULT).data, storage)
    again = quantise((once * storage.scale).astype(np.float32), storage)
    np.testing.assert_array_equal(once, again)


def test_float32_is_stored_as_it_is() -> None:
    data = run(eeg(5), DEFAULT).data
    assert quantise(data, Storage(dtype="float32")) is data


def test_the_value_for_no_sample_is_none_that_a_sample_can_have() -> None:
    assert missing_value("int16") == MISSING_INT16 == -32768
    assert np.isnan(missing_value("float32"))
    assert DEFAULT.clip / Storage().scale < 32767


@pytest.mark.parametrize("normalise", ["robust_zscore", "zscore", "none"])
def test_moments_of_derivations_are_those_of_their_own_signal(normalise: str) -> None:
    """A build with the derived channels would have the same, artefacts or not."""
    data = eeg(120, channels=3)
    data[1, 5000:5600] += 4000  # an artefact on one electrode only
    config = Signal(normalise=normalise, clip=None)
    recipes = [((0, 1.0), (1, -1.0)), ((2, -1.0),), ((0, 0.5), (1, -0.25), (2, -0.25))]
    result = preprocess(data, Fraction(256), config, recipes)
    derived = np.stack([data[0] - data[1], -data[2], data[0] / 2 - data[1] / 4 - data[2] / 4])
    own = preprocess(derived, Fraction(256), config)
    for found, expected in zip(result.derived, (own.mean, own.sd), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    without = preprocess(data, Fraction(256), config)
    np.testing.assert_array_equal(result.data, without.data)
    assert [moments.tolist() for moments in without.derived] == [[], []]

"""What a page shows, without a browser."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import signal

import tuszstore
from tests.store.object_server import serve
from tuszstore.browse.montages import AS_STORED, AVERAGE, montages
from tuszstore.browse.pages import Band, probability, read_page, thin_out
from tuszstore.browse.places import errors, seizures, windows

SECONDS = 10.0
NO_BAND = Band()


def test_a_page_is_the_recording_in_microvolts(train: tuszstore.Store) -> None:
    shown = montages(train)[AS_STORED]
    page = read_page(shown, 1, 20, SECONDS, NO_BAND)
    expected = train.read_recording(1, 20, 30, microvolts=True)
    places, values = thin_out(expected)
    np.testing.assert_allclose(page.traces, values, rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(page.times, 20 + places / train.sfreq)
    assert page.channels == train.channels


def test_a_page_past_the_end_ends_there(train: tuszstore.Store) -> None:
    end = train.reader.length(0) / train.sfreq
    page = read_page(train, 0, end - 3, SECONDS, NO_BAND)
    assert (page.start, page.stop) == (end - 3, end)
    assert read_page(train, 0, end + 50, SECONDS, Band(1, 35, 50)).traces.shape[1] == 0


def test_a_montage_is_a_difference_of_electrodes(train: tuszstore.Store) -> None:
    shown = montages(train)
    assert next(iter(shown)) == AS_STORED
    assert {"double_banana", "tcp_a", AVERAGE} <= set(shown)
    assert "tcp" not in shown  # A1 and A2 are not stored
    page = read_page(shown["double_banana"], 0, 0, 2, NO_BAND)
    own = read_page(shown[AS_STORED], 0, 0, 2, NO_BAND)
    row = dict(zip(own.channels, own.traces, strict=True))
    first = dict(zip(page.channels, page.traces, strict=True))["Fp1-F7"]
    np.testing.assert_allclose(first, row["Fp1"] - row["F7"], atol=2e-3)


def test_a_bipolar_store_is_shown_as_it_is(small_corpus: Path, tmp_path: Path) -> None:
    report = tuszstore.build("bipolar", data=small_corpus, store=tmp_path, workers=0)
    assert list(montages(tuszstore.open(report.store))) == [AS_STORED]


@given(
    data=arrays(np.float32, (2, 301), elements=st.floats(-1e3, 1e3, width=32)),
    n_samples=st.integers(0, 301),
    max_points=st.integers(2, 300),
)
def test_thinning_keeps_extremes_and_order(
    data: np.ndarray, n_samples: int, max_points: int
) -> None:
    data = data[:, :n_samples]
    places, values = thin_out(data, max_points)
    assert values.shape == (2, len(places))
    assert np.all(np.diff(places) > 0)
    if n_samples:
        np.testing.assert_array_equal(values.max(axis=1), data.max(axis=1))
        np.testing.assert_array_equal(values.min(axis=1), data.min(axis=1))
        assert 0 <= places[0] <= places[-1] < n_samples
    # a rest of less than a column is drawn as it is
    assert len(places) <= max_points + -(-2 * n_samples // max_points)


def test_filters_of_the_display(train: tuszstore.Store) -> None:
    times = np.arange(10 * 256) / 256
    slow, fast, line = (np.sin(2 * np.pi * f * times) for f in (0.2, 40, 60))
    data = np.float32([slow + fast + line])
    shown = Band(2.0, 20.0, 60.0).apply(data, 256)
    assert shown.std() < 0.15 * data.std()
    np.testing.assert_array_equal(NO_BAND.apply(data, 256), data)
    # what the rate does not allow is left out
    np.testing.assert_array_equal(Band(None, 70.0, 60.0).apply(data, 100), data)
    np.testing.assert_allclose(
        Band(1.0).apply(data, 256),
        signal.sosfiltfilt(signal.butter(2, 1, "highpass", fs=256, output="sos"), data, padlen=256),
        atol=1e-4,
    )


def test_turning_a_page_reads_its_blocks_and_no_more(train: tuszstore.Store) -> None:
    pytest.importorskip("obstore")
    from obstore.store import HTTPStore

    path = Path(train.path)
    with serve(path.parent) as server:
        retry = {"max_retries": 1, "retry_timeout": timedelta(seconds=10)}
        objects = HTTPStore.from_url(
            server.url, client_options={"allow_http": True}, retry_config=retry
        )
        with tuszstore.open(path.name, store=objects) as remote:
            shown = montages(remote)["double_banana"]
            read_page(shown, 0, 0, SECONDS, NO_BAND)
            server.forget()
            read_page(shown, 0, SECONDS, SECONDS, Band(1.0, 35.0, 50.0))
            (request,) = (one for one in server.requests if "/signal/" in one.path)
            (others) = [one.path for one in server.requests if "/signal/" not in one.path]
    assert request.range is not None
    first, last = map(int, request.range.removeprefix("bytes=").split("-"))
    shard = train.reader._blocks._shards  # type: ignore[union-attr]
    begin, end = shard.spans(0, 1, 2)[0].tolist()
    assert (first, last + 1) == (begin, end)
    assert [path for path in others if not path.endswith("zarr.json")] == []


def test_seizures_are_listed_once_each(train: tuszstore.Store) -> None:
    found = seizures(train)
    assert found
    assert found == sorted(found, key=lambda place: (place.row, place.start))
    labels, spec = train.labels, train.spec
    # an oracle by samples: every sample of a window in a seizure lies in a place, and no other
    for number in range(0, len(train), 7):
        row = int(train.index["recording"][number])
        start = float(train.index["start_time"][number])
        times = start + np.arange(spec.window) / train.sfreq
        inside = np.zeros(len(times), bool)
        for place in found:
            if place.row == row:
                inside |= (times >= place.start - 1e-9) & (times < place.stop - 1e-9)
        np.testing.assert_array_equal(inside, (labels[number] & spec.seizure_bits) > 0)


def test_windows_are_listed_in_the_order_given(train: tuszstore.Store) -> None:
    numbers = train.select(category="partial_seizure")[::-1]
    found = windows(train, numbers)
    assert [place.what for place in found] == [f"window {n}, partial_seizure" for n in numbers]
    assert found[0].stop - found[0].start == 60
    with pytest.raises(IndexError):
        windows(train, [len(train)])


def test_misses_and_false_alarms(train: tuszstore.Store, tmp_path: Path) -> None:
    fraction = train.index["seizure_fraction"].values
    seen = np.nan_to_num(fraction)[:, None]
    with tuszstore.write_predictions(train, tmp_path / "right") as out:
        out.write(np.arange(len(train)), (seen > 0).astype(np.float32))
    right = tuszstore.open_predictions(tmp_path / "right")
    misses, alarms = errors(right, right.events(0.2))
    assert misses == []
    assert alarms == []
    with tuszstore.write_predictions(train, tmp_path / "wrong") as out:
        out.write(np.arange(len(train)), (seen == 0).astype(np.float32))
    wrong = tuszstore.open_predictions(tmp_path / "wrong")
    misses, alarms = errors(wrong, wrong.events(0.99, min_duration=1))
    assert {place.row for place in misses} <= {place.row for place in seizures(train)}
    assert misses
    assert alarms
    times, values = probability(wrong, 0, 50)
    trace = wrong.trace(0)
    assert len(times) <= 50
    assert np.nanmax(values) == np.nanmax(trace.values)

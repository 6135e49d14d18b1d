from pathlib import Path

import numpy as np
import pytest

import tuszstore


def test_a_whole_recording_is_its_blocks_in_a_row(train: tuszstore.Store) -> None:
    for number, row in enumerate(train.recordings["n_samples"].values):
        first, n_blocks = (
            int(train.recordings[name][number]) for name in ("first_block", "n_blocks")
        )
        stored = train.metadata.group["signal"][first : first + n_blocks]
        expected = np.concatenate(list(stored), axis=1)[:, :row] * np.float32(2**-10)
        np.testing.assert_array_equal(train.read_recording(number), expected)
        assert train.reader.length(number) == row


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (9.99, 10.01), (10, 20), (3.5, 61.25)])
def test_a_stretch_is_cut_to_the_sample(train: tuszstore.Store, start: float, stop: float) -> None:
    whole = train.read_recording(0)
    expected = whole[:, round(start * 256) : round(stop * 256)]
    np.testing.assert_array_equal(train.read_recording(0, start, stop), expected)


def test_microvolts_undo_the_normalisation(train: tuszstore.Store) -> None:
    mean, sd = (train.recordings[name].values[1][:, None] for name in ("mean", "sd"))
    expected = train.read_recording(1).astype(np.float64) * sd + mean
    given = train.read_recording(1, microvolts=True)
    np.testing.assert_allclose(given, expected, rtol=1e-6)


def test_a_recording_by_id_name_or_row(train: tuszstore.Store) -> None:
    id_ = train.recordings["id"].values[2]
    stem = id_.rpartition("/")[2].removesuffix(".edf")
    by_row = train.read_recording(2, 0, 5)
    for name in (id_, stem, 2 - train.recordings.sizes["recording"]):
        np.testing.assert_array_equal(train.read_recording(name, 0, 5), by_row)


@pytest.mark.parametrize(
    ("recording", "start", "stop", "message"),
    [
        (0, -1, 5, "start must be within 0 to"),
        (0, 0, 1e6, "stop must be within 0 to"),
        (0, 0, float("nan"), "stop must be within 0 to"),
        (0, 5, 5, "start must be before stop"),
        (10**6, 0, 1, "no recording 1000000"),
        ("nobody_s001_t000", 0, 1, "unknown recording 'nobody_s001_t000'"),
    ],
)
def test_what_is_not_there_is_named(
    train: tuszstore.Store, recording: str | int, start: float, stop: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        train.read_recording(recording, start, stop)


@pytest.mark.parametrize("stride", [10, 25, 30, 80])
def test_whole_windows_on_disk_give_the_same_recording(
    corpus: Path, tmp_path: Path, stride: int
) -> None:
    shared, duplicated = (
        tuszstore.open(
            tuszstore.build(
                {"windows": {"overlap": overlap, "length": 30, "stride": stride}},
                split="train",
                data=corpus,
                store=tmp_path / overlap,
                workers=0,
                limit=2,
            ).store
        )
        for overlap in ("share", "duplicate")
    )
    for number in range(2):
        whole, part = shared.read_recording(number), duplicated.read_recording(number)
        n_windows = int(shared.recordings["n_windows"][number])
        seconds = {True: (n_windows - 1) * stride + 30, False: 30}[stride <= 30]
        expected = whole.shape[1] if stride == 30 else seconds * 256
        np.testing.assert_array_equal(part, whole[:, :expected])
        assert duplicated.reader.length(number) == expected

"""Predictions are complete, of their store and of one model, whoever writes them."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tests.store.made_stores import make_store
from tuszstore import PredictionError
from tuszstore.evaluate.files import read_event_files
from tuszstore.evaluate.parts import read_parts


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "dev.predictions"


def outputs(n_windows: int, n_values: int = 1) -> Any:
    return np.random.default_rng(0).uniform(0, 1, (n_windows, n_values)).astype(np.float32)


def read_all(path: Path) -> Any:
    return tuszstore.open_predictions(path).to_xarray()["probability"].values


def test_what_is_written_is_there(made: tuszstore.Store, place: Path) -> None:
    values = outputs(len(made), 4)
    order = np.random.default_rng(1).permutation(len(made))
    with tuszstore.write_predictions(made, place, model="first") as out:
        for some in np.array_split(order, 7):
            out.write(some, values[some])
    assert out.complete
    predictions = tuszstore.open_predictions(place, store=made)
    np.testing.assert_array_equal(read_all(place), values)
    assert predictions.attrs["model"] == "first"
    assert len(predictions) == len(made)
    assert "first" in repr(predictions)
    dataset = predictions.to_xarray()
    assert dataset["recording"].values.tolist() == made.index["id"].values.tolist()
    assert dataset["start_time"].values.tolist() == made.index["start_time"].values.tolist()
    assert not out.folder.exists()


def test_indices_are_as_those_of_read(made: tuszstore.Store, place: Path) -> None:
    values = outputs(len(made))[:, 0]
    with tuszstore.write_predictions(made, place) as out:
        out.write(np.arange(-len(made), -3), values[:-3].tolist())
        out.write([len(made) - 3, len(made) - 2, len(made) - 1], values[-3:])
        with pytest.raises(IndexError):
            out.write([len(made)], [0.5])
    np.testing.assert_array_equal(read_all(place)[:, 0], values)


def test_tensors_are_taken_as_they_are(made: tuszstore.Store, place: Path) -> None:
    torch = pytest.importorskip("torch")
    values = torch.tensor(outputs(len(made)), requires_grad=True).to(torch.bfloat16)
    with tuszstore.write_predictions(made, place) as out:
        out.write(torch.arange(len(made)), values)
    np.testing.assert_array_equal(read_all(place), values.detach().float().numpy())


@pytest.mark.parametrize(
    ("value", "told"),
    [(np.nan, "nan is not a probability"), (1.01, "1.01 is not a probability"), (-0.5, "sigmoid")],
)
def test_what_is_no_probability_is_refused(
    made: tuszstore.Store, place: Path, value: float, told: str
) -> None:
    values = outputs(3, 2)
    values[1, 1] = value
    with tuszstore.write_predictions(made, place) as out:
        with pytest.raises(PredictionError, match=told) as raised:
            out.write([4, 7, 2], values)
        out.write(np.arange(len(made)), outputs(len(made), 2))
    name = made.index["id"].values[7]
    assert f"window 7 ({name}" in str(raised.value)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.zeros((3, 7)), "7 values do not divide a window of 160 samples"),
        (np.zeros(4), "must have the shape"),
        (np.zeros((3, 0)), "must have the shape"),
        (np.zeros((3, 2, 2)), "must have the shape"),
        (np.array(["a", "b", "c"]), "must be numbers"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    made: tuszstore.Store, place: Path, values: Any, told: str
) -> None:
    out = tuszstore.write_predictions(made, place)
    with pytest.raises(PredictionError, match="within"):
        out.write([0], [0.5])
    with pytest.raises(PredictionError, match=told), out:
        out.write([0, 1, 2], values)


def test_a_series_keeps_its_rate(made: tuszstore.Store, place: Path) -> None:
    with tuszstore.write_predictions(made, place) as out:
        out.write(np.arange(len(made)), np.zeros((len(made), 2)))
        with pytest.raises(PredictionError, match="4 values per window, but earlier ones had 2"):
            out.write([1], np.zeros((1, 4)))


def test_a_window_may_come_twice_if_it_says_the_same(made: tuszstore.Store, place: Path) -> None:
    values = outputs(len(made))
    with tuszstore.write_predictions(made, place) as out:
        out.write([3, 3, 5], values[[3, 3, 5]])
        out.write(np.arange(len(made)), values + np.float32(1e-7) * (values < 0.5))
        with pytest.raises(PredictionError, match=r"window 5 \(.*was written twice"):
            out.write([5, 6], 1 - values[[5, 6]])
        with pytest.raises(PredictionError, match=r"window 8 .*was written twice"):
            out.write([8, 8], [0.1, 0.9])
    assert out.complete


def test_writers_may_not_contradict_each_other(made: tuszstore.Store, place: Path) -> None:
    values = outputs(len(made))
    first = tuszstore.write_predictions(made, place, world_size=2)
    second = tuszstore.write_predictions(made, place, world_size=2)
    first.__enter__().write(np.arange(len(made)), values)
    with second:
        second.write([2], 1 - values[[2]])
    assert not place.exists()
    with pytest.raises(PredictionError, match=r"window 2 .*was written twice"):
        first.__exit__(None, None, None)


def test_ranks_share_the_windows_in_any_order(made: tuszstore.Store, place: Path) -> None:
    values, n_ranks = outputs(len(made), 2), 4

    def run(rank: int) -> None:
        with tuszstore.write_predictions(made, place, world_size=n_ranks) as out:
            for number in range(len(made) - 1 - rank, -1, -n_ranks):
                out.write([number], values[[number]])
            out.write([0], values[[0]])  # samplers of ranks pad with what others have

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(n_ranks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(read_all(place), values)


def test_a_rank_that_is_early_does_not_complain(made: tuszstore.Store, place: Path) -> None:
    values = outputs(len(made))
    with tuszstore.write_predictions(made, place, world_size=2) as early:
        early.write([0, 1], values[:2])
    assert not early.complete
    with pytest.raises(PredictionError, match="is unfinished: windows are missing"):
        tuszstore.open_predictions(place)
    with tuszstore.write_predictions(made, place, world_size=2) as late:
        late.write(late.missing, values[late.missing])
    assert late.complete
    np.testing.assert_array_equal(read_all(place), values)


def test_half_a_run_is_refused_and_goes_on(made: tuszstore.Store, place: Path) -> None:
    values = outputs(len(made))
    with (
        pytest.raises(PredictionError, match=r"is incomplete: 4 of .* windows have no prediction"),
        tuszstore.write_predictions(made, place) as out,
    ):
        out.write(np.arange(4, len(made)), values[4:])
    assert not place.exists()
    with tuszstore.write_predictions(made, place) as out:
        assert out.missing.tolist() == [0, 1, 2, 3]
        out.write(out.missing, values[out.missing])
    np.testing.assert_array_equal(read_all(place), values)


def _be_killed(store: Path, place: Path, values: Any) -> None:
    out = tuszstore.write_predictions(tuszstore.open(store), place)
    out.__enter__()
    out.write(np.arange(10), values[:10])
    out.write(np.arange(10, 15), values[10:15])
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_killed_writers_go_on(made: tuszstore.Store, place: Path) -> None:
    values = outputs(len(made), 2)
    process = multiprocessing.get_context("spawn").Process(
        target=_be_killed, args=(made.path, place, values)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (part,) = read_parts(place.parent / f".{place.name}.unfinished")
    # as if the kill had come in the midst of the second block
    os.truncate(part.path, part.path.stat().st_size - 3)
    with tuszstore.write_predictions(made, place) as out:
        assert out.missing.tolist() == list(range(10, len(made)))
        out.write(out.missing, values[out.missing])
    np.testing.assert_array_equal(read_all(place), values)


def test_a_changed_bit_in_a_part_is_found(made: tuszstore.Store, place: Path) -> None:
    values = outputs(len(made))
    with pytest.raises(PredictionError), tuszstore.write_predictions(made, place) as out:
        out.write(np.arange(10), values[:10])
    (part,) = read_parts(out.folder)
    content = bytearray(part.path.read_bytes())
    content[part.blocks[0].offset + 5] ^= 1
    part.path.write_bytes(content)
    with (
        pytest.raises(tuszstore.StoreError, match="is damaged; remove it"),
        tuszstore.write_predictions(made, place) as out,
    ):
        out.write(out.missing, values[out.missing])


def test_an_error_of_the_caller_passes_and_keeps_what_was_written(
    made: tuszstore.Store, place: Path
) -> None:
    out = tuszstore.write_predictions(made, place)

    def run() -> None:
        with out:
            out.write([0], [0.5])
            raise KeyError("theirs")

    with pytest.raises(KeyError, match="theirs"):
        run()
    assert out.missing.tolist() == list(range(1, len(made)))


def test_what_is_unfinished_belongs_to_one_model_and_store(
    made: tuszstore.Store, place: Path, tmp_path: Path
) -> None:
    with pytest.raises(PredictionError), tuszstore.write_predictions(made, place, model="a") as out:
        out.write([0], [0.5])
    with pytest.raises(PredictionError, match=r"of another model \('a', not 'b'\)"):
        tuszstore.write_predictions(made, place, model="b").__enter__()
    make_store(tmp_path / "other.zarr", lengths=(1600, 130, 2400, 960), seed=5)
    other = tuszstore.open(tmp_path / "other.zarr")
    with pytest.raises(PredictionError, match="of another store"):
        tuszstore.write_predictions(other, place, model="a").__enter__()
    with tuszstore.write_predictions(other, place, model="b", overwrite=True) as out:
        out.write(np.arange(len(other)), outputs(len(other)))
    with pytest.raises(PredictionError, match="belongs to another store"):
        tuszstore.open_predictions(place, store=made)
    tuszstore.open_predictions(place, store=other)


def test_what_is_there_is_not_replaced_unasked(made: tuszstore.Store, place: Path) -> None:
    for _ in range(2):
        with tuszstore.write_predictions(made, place, overwrite=True) as out:
            out.write(np.arange(len(made)), outputs(len(made)))
    with pytest.raises(PredictionError, match="already exists"):
        tuszstore.write_predictions(made, place)
    place.with_name("other").mkdir()
    with pytest.raises(PredictionError, match="has no predictions"):
        tuszstore.write_predictions(made, place.with_name("other"), overwrite=True)
    with pytest.raises(PredictionError, match="has no predictions"):
        tuszstore.open_predictions(place.with_name("other"))


def test_views_are_predicted_as_stores_are(made: tuszstore.Store, place: Path) -> None:
    view = made.view(length=7.5, stride=2.5)
    assert len(view) > len(made)
    values = outputs(len(view), 3)
    with tuszstore.write_predictions(view, place) as out:
        out.write(np.arange(len(view)), values)
    predictions = tuszstore.open_predictions(place, store=view)
    np.testing.assert_array_equal(read_all(place), values)
    assert predictions.spec == view.spec
    assert predictions.trace(0).step == 2.5
    # the same recordings and signals
    tuszstore.open_predictions(place, store=made)
    with pytest.raises(PredictionError, match="is incomplete"):
        tuszstore.write_predictions(view, place.with_name("other")).__enter__().__exit__(
            *[None] * 3
        )
    with pytest.raises(PredictionError, match="another view of it"):
        tuszstore.write_predictions(made, place.with_name("other")).__enter__()


def test_what_was_refused_leaves_no_trace(made: tuszstore.Store, place: Path) -> None:
    with tuszstore.write_predictions(made, place) as out:
        with pytest.raises(PredictionError, match="nan"):
            out.write([0, 1], np.full((2, 2), np.nan))
        with pytest.raises(PredictionError, match="the same number of probabilities"):
            out.write([0, 1], [[0.5], [0.5, 0.5]])
        out.write(np.arange(len(made)), outputs(len(made)))
    np.testing.assert_array_equal(read_all(place), outputs(len(made)))


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "many"])
def test_the_number_of_writers_is_one(
    made: tuszstore.Store, place: Path, wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PredictionError, match="world_size must be an integer"):
        tuszstore.write_predictions(made, place, world_size=wrong)
    monkeypatch.setenv("WORLD_SIZE", str(wrong))
    with pytest.raises(PredictionError, match="WORLD_SIZE in the environment"):
        tuszstore.write_predictions(made, place)


@pytest.mark.parametrize("same", [True, False])
def test_stores_in_a_row_are_predicted_as_one(
    made: tuszstore.Store, same: bool, tmp_path: Path
) -> None:
    lengths = {"lengths": (1600, 130, 2400, 960)} if same else {}
    make_store(tmp_path / "other.zarr", seed=1, **lengths)  # the names of recordings are the same
    other = tuszstore.open(tmp_path / "other.zarr")
    both = tuszstore.concat({"a": made, "b": other})
    values = outputs(len(both))
    with tuszstore.write_predictions(both, tmp_path / "p") as out:
        out.write(np.arange(len(both)), values)
    predictions = tuszstore.open_predictions(tmp_path / "p", store=both)
    with tuszstore.write_predictions(made, tmp_path / "q") as out:
        out.write(np.arange(len(made)), values[: len(made)])
    first = tuszstore.open_predictions(tmp_path / "q")
    for row in range(len(first.recordings)):
        np.testing.assert_array_equal(predictions.trace(row).values, first.trace(row).values)
    events = predictions.events(0.6)
    for write in (events.write_bids, events.write_csv_bi):
        folder = tmp_path / write.__name__
        assert len(write(folder)) == len(predictions.recordings)
        found = read_event_files(folder, predictions.recordings)
        np.testing.assert_array_equal(found.onset, events.onset)
        np.testing.assert_array_equal(found.recording, events.recording)
    scored = both.recordings["patient"].values[both.recordings["labelled"].values]
    assert set(predictions.score(0.6).subjects["ovlp"]) == set(scored.tolist())
    for one in (made, made.view(units="uV")):
        first.check(one)
        with pytest.raises(PredictionError, match="belongs to another store"):
            predictions.check(one)

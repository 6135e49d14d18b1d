"""What a model says, drawn below the EEG."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tests.store.made_stores import make_store

pytest.importorskip("matplotlib")

from tuszstore.plotting.plots import plot_recording, render
from tuszstore.plotting.predictions import plot_prediction


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuszstore.Store:
    path = tmp_path_factory.mktemp("drawn") / "dev.zarr"
    make_store(path)
    return tuszstore.open(path)


@pytest.fixture
def predictions(store: tuszstore.Store, tmp_path: Path) -> tuszstore.Predictions:
    with tuszstore.write_predictions(store, tmp_path / "p") as out:
        out.write(np.arange(len(store)), np.linspace(0, 1, len(store)))
    return tuszstore.open_predictions(tmp_path / "p")


def test_the_panel_shows_the_trace(
    store: tuszstore.Store, predictions: tuszstore.Predictions
) -> None:
    figure = plot_prediction(store, predictions, 0, at=10, seconds=40, threshold=0.25)
    panel = figure.axes[-1]
    assert panel.get_xlim() == (10, 50)
    step = next(line for line in panel.lines if line.get_drawstyle() == "steps-post")
    trace = predictions.trace(0)
    np.testing.assert_array_equal(np.asarray(step.get_ydata())[:-1], trace.values)
    np.testing.assert_array_equal(np.asarray(step.get_xdata())[:-1], trace.times)
    marked = [line.get_xdata() for line in panel.lines if line.get_label() == "predicted"]
    expected = predictions.events(0.25).of_recording(0).clip(10, 50).tolist()
    assert [list(pair) for pair in marked] == expected
    assert render(figure, "png").startswith(b"\x89PNG")


def test_the_panel_shows_what_events_are_detected_in(
    store: tuszstore.Store, predictions: tuszstore.Predictions
) -> None:
    options: dict[str, Any] = {"smooth": 15, "mode": "max", "min_duration": 1}
    figure = plot_prediction(store, predictions, 0, at=10, seconds=40, threshold=0.25, **options)
    panel = figure.axes[-1]
    step = next(line for line in panel.lines if line.get_drawstyle() == "steps-post")
    smoothed = predictions.trace(0, mode="max").smoothed(15)
    np.testing.assert_array_equal(np.asarray(step.get_ydata())[:-1], smoothed)
    assert not np.array_equal(smoothed, predictions.trace(0).values)
    marked = [list(line.get_xdata()) for line in panel.lines if line.get_label() == "predicted"]
    expected = predictions.events(0.25, **options).of_recording(0).clip(10, 50).tolist()
    assert marked == expected
    assert marked


def test_the_eeg_keeps_its_size_above(
    store: tuszstore.Store, predictions: tuszstore.Predictions
) -> None:
    alone = plot_recording(store, 0, 10, 40, bipolar=True)
    figure = plot_prediction(store, predictions, 0, at=10, seconds=40)
    for first, second in zip(alone.axes, figure.axes[:-1], strict=True):
        heights = [
            axes.get_position().height * axes.figure.get_size_inches()[1]
            for axes in (first, second)
        ]
        assert heights[0] == pytest.approx(heights[1])
    lowest = figure.axes[0].get_position().y0
    assert figure.axes[-1].get_position().y1 < lowest


def test_predictions_of_another_store_are_not_drawn(
    predictions: tuszstore.Predictions, tmp_path: Path
) -> None:
    make_store(tmp_path / "other.zarr", seed=3)
    with pytest.raises(tuszstore.PredictionError, match="another store"):
        plot_prediction(tuszstore.open(tmp_path / "other.zarr"), predictions, 0)

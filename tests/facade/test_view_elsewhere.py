"""Views in xarray, MNE, pictures, notebooks, samplers and on the command line."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray

import tuszstore
from tests.cli.runner import run
from tests.store.made_stores import make_store
from tuszstore.sampling import Balanced, Shuffled


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> "tuszstore.Store":
    folder = tmp_path_factory.mktemp("made")
    return tuszstore.open(make_store(folder / "train.zarr", lengths=(3000, 2000, 640)).path)


@pytest.fixture(scope="module")
def view(store: "tuszstore.Store") -> "tuszstore.View":
    return store.view("double_banana", "uV", 4, 2)


def test_a_dataset_of_xarray(store: "tuszstore.Store", view: "tuszstore.View") -> None:
    for chunks in (None, {}):
        dataset = view.to_xarray(chunks=chunks)
        assert dataset.sizes == {"window": len(view), "channel": 18, "sample": 64}
        assert dataset["windows"].attrs["units"] == "uV"
        assert "channels: double_banana (18 channels), of 10-20" in dataset.attrs["view"]
        assert dataset["channel"].values.tolist() == list(view.channels)
        np.testing.assert_array_equal(dataset["windows"][5:8].values, view.windows[5:8])
        np.testing.assert_array_equal(dataset["start_time"], view.index["start_time"])
        np.testing.assert_array_equal(dataset["category"] == "full_seizure",
                                      view.mask("full_seizure"))  # fmt: skip
    again = xarray.open_dataset(view, engine="tuszstore")  # type: ignore[arg-type]
    assert again.sizes["channel"] == 18
    same = xarray.merge([
        store.to_xarray()[["windows"]].isel(channel=[0]),
        store.view(["Fp1-F7"]).to_xarray()[["windows"]].rename(windows="other"),
    ], join="outer", compat="no_conflicts")  # fmt: skip
    assert same.sizes["window"] == len(store)
    with pytest.raises(ValueError, match="cannot be matched by their number"):
        xarray.align(store.to_xarray(), view.to_xarray())


def test_epochs_and_recordings_of_mne(store: "tuszstore.Store", view: "tuszstore.View") -> None:
    pytest.importorskip("mne")
    epochs = view.to_epochs([7, 3])
    np.testing.assert_allclose(epochs.get_data(), view.read([7, 3]) * 1e-6, rtol=1e-6)
    assert epochs.ch_names == list(view.channels)
    assert (
        epochs.metadata["start_time"].tolist() == view.index["start_time"].values[[7, 3]].tolist()
    )
    raw = view.to_raw(0)
    for made in (epochs, raw):
        assert "channels: double_banana (18 channels)" in made.info["description"]
    whole = view.read_recording(0, microvolts=True)
    np.testing.assert_allclose(raw.get_data(), whole * 1e-6, rtol=1e-6)
    np.testing.assert_array_equal(whole, view.read_recording(0))
    assert "view" not in store.to_xarray().attrs
    zscores = store.view(["Fp1", "F7"])
    np.testing.assert_allclose(
        zscores.to_epochs([2]).get_data()[0], store.to_epochs([2]).get_data()[0][[0, 4]], rtol=1e-5
    )


def test_samplers_take_a_view(view: "tuszstore.View") -> None:
    order = Balanced(view.index).epoch(0)
    assert len(order) == len(set(order.tolist())) <= len(view)
    assert len(Shuffled(len(view)).epoch(0)) == len(view)


def test_selections_and_guard_zones(view: "tuszstore.View") -> None:
    before, after = (view.index[f"seizure_free_{side}"].values for side in ("before", "after"))
    found = view.select(min_seizure_free_before=5, min_seizure_free_after=20)
    expected = [n for n in range(len(view)) if before[n] >= 5 and after[n] >= 20]
    assert found.tolist() == expected
    assert 0 < len(found) < len(view)
    assert not view.mask("partial_seizure")[found].any()
    unlabelled = np.flatnonzero(view.index["category"] == -1)
    assert len(unlabelled)
    assert not set(unlabelled) & set(view.select(min_seizure_free_after=0).tolist())
    for bad in (-1, float("nan")):
        with pytest.raises(
            ValueError, match="min_seizure_free_after must be a time of 0 s or more"
        ):
            view.select(min_seizure_free_after=bad)


def test_a_window_is_drawn_with_its_channels(view: "tuszstore.View") -> None:
    pytest.importorskip("matplotlib")
    figure = view.plot(4)
    labels = {line.get_label() for line in figure.axes[0].lines}
    assert {f"lane {name}" for name in view.channels} <= labels
    assert any("double_banana" in text.get_text() for text in figure.texts)


def test_what_a_notebook_and_a_terminal_show(
    store: "tuszstore.Store", view: "tuszstore.View"
) -> None:
    assert repr(view).endswith(
        f"double_banana (18 channels) in µV, {len(view)} windows of 4 s every 2 s>"
    )
    html = view._repr_html_()
    for text in ("tuszstore.View", "double_banana (18 channels), of 10-20 (19 channels)",
                 "µV, of z-scores", "4 s every 2 s, of 10 s every 5 s"):  # fmt: skip
        assert text in html
    assert "tuszstore.Store" in store._repr_html_()
    assert next(iter(store.view(["Fp1", "Fp2", "C3", "C4", "O1"]).shown().values())) == (
        "Fp1, Fp2, C3 and 2 more, of 10-20 (19 channels)"
    )


class TestCommands:
    def test_info(self, store: "tuszstore.Store", view: "tuszstore.View") -> None:
        asked = ["info", str(store.path), "--view", "channels=double_banana,units=uV"]
        shown = run(*asked, "--view", "length=4,stride=2")
        assert "double_banana (18 channels), of 10-20 (19 channels)" in shown.output
        assert f"{len(view):,} of 4 s, every 2 s" in shown.output
        facts = json.loads(run(*asked, "--view", "length=4", "--view", "stride=2", "--json").output)
        assert facts["windows"] == len(view)
        assert facts["channels"] == list(view.channels)
        assert set(facts["view"]) == {"channels", "units", "windows"}
        assert facts["categories"]["full_seizure"] == int(view.mask("full_seizure").sum())
        listed = run("info", str(store.path), "--view", "channels=Fp1,F7-T7,units=µV", "--json")
        assert json.loads(listed.output)["channels"] == ["Fp1", "F7-T3"]
        assert json.loads(listed.output)["units"] == "uV"

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            ("channel=Fp1", "Did you mean 'channels'"),
            ("Fp1", "'Fp1' is not KEY=VALUE"),
            ("length=1,length=2", "'length' is repeated"),
            ("channels=double_banan", "did you mean 'double_banana'"),
            ("channels=Fp1-A1", "cannot derive Fp1-A1: A1 is missing"),
            ("length=0.1", "1.6 samples at 16 Hz"),
            ("length=x", "length must be seconds, above 0, not 'x'"),
            ("units=V", "units must be 'uV' or 'zscore'"),
        ],
    )
    def test_wrong_views_are_told(self, store: "tuszstore.Store", asked: str, told: str) -> None:
        result = run("info", str(store.path), "--view", asked)
        assert result.exit_code != 0
        assert told in result.output + result.stderr

    def test_plot(self, store: "tuszstore.Store", tmp_path: Path) -> None:
        pytest.importorskip("matplotlib")
        picture = tmp_path / "window.svg"
        run("plot", str(store.path), "--channels", "double_banana", "--window", "3",
            "-o", str(picture))  # fmt: skip
        text = picture.read_text()
        assert "Fp1-F7" in text
        assert "double_banana" in text
        result = run("plot", str(store.path), "--channels", "tcp", "--window", "3",
                     "-o", str(picture))  # fmt: skip
        assert "A1-T3: A1 is missing" in result.output + result.stderr

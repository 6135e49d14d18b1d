"""info, verify and repair, as a user meets them."""

import json

import tuszstore
from tests.cli.runner import run
from tuszstore.cli.printing.processing import changed_settings
from tuszstore.config import Config, load_config
from tuszstore.plotting.facts import gather


def table_of(output: str) -> dict[str, str]:
    """Return the rows of a printed table of two columns."""
    cells = (line.split("│") for line in output.splitlines() if line.count("│") == 3)
    return {name.strip(): value.strip() for _, name, value, _ in cells}


class TestInfo:
    def test_text(self, train: tuszstore.Store) -> None:
        result = run("info", train.path)
        assert result.exit_code == 0
        for word in (
            "split",
            "patients",
            "int16",
            "full_seizure",
            "seizure events",
            "excluded",
            "with interpolated channels",
        ):
            assert word in result.output

    def test_json(self, train: tuszstore.Store) -> None:
        facts = json.loads(run("info", train.path, "--json").stdout)
        assert facts["windows"] == len(train)
        assert sum(facts["categories"].values()) == len(train)
        assert facts["schema_version"] == 3
        assert facts["left_out"]
        interpolated = train.recordings["interpolated"].any("channel").values
        assert facts["interpolated"] == interpolated.sum() > 0
        ids = train.recordings["id"].values[interpolated]
        assert all("interpolated: Fz, Pz" in facts["notes"][id_] for id_ in ids)

    def test_processing(self, train: tuszstore.Store) -> None:
        rows = table_of(run("info", train.path).stdout)
        assert rows["corpus"] == "tusz"
        assert rows["channels"] == "10-20"
        assert rows["band-pass"] == "0.5 to 120 Hz"
        assert rows["notch"] == "60 Hz"
        assert rows["normalisation"] == "robust_zscore: z-scores, clipped at ±10"
        facts = json.loads(run("info", train.path, "--json").stdout)
        assert facts["corpora"] == ["tusz"]
        assert facts["channel_set"] == "10-20"
        assert (facts["bandpass"], facts["notch"], facts["clip"]) == ([0.5, 120], 60, 10)
        assert facts["normalise"] == "robust_zscore"

    def test_settings_that_are_not_the_default(self) -> None:
        options = {
            "channels.set": "double_banana", "signal.bandpass": None, "signal.notch.freq": 50,
            "labels.map": {"sz": "seiz"}, "paths.data": "/corpus", "build.workers": 3,
        }  # fmt: skip
        assert changed_settings(Config().model_dump(mode="json")) == {}
        config = load_config(None, options).model_dump(mode="json")
        assert changed_settings({**config, "later": {"key": 1}}) == {
            "channels.set": "double_banana",
            "signal.bandpass": None,
            "signal.notch.freq": 50,
            "labels.map.sz": "seiz",
            "later.key": 1,
        }
        assert changed_settings({}) == {}

    def test_channels_of_a_view(self, train: tuszstore.Store) -> None:
        rows = table_of(run("info", train.path, "--view", "channels=tcp_a,units=uV").stdout)
        assert rows["channels"].startswith("tcp_a: Fp1-F7, F7-T3, ")
        assert rows["normalisation"] == "robust_zscore undone: µV"
        rows = table_of(run("info", train.path, "--view", "channels=Cz,Fp1-F7,units=uV").stdout)
        assert rows["channels"] == "Cz, Fp1-F7"

    def test_seizures_are_counted_and_not_their_channels(self, train: tuszstore.Store) -> None:
        facts = json.loads(run("info", train.path, "--json").stdout)
        figures = gather(train)
        assert facts["seizures"] == figures.total.seizures
        assert facts["events"] == {entry.name: entry.events for entry in figures.classes}
        assert 0 < facts["seizures"] < len(train.events["class"])

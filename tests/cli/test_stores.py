"""info, verify and repair, as a user meets them."""

import json

import tuszstore
from tests.cli.runner import run
from tuszstore.plotting.facts import gather


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

    def test_seizures_are_counted_and_not_their_channels(self, train: tuszstore.Store) -> None:
        facts = json.loads(run("info", train.path, "--json").stdout)
        figures = gather(train)
        assert facts["seizures"] == figures.total.seizures
        assert facts["events"] == {entry.name: entry.events for entry in figures.classes}
        assert 0 < facts["seizures"] < len(train.events["class"])

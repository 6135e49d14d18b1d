"""What a store says of itself: written and read again, and what no store may say."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuszstore.builder.spec import spec_of
from tuszstore.config import Config, load_config
from tuszstore.errors import ConfigError
from tuszstore.store.spec import SpecError, StoreSpec

DEFAULT = spec_of(Config())


def with_channels(*channels: Any) -> dict[str, Any]:
    return {**DEFAULT.to_json(), "channels": list(channels)}


def one(name: Any = "Fp1", anode: Any = "Fp1", cathode: Any = None) -> dict[str, Any]:
    return {"name": name, "anode": anode, "cathode": cathode}


def test_the_default() -> None:
    spec = DEFAULT.to_json()
    assert spec["channels"][0] == one()
    assert (spec["sfreq"], spec["window"], spec["stride"]) == (256, 15360, 2560)
    assert (spec["bandpass"], spec["notch"], spec["clip"]) == ([0.5, 120], 60, 10)
    assert spec["requires"] == []
    assert StoreSpec.from_json(json.loads(json.dumps(spec))) == DEFAULT


@pytest.mark.parametrize("count", [1, 2, 19, 128])
def test_any_number_of_channels(count: int) -> None:
    values = with_channels(*(one(f"E{k}", f"E{k}") for k in range(count)))
    spec = StoreSpec.from_json(values)
    assert len(spec.channel_names) == count
    assert StoreSpec.from_json(spec.to_json()) == spec
    assert spec.digest != DEFAULT.digest


def test_unknown_keys_are_ignored_and_said() -> None:
    spec = StoreSpec.from_json({**DEFAULT.to_json(), "colour": "blue", "a": 1})
    assert spec.unknown == ("a", "colour")
    assert replace(spec, unknown=()) == DEFAULT
    assert spec.digest == DEFAULT.digest


def test_requirements_that_are_not_known() -> None:
    spec = StoreSpec.from_json({**DEFAULT.to_json(), "requires": ["ragged-windows"]})
    assert spec.unknown_requirements == ["ragged-windows"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sfreq", 0), ("sfreq", float("nan")), ("sfreq", 1e300), ("sfreq", "256"), ("sfreq", True),
        ("units", "mV"), ("units", None), ("clip", -1), ("clip", float("inf")), ("notch", "60"),
        ("bandpass", [120, 0.5]), ("bandpass", [1]), ("bandpass", "0.5-120"), ("window", 0),
        ("window", 15361), ("window", 2.5), ("window", 10**12), ("stride", -2560), ("block", 7),
        ("shard", 10**15), ("shard", 10**8), ("step", 1), ("classes", "seiz"),
        ("classes", ["a"] * 2),
        ("classes", [f"c{k}" for k in range(16)]), ("classes", [""]), ("seizure", ["nothing"]),
        ("full_seizure", 0), ("full_seizure", 1.5), ("full_seizure", None), ("average_of", ["Cz"]),
        ("requires", 3), ("channels", []), ("channels", {}), ("channels", "Fp1"),
        ("channels", [one(), one()]), ("channels", [one("a"), one("b")]), ("channels", [one(3)]),
        ("channels", ["Fp1"]), ("channels", [one("x" * 200)]), ("channels", [one(cathode="avg")]),
        ("channels", [one(f"E{k}", f"E{k}") for k in range(10_000)]),
    ],
)  # fmt: skip
def test_what_no_store_may_say(key: str, value: Any) -> None:
    with pytest.raises(SpecError):
        StoreSpec.from_json({**DEFAULT.to_json(), key: value})


@pytest.mark.parametrize("key", DEFAULT.to_json())
def test_every_key_is_needed(key: str) -> None:
    values = DEFAULT.to_json()
    del values[key]
    with pytest.raises(SpecError, match=key):
        StoreSpec.from_json(values)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=300)
@given(st.sampled_from(sorted(DEFAULT.to_json())), json_values)
def test_whatever_stands_there_is_understood_or_refused(key: str, value: Any) -> None:
    try:
        spec = StoreSpec.from_json({**DEFAULT.to_json(), key: value})
    except SpecError:
        return
    assert StoreSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_channels_against_an_average_say_of_which_electrodes() -> None:
    some = load_config(
        None, {"channels.set": ["T7-avg", "C3"], "channels.average_of": ["T3", "T7", "C3"]}
    )
    assert spec_of(some).average_of == ("T3", "C3")
    assert StoreSpec.from_json(spec_of(some).to_json()) == spec_of(some)
    assert DEFAULT.average_of == ()
    with pytest.raises(ConfigError, match=r"average_of must name the electrodes .* T3-avg"):
        load_config(None, {"channels.set": ["T7-avg"], "channels.average_of": []})

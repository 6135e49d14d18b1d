"""Configurations: what is refused and how it is told, what wins, and what the digest holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests import ROOT
from tuszstore.builder.keys import Keys
from tuszstore.config import (
    EVENT_CLASSES,
    FIRST_KEYS,
    MEANING_BEFORE,
    Bandpass,
    Config,
    Notch,
    Signal,
    builtin_configs,
    load_config,
)
from tuszstore.errors import ConfigError

DEFAULTS = Config()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUSZSTORE_DATA", raising=False)
    monkeypatch.delenv("TUSZSTORE_STORE", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.yaml"


def load(path: Path, content: str | bytes) -> Config:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_config(path)


# --- the configurations that come with the package ----------------------------------------------


def test_the_default_is_tusz_yaml() -> None:
    assert load_config() == DEFAULTS
    assert load_config("tusz") == DEFAULTS
    assert load_config(ROOT / "configs" / "tusz.yaml") == DEFAULTS


def test_tusz_yaml_shows_every_key_that_decides_what_a_store_holds() -> None:
    shown = yaml.safe_load((ROOT / "configs" / "tusz.yaml").read_text())
    for name in type(DEFAULTS).model_fields:
        if name not in ("paths", "build"):
            assert set(shown[name]) == set(type(getattr(DEFAULTS, name)).model_fields), name


def test_all_built_in_configurations_load() -> None:
    known = builtin_configs()
    assert {"tusz", "reference", "smoke"} <= set(known)
    assert {load_config(name) for name in known} == {load_config(path) for path in known.values()}


def test_the_reference_is_the_npz_pipeline() -> None:
    config = load_config("reference")
    assert config.signal.resample == "fft"
    assert config.signal.filter == "causal_from_rest"
    assert config.signal.normalise == "zscore"
    assert config.signal.nonfinite == "propagate"
    assert config.signal.bandpass == Bandpass(low=0.5, high=120, order=3)
    assert config.signal.notch == Notch(freq=60, q=30)
    assert (config.signal.sfreq, config.signal.clip) == (256, 10)
    assert (config.windows.length, config.windows.stride) == (60, 10)
    assert config.labels.rounding == "truncate"
    assert config.labels.unknown == "background"
    assert sorted(config.labels.seizure) == [
        "absz",
        "cpsz",
        "fnsz",
        "gnsz",
        "mysz",
        "seiz",
        "spsz",
        "tcsz",
        "tnsz",
    ]
    assert config.storage.dtype == "float32"
    assert config.corpus.split_policy == "file_order"


def test_a_file_wins_over_a_built_in_configuration_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smoke").write_text("windows: {length: 30}")
    assert load_config("smoke").windows.length == 30


def test_seizure_bits_are_those_of_the_seizure_classes() -> None:
    config = load_config({"labels": {"classes": ["a", "b", "c"], "seizure": ["c", "a"]}})
    assert config.labels.seizure_bits == 0b101
    assert DEFAULTS.labels.seizure_bits == (1 << len(EVENT_CLASSES)) - 1 - (1 << 11)


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    ["", "# nothing\n", "---\n", "{}", "signal: {}\n", "signal: {sfreq: 256}\n"],
    ids=["empty", "comment", "no document", "braces", "empty section", "a default"],
)
def test_what_is_not_said_is_the_default(path: Path, content: str) -> None:
    assert load(path, content) == DEFAULTS


def test_a_file_may_say_a_part_of_a_section(path: Path) -> None:
    config = load(path, "signal:\n  bandpass: {low: 1}\n  notch: null\n")
    assert config.signal.bandpass == Bandpass(low=1, high=120, order=3)
    assert config.signal.notch is None
    assert config.signal.sfreq == 256


def test_a_missing_file_names_the_built_in_configurations(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: no such file, and not one of .*tusz"):
        load_config(path)
    with pytest.raises(ConfigError, match=r"tuzs: no such file, and not one of .*tusz"):
        load_config("tuzs")


@pytest.mark.parametrize("source", ["", ".", "x" * 300, "a\0b"], ids=["empty", "dot", "long", "0"])
def test_a_source_that_can_be_no_file_is_refused(source: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read|no such file"):
        load_config(source)


@pytest.mark.parametrize(
    "content",
    ["- signal\n- windows\n", "signal", "42", "[]", "2001-01-01"],
    ids=["list", "word", "number", "empty list", "date"],
)
def test_a_file_that_holds_no_sections_is_refused(path: Path, content: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: must hold sections such as 'signal:'"):
        load(path, content)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("signal: [", id="open bracket"),
        pytest.param("signal:\n\tsfreq: 256", id="tab"),
        pytest.param("'''", id="open quote"),
        pytest.param("signal: {sfreq: 256}}", id="bracket too many"),
        pytest.param("a: 1\n b: 2", id="indentation"),
        pytest.param("\0", id="zero byte"),
        pytest.param("? [signal]\n: 2", id="a list as key"),
        pytest.param("--- {}\n--- {}", id="two documents"),
        pytest.param("signal: !!python/object/apply:os.getcwd []", id="code"),
        pytest.param("signal: !mine {}", id="unknown tag"),
        pytest.param("signal: 2001-13-45", id="no such date"),
        pytest.param("signal: {sfreq: 0b_}", id="no such number"),
        pytest.param("!!map [signal]", id="a list as mapping"),
    ],
)
def test_a_file_that_is_no_yaml_is_refused(path: Path, content: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: not valid YAML"):
        load(path, content)


def test_a_file_that_is_no_text_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: cannot be read"):
        load(path, b"signal: \xff\xfe")


@pytest.mark.parametrize(
    ("content", "key", "line"),
    [
        ("signal: {}\nwindows: {}\nsignal: {}\n", "signal", 3),
        ("signal:\n  sfreq: 256\n  clip: 10\n  sfreq: 250\n", "sfreq", 4),
        ("windows: {}\nsignal: {bandpass: {low: 1, low: 2}}\n", "low", 2),
    ],
    ids=["section", "key", "inner key"],
)
def test_a_key_that_stands_twice_is_refused(path: Path, content: str, key: str, line: int) -> None:
    with pytest.raises(ConfigError, match=rf"key '{key}' is repeated, line {line}"):
        load(path, content)


# --- keys and values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "told"),
    [
        pytest.param({"signals": {}}, "unknown key 'signals'; did you mean 'signal'", id="section"),
        pytest.param(
            {"signal": {"sfrq": 256}},
            "unknown key 'signal.sfrq'; did you mean 'signal.sfreq'",
            id="key",
        ),
        pytest.param(
            {"signal": {"bandpass": {"lo": 1}}},
            "unknown key 'signal.bandpass.lo'; did you mean 'signal.bandpass.low'",
            id="inner key",
        ),
        pytest.param(
            {"sfreq": 256},
            "unknown key 'sfreq'; did you mean 'signal.sfreq'",
            id="key without its section",
        ),
        pytest.param(
            {"signal": 256},
            "signal: is a section, and cannot be 256: set its keys, such as signal.sfreq",
            id="value of a section",
        ),
        pytest.param(
            {"signal": {"sfreq": "fast"}},
            "signal.sfreq: must be a valid integer, not 'fast'",
            id="value repeated",
        ),
        pytest.param(
            {"labels": {"seizures": ["seiz"]}},
            "unknown key 'labels.seizures'; did you mean 'labels.seizure'",
            id="plural",
        ),
        pytest.param(
            {"storage": {"qqq": 1}},
            r"unknown key 'storage.qqq'; .*\(known here: codec, dtype, scale, shard_seconds\)",
            id="like nothing",
        ),
        pytest.param(
            {"notch": 50}, "unknown key 'notch'; did you mean 'signal.notch'", id="inner section"
        ),
        pytest.param(
            {"signal": {"noch": {"freq": 50}}},
            "unknown key 'signal.noch'; did you mean 'signal.notch'",
            id="misspelt section",
        ),
        pytest.param(
            {"windows": {"scale": 1}},
            "unknown key 'windows.scale'; did you mean 'storage.scale'",
            id="wrong section",
        ),
        pytest.param({"qqq": 1}, r"^the configuration: unknown key 'qqq'; \(known", id="no key"),
        pytest.param({"": {}}, r"unknown key ''; .*known here: build, channels", id="empty"),
    ],
)
def test_an_unknown_key_names_the_nearest(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_config(values)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"labels.map": {"sz_foc*:fnsz": None}},
            r"labels\.map\.sz_foc\*:fnsz: has no value: YAML needs a blank after the colon, "
            r'\{"sz_foc\*": fnsz\}',
        ),
        ({"labels.map": {"re:a:fnsz": None}}, r'\{"re:a": fnsz\}'),
        ({"signal.notch": {"freq:50": None}}, r'after the colon, \{"freq": 50\}'),
        ({"labels.map": {"sz_foc*": None}}, "labels.map.sz_foc.: must be a valid string"),
        ({"labels.map": {"a:fnsz": 3}}, "labels.map.a:fnsz: must be a valid string"),
    ],
    ids=str,
)
def test_a_missing_blank_after_a_colon_is_told(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_config(None, values)


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"signal": {"sfreq": "fast", "clp": 3}, "windows": {"length": -1}})
    for key in ("signal.sfreq", "signal.clp", "windows.length"):
        assert key in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("signal.sfreq", "fast"),
        ("signal.sfreq", 256.5),
        ("signal.sfreq", [256]),
        ("signal.sfreq", None),
        ("signal.clip", "ten"),
        ("signal.clip", True),
        ("signal.bandpass", 0.5),
        ("signal.bandpass", False),
        ("signal.filter", "zero-phase"),
        ("signal.resample", "FFT"),
        ("signal.normalise", None),
        ("windows.length", "a minute"),
        ("windows.length", True),
        ("windows.overlap", "none"),
        ("storage.dtype", "float64"),
        ("storage.codec", "gzip"),
        ("corpus.split_policy", "random"),
        ("channels.interpolate", "Fz"),
        ("channels.interpolate", [1]),
        ("channels.ignore_case", "perhaps"),
        ("labels.classes", "seiz"),
        ("labels.classes", [1, 2]),
        ("labels.annotation", "xlsx"),
        ("paths.data", 3),
        ("build.workers", "all"),
        ("build.workers", True),
        ("signal", 3),
        ("signal", None),
        ("signal", ["sfreq"]),
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"\b{key}"):
        load_config(None, {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("signal.sfreq", 0),
        ("signal.sfreq", -256),
        ("signal.sfreq", 10**6),
        ("signal.clip", 0),
        ("signal.clip", -10),
        ("signal.clip", float("nan")),
        pytest.param("signal.clip", 10**400, id="signal.clip-a one and 400 zeros"),
        ("signal.bandpass.low", 0),
        ("signal.bandpass.order", 0),
        ("signal.bandpass.order", 11),
        ("signal.notch.q", 0),
        ("windows.length", 0),
        ("windows.length", float("inf")),
        ("windows.stride", -10),
        ("storage.scale", 0),
        ("storage.shard_seconds", 0),
        ("corpus.val_fraction", 0),
        ("corpus.val_fraction", 1),
        ("corpus.val_fraction", float("nan")),
        ("channels.max_interpolated", -1),
        ("channels.max_interpolated", 16),
        ("labels.full_seizure", 0),
        ("labels.full_seizure", 1.01),
        ("labels.classes", []),
        pytest.param("labels.classes", list("abcdefghijklmnop"), id="labels.classes-16 of them"),
        ("labels.seizure", []),
        ("build.workers", -1),
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"\b{key}: "):
        load_config(None, {key: value})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(
            {"signal.bandpass.high": 128}, "low < high < 128 Hz", id="band up to the Nyquist rate"
        ),
        pytest.param({"signal.bandpass.low": 120}, "low < high", id="empty band"),
        pytest.param({"signal.sfreq": 200}, "low < high < 100 Hz", id="rate too low for the band"),
        pytest.param(
            {"signal.sfreq": 100, "signal.bandpass": None},
            "notch.freq must be below 50 Hz",
            id="rate too low for the notch",
        ),
        pytest.param({"windows.length": 0.001}, "windows.length of 0.001 s", id="no whole sample"),
        pytest.param(
            {"windows.stride": 0.3}, "windows.stride of 0.3 s is 76.8 samples", id="half a sample"
        ),
        pytest.param({"windows.length": 1e308}, "windows.length", id="more samples than numbers"),
        pytest.param({"signal.clip": 50}, "int16 with scale .* up to 31.999", id="clip over int16"),
        pytest.param({"signal.clip": None}, "int16 with scale", id="no clip for int16"),
        pytest.param({"storage.scale": 1e-5}, "int16 with scale 1e-05", id="scale too fine"),
        pytest.param({"channels.interpolate": ["EKG"]}, "'EKG', which is no", id="no channel"),
        pytest.param({"labels.classes": ["a", "a"]}, "a repeated class", id="class twice"),
        pytest.param({"labels.classes": ["bckg"]}, "other than 'bckg'", id="background a class"),
        pytest.param({"labels.classes": ["a b"]}, "single words", id="two words"),
        pytest.param({"labels.classes": [""]}, "single words", id="no word"),
        pytest.param({"labels.seizure": ["epil"]}, r"seizure names \['epil'\]", id="no such class"),
    ],
)
def test_values_that_do_not_go_together_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_config(None, options)


@pytest.mark.parametrize(
    "options",
    [
        {"storage.dtype": "float32", "signal.clip": None},
        {"storage.scale": 2.0**-5, "signal.clip": 1000},
        {"signal.sfreq": 100, "signal.bandpass": None, "signal.notch": None},
        {"windows.length": 1 / 256, "windows.stride": 1 / 256},
        {"signal.sfreq": 250, "windows.length": 0.3},
        {"labels.classes": ["x"], "labels.seizure": ["x"]},
        {"build.workers": 0},
        {"channels.interpolate": []},
    ],
    ids=str,
)
def test_values_that_go_together_are_accepted(options: dict[str, Any]) -> None:
    load_config(None, options)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        DEFAULTS.signal.sfreq = 250


# --- which source wins --------------------------------------------------------------------------


def test_options_win_over_the_environment_and_that_over_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text("paths: {data: /file/data, store: /file/store}\nbuild: {workers: 3}\n")
    config = load_config(path)
    assert (config.paths.data, config.paths.store) == (Path("/file/data"), Path("/file/store"))

    monkeypatch.setenv("TUSZSTORE_DATA", "/env/data")
    config = load_config(path)
    assert (config.paths.data, config.paths.store) == (Path("/env/data"), Path("/file/store"))

    monkeypatch.setenv("TUSZSTORE_STORE", "/env/store")
    config = load_config(path, {"paths.data": "/option/data"})
    assert (config.paths.data, config.paths.store) == (Path("/option/data"), Path("/env/store"))
    assert config.build.workers == 3


def test_the_environment_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUSZSTORE_DATA", "/env/data")
    monkeypatch.setenv("TUSZSTORE_STORE", "")
    for source in (None, {}, "tusz", DEFAULTS):
        assert load_config(source).paths.data == Path("/env/data")
        assert load_config(source).paths.store is None


def test_an_option_sets_one_key_of_a_section(path: Path) -> None:
    path.write_text("signal: {bandpass: {low: 1, order: 4}, clip: 5}")
    config = load_config(path, {"signal.bandpass.low": 2, "windows.length": 30})
    assert config.signal.bandpass == Bandpass(low=2, high=120, order=4)
    assert (config.signal.clip, config.windows.length) == (5, 30)


def test_an_option_may_be_text() -> None:
    """As it comes from a command line."""
    assert load_config(None, {"windows.length": "30", "signal.sfreq": "512"}) == load_config(
        {"windows": {"length": 30}, "signal": {"sfreq": 512}}
    )


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"unknown key 'storage\.dtpe'; did you mean 'storage.dtype'"
    ):
        load_config(None, {"storage.dtpe": "float32"})


@pytest.mark.parametrize("key", ["notch", "notch.freq", "signal.noch", "signal.noch.freq"])
def test_an_unknown_section_is_told_of_the_option_that_sets_it(key: str) -> None:
    with pytest.raises(ConfigError, match=r"^--set: unknown key .*did you mean 'signal.notch'"):
        load_config(None, {key: 50}, names={key: "--set"})


def test_an_option_below_no_section_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"signal\.sfreq"):
        load_config(None, {"signal.sfreq.value": 3})


def test_loading_does_not_change_what_is_given() -> None:
    values = {"signal": {"bandpass": {"low": 1}}}
    load_config(values, {"signal.bandpass.low": 2, "paths.data": "/x"})
    assert values == {"signal": {"bandpass": {"low": 1}}}


# --- replacing ----------------------------------------------------------------------------------


def test_replace_sets_keys_and_leaves_the_rest() -> None:
    config = DEFAULTS.replace(**{"storage.dtype": "float32", "signal.notch": None})
    assert config.storage.dtype == "float32"
    assert config.signal.notch is None
    assert config.signal.bandpass == DEFAULTS.signal.bandpass
    assert DEFAULTS.storage.dtype == "int16"
    assert DEFAULTS.replace() == DEFAULTS


def test_replace_brings_a_section_back() -> None:
    without = DEFAULTS.replace(**{"signal.bandpass": None})
    assert without.replace(**{"signal.bandpass.low": 1}).signal.bandpass == Bandpass(low=1)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("storage.dtype", "int8", "storage.dtype"),
        ("storage.dtypes", "int16", "did you mean 'storage.dtype'"),
        ("signal.clip", None, "int16 with scale"),
    ],
)
def test_replace_validates(key: str, value: object, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        DEFAULTS.replace(**{key: value})


# --- digests ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"paths.data": "/a", "paths.store": "/b"},
        {"build.workers": 7, "build.max_memory": "2GB", "build.scheduler": "tcp://x:1"},
        {"signal.sfreq": 256, "windows.length": 60.0, "storage.scale": 2**-10},
        {"windows.length": "60", "signal.clip": 10},
        {"labels.classes": list(EVENT_CLASSES)},
        {"signal.bandpass": {"order": 3, "high": 120, "low": 0.5}},
        {"signal": {}, "corpus": {}},
    ],
    ids=["paths", "build", "defaults", "text", "list", "another order", "empty sections"],
)
def test_the_digest_is_blind_to_what_changes_no_store(options: dict[str, Any]) -> None:
    assert load_config(None, options).digest() == DEFAULTS.digest()


def test_the_digest_of_the_default_is_that_of_its_file() -> None:
    assert load_config("tusz").digest() == DEFAULTS.digest()
    assert len(DEFAULTS.digest()) == 32
    assert int(DEFAULTS.digest(), 16)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("corpus.split_policy", "patient"),
        ("corpus.val_fraction", 0.3),
        ("corpus.split_seed", 43),
        ("channels.ignore_case", False),
        ("channels.interpolate", ["Pz"]),
        ("channels.flat", "keep"),
        ("channels.max_interpolated", 3),
        ("labels.annotation", "csv_bi"),
        pytest.param("labels.classes", [*EVENT_CLASSES, "more"], id="labels.classes-one more"),
        ("labels.seizure", ["seiz"]),
        ("labels.ignore_case", False),
        ("labels.unknown", "background"),
        ("labels.unlabelled", "keep"),
        ("labels.rounding", "truncate"),
        ("labels.full_seizure", 0.98),
        ("signal.sfreq", 512),
        ("signal.nonfinite", "propagate"),
        ("signal.resample", "fft"),
        ("signal.bandpass", None),
        ("signal.bandpass.low", 0.6),
        ("signal.notch.freq", 50),
        ("signal.filter", "causal"),
        ("signal.normalise", "zscore"),
        ("signal.clip", 9),
        ("windows.length", 30),
        ("windows.stride", 5),
        ("windows.overlap", "duplicate"),
        ("storage.dtype", "float32"),
        ("storage.scale", 2.0**-11),
        ("storage.codec", "zstd"),
        ("storage.shard_seconds", 320),
    ],
    ids=str,
)
def test_the_digest_sees_everything_that_a_store_holds(key: str, value: object) -> None:
    changed = load_config(None, {key: value})
    assert changed.digest() != DEFAULTS.digest()
    section = key.partition(".")[0]
    assert changed.digest(section) != DEFAULTS.digest(section)
    other = "windows" if section != "windows" else "labels"
    assert changed.digest(other) == DEFAULTS.digest(other)


def test_a_configuration_survives_a_trip_through_json() -> None:
    config = load_config("reference", {"paths.data": "/a", "signal.notch": None})
    assert load_config(config.model_dump(mode="json")) == config


# --- anything at all ----------------------------------------------------------------------------


SECTIONS = {name: list(type(getattr(DEFAULTS, name)).model_fields) for name in Config.model_fields}
WORDS = sorted({*SECTIONS, *(key for keys in SECTIONS.values() for key in keys)})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["int16", "float32", "fft", "none", "share", "seiz", "keep", "csv_bi"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=3)
        | st.dictionaries(st.integers(0, 3) | st.none(), inner, max_size=1)
    ),
    max_leaves=6,
)
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        name: st.fixed_dictionaries({}, optional=dict.fromkeys(keys, VALUES))
        for name, keys in SECTIONS.items()
    },
)


@given(values=NEARLY | st.dictionaries(st.sampled_from(WORDS) | st.text(), VALUES, max_size=3))
@example(values={1: 2})
@example(values={"signal": {None: 2}})
@settings(deadline=None)
def test_any_mapping_gives_a_configuration_or_a_reason(values: Mapping[Any, Any]) -> None:
    try:
        config = load_config(values)
    except ConfigError:
        return
    assert load_config(config.model_dump(mode="json")) == config
    assert len(config.digest()) == 32


@given(options=st.dictionaries(st.sampled_from(WORDS) | st.text("sc.", max_size=4), VALUES))
@settings(deadline=None)
def test_any_options_give_a_configuration_or_a_reason(options: dict[str, Any]) -> None:
    try:
        config = load_config(None, options)
    except ConfigError:
        return
    assert config.replace() == config


TOKENS = st.sampled_from([
    *WORDS, *"{}[],:?-&*!|>'\"%@#~\n\t ", "\n  ", ": ", "- ", "!!", "<<", "&a ", "*a", "---\n",
    "1", ".inf", "1e3", "0x", "0b", "1:30", "2001-02-28", "null", "yes", "é", "\x85", "\ufeff",
])  # fmt: skip


@given(content=st.lists(TOKENS, max_size=20).map("".join) | st.text())
@settings(deadline=None)
def test_any_text_gives_a_configuration_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(content, encoding="utf-8", errors="surrogatepass")
    try:
        load_config(path)
    except ConfigError:
        return


class LaterSignal(Signal):
    """The section as a later release may have it."""

    detrend: Literal["none", "linear"] = "none"


class LaterConfig(Config):
    signal: LaterSignal = LaterSignal()


def test_a_later_key_changes_no_digest_until_it_is_set() -> None:
    assert LaterConfig().digest() == DEFAULTS.digest()
    changed = LaterConfig(signal=LaterSignal(detrend="linear"))
    assert changed.digest() != DEFAULTS.digest()
    assert changed.digest("windows") == DEFAULTS.digest("windows")
    keys = [Keys(config, "").signal("a") for config in (LaterConfig(), DEFAULTS, changed)]
    assert keys[0] == keys[1] != keys[2]


def test_a_later_key_whose_default_is_not_what_was_done_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(MEANING_BEFORE, "signal.detrend", "linear")
    assert LaterConfig().digest() != DEFAULTS.digest()
    assert LaterConfig(signal=LaterSignal(detrend="linear")).digest() == DEFAULTS.digest()


def test_every_key_of_today_is_one_of_the_first_or_came_later() -> None:
    for path, names in FIRST_KEYS.items():
        section: Any = DEFAULTS
        for part in path.split("."):
            section = getattr(section, part)
        assert set(names) <= set(type(section).model_fields)


def test_the_documentation_names_every_builtin_configuration() -> None:
    for name in builtin_configs():
        assert f"``{name}``" in (load_config.__doc__ or "")

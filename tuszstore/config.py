"""What a build is: read from YAML, validated, hashed.

The defaults below are `configs/tusz.yaml`; `docs/signal.md` says why, and how
`configs/reference.yaml` differs. Sections that decide what a store holds take part in
:meth:`Config.digest`; `paths` and `build` say only where and how, and do not.
"""

import difflib
import hashlib
import json
import math
import os
import re
from collections.abc import Hashable, Mapping
from importlib import resources
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tuszstore.channels.derivations import AVERAGE, Channel
from tuszstore.channels.labels import reference_key
from tuszstore.channels.names import CHANNELS, canonical, is_electrode
from tuszstore.channels.sets import parse_channels
from tuszstore.errors import ConfigError
from tuszstore.registry import (
    ANNOTATIONS,
    CORPORA,
    FILTERS,
    NORMALISERS,
    RESAMPLERS,
    Registry,
)

EVENT_CLASSES = (
    "seiz", "fnsz", "gnsz", "spsz", "cpsz", "absz", "tnsz", "cnsz", "tcsz", "atsz", "mysz", "nesz",
)  # fmt: skip
"""Event classes of the TUSZ documentation that are not background, in the order of their bits."""

MAX_CLASSES = 15
"""Bits of a uint16 that are left for event classes; the last one marks unlabelled samples."""

MAX_WINDOW = 1 << 25
"""Samples of a window, at most: 2.5 GB as float32, in 19 channels."""

MAX_SHARD = 1 << 28
"""Samples of a channel in a shard, at most: 20 GB of float32 in one file."""

MAX_FILE = 1 << 20
"""Bytes of a configuration's file, at most."""

AUTO = "auto"
"""Name of a corpus that is found out from its folder."""

PATIENT_RULES = ("folder", "name")
"""What ``corpus.patient`` may be, beside a pattern."""

STEPS = {"resample": RESAMPLERS, "filter": FILTERS, "normalise": NORMALISERS}
"""Keys of ``signal`` that name what is registered."""

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


def _registered(registry: Registry, name: str, *others: str) -> str:
    try:
        return registry.check(name)
    except ConfigError as error:
        more = f" (or {', '.join(others)})" if others else ""
        raise ValueError(f"{error}{more}") from None


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # some values are dicts

    @field_validator("*", mode="before")
    @classmethod
    def _no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse ``yes`` where a number belongs: it would be taken for 1."""
        field = cls.model_fields.get(info.field_name or "")
        if isinstance(value, bool) and field and field.annotation is not bool:
            raise ValueError(f"must not be {str(value).lower()}")
        return value


class Corpus(_Section):
    """Which corpus it is, who its patients are, and which recordings belong to which split."""

    name: str = AUTO
    patient: str | None = None
    errata: Literal["correct", "none"] = "correct"
    split_policy: Literal["official", "patient", "file_order"] = "official"
    val_fraction: Fraction = 0.2
    split_seed: int = 42
    pseudonymize: bool = False

    @field_validator("name")
    @classmethod
    def _known_name(cls, value: str) -> str:
        return value if value == AUTO else _registered(CORPORA, value)

    @field_validator("patient")
    @classmethod
    def _known_rule(cls, value: str | None) -> str | None:
        if value in (None, *PATIENT_RULES):
            return value
        try:
            groups = re.compile(value or "").groups
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from None
        if groups != 1:
            raise ValueError(
                f"{value!r} must be {' or '.join(PATIENT_RULES)}, or a pattern with one group, "
                "which is the patient, such as ^([^/]+)/"
            )
        return value


class Channels(_Section):
    """Which channels are stored, how they are found, and what may be interpolated."""

    set: str | tuple[str, ...] = "10-20"
    rename: dict[str, str] = {}
    references: tuple[str, ...] = ()
    average_of: tuple[str, ...] = CHANNELS
    ignore_case: bool = True
    interpolate: tuple[str, ...] = ("Fz", "Pz")
    flat: Literal["interpolate", "keep", "leave_out"] = "interpolate"
    max_interpolated: Annotated[int, Field(ge=0, le=15)] = 4

    @model_validator(mode="after")
    def _known_channels(self) -> Self:
        averaged = [one.name for one in parse_channels(self.set) if one.cathode == AVERAGE]
        if averaged and not self.average_of:
            raise ValueError(f"average_of must name the electrodes of the average in {averaged[0]}")
        for name in self.references:
            reference_key(name, ignore_case=self.ignore_case)
        for name in self.interpolate:
            if canonical(name) != name or not is_electrode(name):
                raise ValueError(f"interpolate names {name!r}, which is no electrode's name")
        return self

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Channels of a store, in their order."""
        return parse_channels(self.set)


class Labels(_Section):
    """Which annotation is read and what its events mean."""

    annotation: str = "csv"
    classes: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_CLASSES)] = EVENT_CLASSES
    seizure: Annotated[tuple[str, ...], Field(min_length=1)] = EVENT_CLASSES[:-1]
    ignore_case: bool = True
    unknown: Literal["leave_out", "background"] = "leave_out"
    unlabelled: Literal["leave_out", "keep"] = "leave_out"
    rounding: Literal["outward", "truncate"] = "outward"
    full_seizure: Annotated[float, Field(gt=0, le=1)] = 0.99

    @field_validator("annotation")
    @classmethod
    def _known_format(cls, value: str) -> str:
        return value if value == "none" else _registered(ANNOTATIONS, value, "none")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes names one class twice")
        if strange := [name for name in self.classes if len(name.split()) != 1 or name == "bckg"]:
            raise ValueError(f"classes must be single words other than 'bckg', not {strange}")
        if missing := [name for name in self.seizure if name not in self.classes]:
            raise ValueError(f"seizure names {missing}, which classes does not hold")
        return self

    @property
    def seizure_bits(self) -> int:
        """Mask of the label bits that count as seizure."""
        return sum(1 << self.classes.index(name) for name in self.seizure)


class Bandpass(_Section):
    """Butterworth band-pass; cut-offs in Hz."""

    low: Positive = 0.5
    high: Positive = 120.0
    order: Annotated[int, Field(ge=1, le=10)] = 3


class Notch(_Section):
    """Second-order notch at the power line's frequency (Hz)."""

    freq: Positive = 60.0
    q: Positive = 30.0


class Signal(_Section):
    """From microvolts at the source's rate to what is stored."""

    sfreq: Annotated[int, Field(ge=1, le=100_000)] = 256
    nonfinite: Literal["interpolate", "propagate"] = "interpolate"
    resample: str = "polyphase"
    bandpass: Bandpass | None = Bandpass()
    notch: Notch | None = Notch()
    filter: str = "zero_phase"
    normalise: str = "robust_zscore"
    clip: Positive | None = 10.0

    @field_validator("resample", "filter", "normalise")
    @classmethod
    def _known_step(cls, value: str, info: ValidationInfo) -> str:
        return _registered(STEPS[str(info.field_name)], value)

    @model_validator(mode="after")
    def _below_nyquist(self) -> Self:
        nyquist = self.sfreq / 2
        if self.bandpass and not self.bandpass.low < self.bandpass.high < nyquist:
            raise ValueError(
                f"bandpass needs low < high < {nyquist:g} Hz (half of sfreq), "
                f"not {self.bandpass.low:g} and {self.bandpass.high:g}"
            )
        if self.notch and self.notch.freq >= nyquist:
            raise ValueError(f"notch.freq must be below {nyquist:g} Hz, not {self.notch.freq:g}")
        return self


class Windows(_Section):
    """Length and stride of a window in seconds, and how overlap is stored."""

    length: Annotated[Positive, Field(le=86_400)] = 60.0
    stride: Annotated[Positive, Field(le=86_400)] = 10.0
    overlap: Literal["share", "duplicate"] = "share"


class Storage(_Section):
    """How values lie on disk."""

    dtype: Literal["int16", "float32"] = "int16"
    scale: Positive = 2.0**-10
    codec: Literal["lz4", "zstd", "none"] = "lz4"
    shard_seconds: Positive = 640.0


class Paths(_Section):
    """Where the corpus is read and the stores are written."""

    data: Path | None = None
    store: Path | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _no_url(cls, value: Any) -> Any:
        """Refuse URLs, of which ``pathlib`` would make folders."""
        if isinstance(value, str) and "://" in value:
            raise ValueError(
                "must be a folder of this machine, not a URL; build there, and copy the store with "
                "the tools of the object store"
            )
        return value


class Build(_Section):
    """How a build is run; none of it changes the result."""

    workers: Annotated[int, Field(ge=0)] | None = None
    max_memory: str | None = None
    scheduler: str | None = None


class Config(_Section):
    """A whole build, immutable and validated.

    Attributes
    ----------
    corpus, channels, labels, signal, windows, storage
        What the store holds.
    paths, build
        Where it is made and how; not part of the digest.
    """

    corpus: Corpus = Corpus()
    channels: Channels = Channels()
    labels: Labels = Labels()
    signal: Signal = Signal()
    windows: Windows = Windows()
    storage: Storage = Storage()
    paths: Paths = Paths()
    build: Build = Build()

    @model_validator(mode="after")
    def _whole_samples(self) -> Self:
        for name, seconds in (("length", self.windows.length), ("stride", self.windows.stride)):
            samples = seconds * self.signal.sfreq
            if round(samples) < 1 or not math.isclose(samples, round(samples), abs_tol=1e-6):
                raise ValueError(
                    f"windows.{name} of {seconds:g} s is {samples:g} samples at "
                    f"{self.signal.sfreq} Hz; it must be a whole number of samples"
                )
            if samples > MAX_WINDOW:
                raise ValueError(
                    f"windows.{name} of {seconds:g} s is {samples:.0f} samples at "
                    f"{self.signal.sfreq} Hz, more than {MAX_WINDOW}"
                )
        if self.storage.shard_seconds * self.signal.sfreq > MAX_SHARD:
            raise ValueError(
                f"storage.shard_seconds of {self.storage.shard_seconds:g} s is more than "
                f"{MAX_SHARD} samples at {self.signal.sfreq} Hz"
            )
        if self.storage.dtype == "int16":
            largest = self.signal.clip
            if largest is None or largest > 32767 * self.storage.scale:
                raise ValueError(
                    f"storage.dtype int16 with scale {self.storage.scale:g} holds values up to "
                    f"{32767 * self.storage.scale:g}: set signal.clip to that or less, raise "
                    "storage.scale, or use float32"
                )
        return self

    def digest(self, *sections: str) -> str:
        """Hash of the sections that decide what a store holds.

        Parameters
        ----------
        *sections : str
            Names of sections; by default all but `paths` and `build`.

        Returns
        -------
        str
            32 hexadecimal digits.
        """
        wanted = sections or tuple(n for n in type(self).model_fields if n not in NOT_CONTENT)
        chosen = {name: self.decisive(name) for name in wanted}
        text = json.dumps(chosen, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def decisive(self, section: str) -> dict[str, Any]:
        """Return the values of a section that decide what is stored, as JSON has them.

        A key that came later is left out where it has the meaning of before it was there: a
        release that adds one makes nobody build anew.

        Parameters
        ----------
        section : str
        """
        return _decisive(getattr(self, section), section)

    def replace(self, **options: Any) -> "Config":
        """Return a copy with some dotted keys set, validated anew.

        Parameters
        ----------
        **options
            For example ``replace(**{"storage.dtype": "float32"})``; a value of ``None``
            sets the key to null.
        """
        return validate_config(_merge(self.model_dump(), options), "")


NOT_CONTENT = frozenset({"paths", "build"})
"""Sections that do not decide what a store holds."""

FIRST_KEYS = {
    "corpus": ("split_policy", "val_fraction", "split_seed", "pseudonymize"),
    "channels": ("ignore_case", "interpolate", "flat", "max_interpolated"),
    "labels": (
        "annotation", "classes", "seizure", "ignore_case", "unknown", "unlabelled", "rounding",
        "full_seizure",
    ),
    "signal": (
        "sfreq", "nonfinite", "resample", "bandpass", "notch", "filter", "normalise", "clip",
    ),
    "signal.bandpass": ("low", "high", "order"),
    "signal.notch": ("freq", "q"),
    "windows": ("length", "stride", "overlap"),
    "storage": ("dtype", "scale", "codec", "shard_seconds"),
}  # fmt: skip
"""Keys of each section that take part in every digest. All others came later."""

MEANING_BEFORE: dict[str, Any] = {}
"""Of later keys, by dotted name: the value that means what was done before, if not the default."""


def _decisive(section: BaseModel, path: str) -> dict[str, Any]:
    dumped = section.model_dump(mode="json")
    chosen = {}
    for name, field in type(section).model_fields.items():
        key, value = f"{path}.{name}", getattr(section, name)
        before = MEANING_BEFORE.get(key, field.get_default(call_default_factory=True))
        if name not in FIRST_KEYS.get(path, ()) and value == before:
            continue
        inner = isinstance(value, BaseModel)
        chosen[name] = _decisive(value, key) if inner else dumped[name]
    return chosen


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, of which YAML would keep the last, and aliases.

    A few aliases of aliases make gigabytes of a short file, and no configuration needs one.
    """

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            raise ConfigError(f"an alias (*name) in line {line}: write the value out instead")
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = []
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise ConfigError(f"key {key!r} stands twice, line {key_node.start_mark.line + 1}")
            keys.append(key)
        return super().construct_mapping(node, deep)


def load_config(
    source: str | os.PathLike[str] | Mapping[str, Any] | Config | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    names: Mapping[str, str] | None = None,
) -> Config:
    """Read and validate a configuration.

    Later sources win: the built-in defaults, `source`, the environment variables
    ``TUSZSTORE_DATA`` and ``TUSZSTORE_STORE``, `options`.

    Parameters
    ----------
    source : path, str, mapping, Config or None
        A YAML file, the name of a built-in configuration (``tusz``, ``reference``,
        ``smoke``), the same as a mapping, or nothing for the defaults.
    options : mapping, optional
        Dotted keys, such as ``{"storage.dtype": "float32"}``.
    names : mapping of str to str, optional
        What a key of `options` is called where it was set, such as ``--max-memory``, for messages.

    Raises
    ------
    ConfigError
        If a file is unreadable, a key unknown (the nearest known one is named) or a value
        out of range.
    """
    options = options or {}
    if isinstance(source, Config):
        values, name = source.model_dump(), "the configuration"
    elif isinstance(source, Mapping):
        values, name = dict(source), "the configuration"
    elif source is None:
        values, name = {}, "the configuration"
    else:
        values, name = _read_yaml(source), str(source)
    for key in ("data", "store"):
        if path := os.environ.get(f"TUSZSTORE_{key.upper()}"):
            values = _merge(values, {f"paths.{key}": path})
    called = {key: (names or {}).get(key, "the options") for key in options}
    return validate_config(_merge(values, options), name, called)


def builtin_configs() -> dict[str, Path]:
    """Return the configurations that come with the package, by name."""
    folder = Path(str(resources.files("tuszstore"))) / "configs"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _read_yaml(source: str | os.PathLike[str]) -> dict[str, Any]:
    path = Path(source)
    if not os.path.exists(path):  # also False, not an error, for what can be no file's name
        known = builtin_configs()
        if str(source) not in known:
            nearest = difflib.get_close_matches(str(source), known, n=1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ConfigError(f"{path}: no such file, nor one of {', '.join(known)}{hint}")
        path = known[str(source)]
    try:
        if path.stat().st_size > MAX_FILE:
            raise ConfigError(f"is larger than {MAX_FILE} bytes")
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: must hold sections such as 'signal:', not {values!r:.60}")
    return values


def _merge(values: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in options.items():
        head, _, rest = key.partition(".")
        if rest:
            inner = merged.get(head)
            merged[head] = _merge(inner if isinstance(inner, Mapping) else {}, {rest: value})
        else:
            merged[head] = value
    return merged


def validate_config(
    values: Mapping[str, Any], name: str, options: Mapping[str, str] | None = None
) -> Config:
    """Return a configuration from its values as they are, without defaults from the environment.

    Parameters
    ----------
    values : mapping
    name : str
        What they are, for messages.
    options : mapping of str to str, optional
        Dotted keys that were set elsewhere, and what is named for those instead.

    Raises
    ------
    ConfigError
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        told: dict[str, list[str]] = {}
        for problem in error.errors():
            who = _set_by(problem["loc"], options or {}) or name
            told.setdefault(who, []).append(_explain(dict(problem)))
        lines = (f"{who}: {'; '.join(what)}" for who, what in told.items())
        raise ConfigError("; ".join(lines).removeprefix(": ")) from None


def _set_by(location: tuple[Any, ...], options: Mapping[str, str]) -> str:
    """Return what is named for the option that set what is wrong; empty if none did."""
    for length in range(len(location), 0, -1):
        if called := options.get(".".join(map(str, location[:length]))):
            return called
    return ""


def _explain(problem: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        message = str(problem["msg"]).removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    known = _keys_at(problem["loc"][:-1])
    nearest = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.0)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"unknown key {key!r}; {hint}(known here: {', '.join(sorted(known))})"


def _keys_at(location: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Config
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        options = [kind for kind in get_args(annotation) if kind is not NoneType] or [annotation]
        model = options[0]
    return list(model.model_fields)

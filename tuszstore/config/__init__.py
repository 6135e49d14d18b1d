"""The configuration of a build: read from YAML, validated, hashed.

The defaults of the sections are `configs/tusz.yaml`; `docs/signal.md` explains them, and how
`configs/reference.yaml` differs. :meth:`Config.digest` covers the sections that determine
the content of a store, not `paths` and `build`.
"""

from tuszstore.config.build import MAX_SHARD, MAX_WINDOW, Config, validate_config
from tuszstore.config.channels import Channels
from tuszstore.config.corpus import AUTO, PATIENT_RULES, Corpus
from tuszstore.config.decisive import FIRST_KEYS, MEANING_BEFORE, NOT_CONTENT
from tuszstore.config.labels import BACKGROUND, EVENT_CLASSES, MAX_CLASSES, RATER_RULES, Labels
from tuszstore.config.layout import Build, Paths, Storage, Windows
from tuszstore.config.loading import MAX_FILE, builtin_configs, load_config
from tuszstore.config.section import Fraction, Positive
from tuszstore.config.signal import STEPS, Bandpass, Notch, Signal

__all__ = [
    "AUTO",
    "BACKGROUND",
    "EVENT_CLASSES",
    "FIRST_KEYS",
    "MAX_CLASSES",
    "MAX_FILE",
    "MAX_SHARD",
    "MAX_WINDOW",
    "MEANING_BEFORE",
    "NOT_CONTENT",
    "PATIENT_RULES",
    "RATER_RULES",
    "STEPS",
    "Bandpass",
    "Build",
    "Channels",
    "Config",
    "Corpus",
    "Fraction",
    "Labels",
    "Notch",
    "Paths",
    "Positive",
    "Signal",
    "Storage",
    "Windows",
    "builtin_configs",
    "load_config",
    "validate_config",
]

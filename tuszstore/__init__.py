"""EEG seizure corpora as sharded Zarr stores, built once and read at the speed of memory.

>>> import tuszstore
>>> report = tuszstore.build("tusz", split="train", data="tusz", store="stores")  # doctest: +SKIP
>>> store = tuszstore.open("stores/train.zarr")  # doctest: +SKIP
>>> signal, labels = store.read([0, 17, 4], labels=True)  # doctest: +SKIP
"""

from importlib.metadata import version as _version

from tuszstore.api import Store, build, repair, verify
from tuszstore.api import open_store as open
from tuszstore.builder.report import BuildReport
from tuszstore.config import Config, load_config
from tuszstore.errors import ConcatError, SchemaError, StoreError, TuszstoreError
from tuszstore.evaluate.opening import open_predictions
from tuszstore.evaluate.predictions import Predictions
from tuszstore.evaluate.writing import PredictionError, write_predictions
from tuszstore.facade.concat import StoreSeries, concat
from tuszstore.facade.view import View
from tuszstore.store.spec import StoreSpec
from tuszstore.versions import show_versions

__version__ = _version("tuszstore")

__all__ = [
    "BuildReport",
    "ConcatError",
    "Config",
    "PredictionError",
    "Predictions",
    "SchemaError",
    "Store",
    "StoreError",
    "StoreSeries",
    "StoreSpec",
    "TuszstoreError",
    "View",
    "build",
    "concat",
    "load_config",
    "open",
    "open_predictions",
    "repair",
    "show_versions",
    "verify",
    "write_predictions",
]

"""Ways of storing and reading windows, one module each.

To add one, write a subclass of :class:`benchmarks.engines.base.Engine` and name it here. The order
is that of the runs: the upper bound is first, since others are compared with it.
"""

from benchmarks.engines.annbatch import Annbatch
from benchmarks.engines.base import Engine
from benchmarks.engines.braindecode import Braindecode
from benchmarks.engines.hdf5 import Hdf5, Hdf5Bare
from benchmarks.engines.insitubatch import InSituBatch
from benchmarks.engines.litdata import LitData
from benchmarks.engines.lmdb import Lmdb
from benchmarks.engines.mds import Mds
from benchmarks.engines.memmap import Memmap
from benchmarks.engines.npz import Npz
from benchmarks.engines.tensorstore import Tensorstore, TensorstoreWindows
from benchmarks.engines.tuszstore import Tuszstore, TuszstoreBare, TuszstoreLoader
from benchmarks.engines.webdataset import WebDataset
from benchmarks.engines.zarr_python import ZarrPython, ZarrPythonWindows, Zarrs, ZarrsWindows

LIMIT = Memmap.name

ENGINES: dict[str, type[Engine]] = {
    engine.name: engine
    for engine in (
        Memmap,
        Tuszstore,
        TuszstoreBare,
        TuszstoreLoader,
        Npz,
        Hdf5,
        ZarrPython,
        ZarrPythonWindows,
        Zarrs,
        ZarrsWindows,
        Tensorstore,
        TensorstoreWindows,
        Annbatch,
        InSituBatch,
        Hdf5Bare,
        Lmdb,
        Mds,
        LitData,
        WebDataset,
        Braindecode,
    )
}
"""All engines by name."""


def imports_of(name: str, *, torch: bool = False) -> tuple[str, ...]:
    """Return the modules to import before an engine is timed.

    Parameters
    ----------
    name : str
    torch : bool
        For torch's loader. Engines in the interpreter of the benchmarks then share their imports,
        so that torch is imported only once.
    """
    engine = ENGINES[name]
    if not torch:
        return ("benchmarks.measure", *engine.imports)
    own = ("tuszstore.torch", "zarr") if engine.environment == "this" else engine.imports
    return ("benchmarks.measure", "benchmarks.engines.items", *own)

"""Inputs from which the fuzzers begin: small ones of every kind, made anew each time."""

import json
import sys
from pathlib import Path

import numpy as np

from fuzz.formats import SEEDS
from fuzz.targets import TARGETS, chunk_seeds
from tests.corpus.edf_files import eeg, time_keeping
from tuszstore.builder.spec import encoding_of, spec_of
from tuszstore.config import Config, builtin_configs
from tuszstore.corpus.synthetic import write_corpus
from tuszstore.store.create import column_options, label_options, signal_options
from tuszstore.store.schema import VARIABLES


def write_seeds(root: Path) -> None:
    """Write a folder of inputs for each target.

    Parameters
    ----------
    root : Path
    """
    for target in TARGETS:
        (root / target).mkdir(parents=True, exist_ok=True)
    small = {"seconds": 1, "sfreq": 16}
    eeg(root / "edf" / "plain", **small)
    eeg(root / "edf" / "interpolated", without=["Pz"], **small)
    eeg(root / "edf" / "wrong", n_records=-1, date="01:01:85", **small)
    eeg(root / "edf" / "discontinuous", extra=[time_keeping([0.0])], reserved="EDF+D", **small)
    corpus = root / "corpus"
    if not corpus.exists():
        write_corpus(corpus, patients=3, files=2, minutes=1, seed=0)
    for number, file in enumerate(sorted(corpus.rglob("*.csv*"))):
        (root / "annotation" / str(number)).write_bytes(file.read_bytes())
    for name, file in builtin_configs().items():
        (root / "config" / name).write_bytes(file.read_bytes())
    for number, seed in enumerate(chunk_seeds()):
        (root / "chunk" / str(number)).write_bytes(seed)
    for number in range(20):
        (root / "rows" / str(number)).write_bytes(np.random.default_rng(number).bytes(1500))
    index = np.full((6, 2), 2**64 - 1, "<u8")
    index[:4] = [[0, 100], [100, 900], [1000, 4], [1004, 50]]
    (root / "shard" / "index").write_bytes(index.tobytes())
    for name, seeds in SEEDS.items():
        for number, seed in enumerate(seeds):
            (root / name / str(number)).write_bytes(seed)
    (root / "metadata" / "zarr").write_text(json.dumps(_documents()))


def _documents() -> dict[str, object]:
    import zarr
    from zarr.storage import MemoryStore

    documents = {}
    for variable in VARIABLES:
        if variable.path == "signal":
            options = signal_options(spec_of(Config()), encoding_of(Config().storage), 64)
        elif variable.path == "label":
            options = label_options(spec_of(Config()), 64)
        else:
            sizes = {"channel": 19, "mask": 3}
            options = column_options(variable, tuple(sizes.get(d, 7) for d in variable.dims))
        array = zarr.create_array(MemoryStore(), **options, zarr_format=3)
        documents[variable.path] = json.loads(json.dumps(array.metadata.to_dict(), default=str))
    return documents


if __name__ == "__main__":
    write_seeds(Path(sys.argv[1]))

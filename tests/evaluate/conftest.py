import pytest

import tuszstore
from tests.store.made_stores import make_store


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuszstore.Store:
    """A small store: windows of 10 s every 5 s at 16 Hz; its last recording is unlabelled."""
    path = tmp_path_factory.mktemp("made") / "dev.zarr"
    make_store(path, lengths=(1600, 130, 2400, 960))
    return tuszstore.open(path)

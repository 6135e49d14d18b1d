import os
from pathlib import Path

import pytest

from tests import ROOT
from tests.conftest import DATA as VARIABLE

DATA = Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "data")
"""Files of released corpora, where they are there."""


def _released(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"no folder {name} of released files; name the one around it in {VARIABLE}")
    return DATA / name


@pytest.fixture(scope="session")
def chbmit() -> Path:
    """The summary of chb05, and two recordings cut to 2 s."""
    return _released("chbmit")


@pytest.fixture(scope="session")
def siena() -> Path:
    """The seizure list of PN00, and two recordings cut to 2 s."""
    return _released("siena")

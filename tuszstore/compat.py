"""What differs between versions of the libraries that tuszstore stands on."""

from functools import cache
from typing import Any

from tuszstore.errors import StoreError


@cache
def standard_montage() -> Any:
    """Return MNE's montage of the 10-20 system on the Colin 27 head.

    Newer releases of MNE call it ``colin27_1020`` and warn at its old name ``standard_1020``.
    """
    import mne

    known = mne.channels.get_builtin_montages()
    name = "colin27_1020" if "colin27_1020" in known else "standard_1020"
    return mne.channels.make_standard_montage(name)


def import_obstore() -> Any:
    """Return obstore.

    Raises
    ------
    StoreError
        If it is not installed.
    """
    try:
        import obstore
    except ImportError:
        raise StoreError(
            "stores in an object store are read with obstore, which is not installed: "
            "pip install 'tuszstore[remote]'"
        ) from None
    return obstore

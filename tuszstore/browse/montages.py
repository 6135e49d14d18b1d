"""The montages in which a store can be shown."""

from typing import TYPE_CHECKING

from tuszstore.channels.sets import SETS

if TYPE_CHECKING:
    from tuszstore.facade.store import Store
    from tuszstore.facade.view import View

AS_STORED = "as stored"
"""Name of the store's own channels."""

AVERAGE = "average reference"
"""Name of the store's electrodes less their average."""


def montages(store: "Store | View") -> "dict[str, Store | View]":
    """Return views of a store, in µV where they can be, by the names of their montages.

    Parameters
    ----------
    store : Store or View

    Returns
    -------
    dict of str to Store or View
        The first is the store's own channels.
    """
    electrodes = [channel.name for channel in store.spec.channels if channel.cathode is None]
    wanted = {AS_STORED: None, **SETS, AVERAGE: [f"{name}-avg" for name in electrodes]}
    found: dict[str, Store | View] = {}
    for name, channels in wanted.items():
        if channels == []:
            continue
        try:
            view = store.view(channels=channels, units="uV")
        except ValueError:  # this store cannot be shown so: its channels are others
            continue
        if all(view.spec.channels != other.spec.channels for other in found.values()):
            found[name] = view
    return found or {AS_STORED: store}

"""The montages in which a store can be shown."""

from typing import TYPE_CHECKING

from tuszstore.channels.sets import SETS

if TYPE_CHECKING:
    from tuszstore.facade.windows import WindowCollection

AS_STORED = "as stored"
"""Name of the montage of the store's own channels."""

AVERAGE = "average reference"
"""Name of the montage of the store's electrodes minus their average."""


def montages(store: "WindowCollection") -> "dict[str, WindowCollection]":
    """Return views of a store, in µV if possible, by the names of their montages.

    Parameters
    ----------
    store : Store, View or StoreSeries

    Returns
    -------
    dict of str to Store or View
        The first is the store's own channels.
    """
    make_view = getattr(store, "view", None)
    if make_view is None:  # a series of stores is shown as it is
        return {AS_STORED: store}
    electrodes = [channel.name for channel in store.spec.channels if channel.cathode is None]
    wanted = {AS_STORED: None, **SETS, AVERAGE: [f"{name}-avg" for name in electrodes]}
    found: dict[str, WindowCollection] = {}
    for name, channels in wanted.items():
        if channels == []:
            continue
        try:
            view: WindowCollection = make_view(channels=channels, units="uV")
        except ValueError:  # the store lacks the channels of this montage
            continue
        if all(view.spec.channels != other.spec.channels for other in found.values()):
            found[name] = view
    return found or {AS_STORED: store}

"""Windows as PyTorch tensors: a dataset for the stock ``DataLoader``, and a loader of batches.

Thin adapters over :mod:`tuszstore.read` and :mod:`tuszstore.sampling`. Reading needs no worker
processes: the reader's threads use all cores, and :class:`WindowLoader` prefetches batches
in another thread.

>>> from tuszstore.torch import WindowLoader  # doctest: +SKIP
>>> loader = WindowLoader(store, batch_size=64, device="cuda")  # doctest: +SKIP
>>> for signal, label in loader: ...  # doctest: +SKIP
"""

from tuszstore.compat import explain_missing

with explain_missing():
    import torch as _torch  # noqa: F401

from tuszstore.sampling import BlockShuffled
from tuszstore.torch.dataset import WindowDataset
from tuszstore.torch.loader import WindowLoader
from tuszstore.torch.training import LoaderConfig, training_loader, validation_loader

__all__ = [
    "BlockShuffled",
    "LoaderConfig",
    "WindowDataset",
    "WindowLoader",
    "training_loader",
    "validation_loader",
]

"""Train a network of braindecode on a view: bipolar channels in microvolts, windows of 10 s.

    python examples/train_braindecode.py demo/stores/train.zarr

Nothing is built or copied for the view. ``EEGClassifier`` expects one class per window: here 1 if
any part of it is a seizure.
"""

import torch
from braindecode import EEGClassifier
from braindecode.models import ShallowFBCSPNet
from common import WindowLog, options_of

import tuszstore
from tuszstore.sampling import Weighted
from tuszstore.torch import WindowDataset

SAMPLES = 256
"""Windows per epoch."""


def to_class(signal, label):  # type: ignore[no-untyped-def]
    """Return a window with one class, scaled for the network."""
    return signal / 100, int(label.max() > 0)


class Logged(WindowDataset):
    """Logs the windows read, and drops the metadata, which the classifier does not accept."""

    log: WindowLog
    epoch = 0

    def __getitems__(self, items):  # type: ignore[no-untyped-def]
        """Return the windows of a batch, for DataLoader."""
        self.log.add(self.epoch, {"window": torch.as_tensor(items)})
        return super().__getitems__(items)


def main() -> None:
    """Train on the store given on the command line."""
    parser = options_of(__doc__)
    parser.add_argument("--windows", type=int, default=SAMPLES, help=f"of an epoch ({SAMPLES})")
    options = parser.parse_args()

    torch.manual_seed(0)
    store = tuszstore.open(options.store)
    view = store.view(channels="double_banana", units="uV", length=10, stride=10)
    sampler = Weighted.by_event(view.index, seizure=0.5, n=options.windows)
    dataset = Logged(view, transform=to_class)
    dataset.log = WindowLog(options.seen)
    n_times = view.spec.window
    network = ShallowFBCSPNet(len(view.channels), 2, n_times=n_times, final_conv_length="auto")
    classifier = EEGClassifier(
        network,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__lr=1e-3,
        batch_size=options.batch_size,
        iterator_train__sampler=sampler,
        iterator_train__shuffle=False,
        train_split=None,
        max_epochs=1,
        classes=[0, 1],
        verbose=0,
    )
    classifier.initialize()
    first = 0
    if options.checkpoint and options.checkpoint.exists():
        state = torch.load(options.checkpoint)
        classifier.module_.load_state_dict(state["model"])
        classifier.optimizer_.load_state_dict(state["optimizer"])
        first = state["epoch"]
    last = options.epochs if options.stop_after is None else options.stop_after
    for epoch in range(first, last):
        dataset.epoch = epoch
        sampler.set_epoch(epoch)
        classifier.partial_fit(dataset, y=None)
        print(f"epoch {epoch}: loss {classifier.history[-1, 'train_loss']:.3f}")
    if options.checkpoint:
        state = {
            "model": classifier.module_.state_dict(),
            "optimizer": classifier.optimizer_.state_dict(),
            "epoch": last,
        }
        torch.save(state, options.checkpoint)


if __name__ == "__main__":
    main()

"""Train with torchdata's StatefulDataLoader: worker processes, and resuming within an epoch.

    python examples/train_torchdata.py demo/stores/train.zarr --workers 2

This is for transforms that are slow in Python; for reading alone, ``WindowLoader`` is faster.
"""

import torch
from common import WindowLog, loss_of, make_model, options_of
from torchdata.stateful_dataloader import StatefulDataLoader

import tuszstore
from tuszstore.sampling import Balanced
from tuszstore.torch import WindowDataset


def scaled(signal, label, rng):  # type: ignore[no-untyped-def]
    """Return a window with a random gain."""
    return signal * float(rng.uniform(0.8, 1.25)), label


def main() -> None:
    """Train on the store given on the command line."""
    parser = options_of(__doc__)
    parser.add_argument("--workers", type=int, default=0, help="worker processes (0)")
    options = parser.parse_args()

    torch.manual_seed(0)
    store = tuszstore.open(options.store)
    sampler = Balanced(store.index)
    loader = StatefulDataLoader(
        WindowDataset(store, transform=scaled, return_meta=True),
        options.batch_size,
        sampler=sampler.placed(),
        num_workers=options.workers,
    )
    log = WindowLog(options.seen)
    model = make_model(len(store.channels))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    first = 0
    if options.checkpoint and options.checkpoint.exists():
        state = torch.load(options.checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])
        first = state["epoch"]

    step, epoch, loss = 0, first, torch.tensor(0.0)
    for epoch in range(first, options.epochs):
        for signal, label, meta in loader:
            log.add(epoch, meta)
            loss = loss_of(model, signal, label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if step == options.stop_after:
                break
        if step == options.stop_after:
            break
    if options.checkpoint:
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "loader": loader.state_dict(), "epoch": epoch}, options.checkpoint)
    print(f"{step} steps, loss {loss.item():.3f}")


if __name__ == "__main__":
    main()

"""Train with Lightning Fabric: your own loop, its devices and precision.

    python examples/train_fabric.py demo/stores/train.zarr --devices 2

Fabric's ``setup_dataloaders`` is for loaders that must be sharded across ranks. This loader already
is, so it is used directly.
"""

import torch
from common import WindowLog, loss_of, make_model, options_of
from lightning.fabric import Fabric

import tuszstore
from tuszstore.torch import training_loader


def main() -> None:
    """Train on the store given on the command line."""
    parser = options_of(__doc__)
    parser.add_argument("--devices", type=int, default=1, help="processes (1)")
    options = parser.parse_args()

    strategy = "ddp" if options.devices > 1 else "auto"
    fabric = Fabric(accelerator="cpu", devices=options.devices, strategy=strategy)
    fabric.launch()
    fabric.seed_everything(0, verbose=False)
    store = tuszstore.open(options.store)
    loader = training_loader(store, batch_size=options.batch_size, return_meta=True)
    log = WindowLog(options.seen, fabric.global_rank)

    network = make_model(len(store.channels))
    model, optimizer = fabric.setup(network, torch.optim.AdamW(network.parameters(), lr=3e-3))
    state = {"model": model, "optimizer": optimizer, "loader": loader.state_dict()}
    if options.checkpoint and options.checkpoint.exists():
        fabric.load(options.checkpoint, state)
        loader.load_state_dict(state["loader"])

    step, loss = 0, torch.tensor(0.0)
    for epoch in range(loader.epoch, options.epochs):
        loader.set_epoch(epoch)
        for signal, label, meta in loader:
            log.add(epoch, meta)
            loss = loss_of(model, signal.to(fabric.device), label.to(fabric.device))
            optimizer.zero_grad()
            fabric.backward(loss)
            optimizer.step()
            step += 1
            if step == options.stop_after:
                break
        if step == options.stop_after:
            break
    if options.checkpoint:
        fabric.save(options.checkpoint, {**state, "loader": loader.state_dict()})
    fabric.print(f"{step} steps on {fabric.world_size} processes, loss {loss.item():.3f}")


if __name__ == "__main__":
    main()

"""Train on several processes with DistributedDataParallel.

    torchrun --nproc-per-node 2 examples/train_ddp.py demo/stores/train.zarr

Each process makes the same loader, which looks up its rank when an epoch begins and yields this
rank's part: each window occurs once over all ranks. An interrupted run resumes at the next window,
also with another number of processes.
"""

import torch
import torch.distributed as dist
from common import WindowLog, loss_of, make_model, options_of
from torch.nn.parallel import DistributedDataParallel

import tuszstore
from tuszstore.torch import training_loader


def main() -> None:
    """Train on the store given on the command line."""
    options = options_of(__doc__).parse_args()
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    torch.manual_seed(0)
    store = tuszstore.open(options.store)
    loader = training_loader(store, batch_size=options.batch_size, return_meta=True)
    log = WindowLog(options.seen, dist.get_rank())

    model = DistributedDataParallel(make_model(len(store.channels)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    if options.checkpoint and options.checkpoint.exists():
        state = torch.load(options.checkpoint)
        model.module.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])

    step, loss = 0, torch.tensor(0.0)
    for epoch in range(loader.epoch, options.epochs):
        loader.set_epoch(epoch)
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
    if options.checkpoint and dist.get_rank() == 0:
        state = {"model": model.module.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "loader": loader.state_dict()}, options.checkpoint)
    if dist.get_rank() == 0:
        print(f"{step} steps on {dist.get_world_size()} processes, loss {loss.item():.3f}")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()

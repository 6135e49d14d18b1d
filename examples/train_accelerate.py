"""Train with Hugging Face Accelerate.

    torchrun --nproc-per-node 2 examples/train_accelerate.py demo/stores/train.zarr

``accelerate launch`` starts it as well. The loader knows its rank, so it is not passed to
``prepare``. An interrupted run resumes from the loader's state, or with ``--skip`` by Accelerate's
``skip_first_batches``.
"""

import torch
from accelerate import Accelerator
from common import WindowLog, loss_of, make_model, options_of

import tuszstore
from tuszstore.torch import training_loader


def main() -> None:
    """Train on the store given on the command line."""
    parser = options_of(__doc__)
    parser.add_argument("--skip", action="store_true", help="resume with skip_first_batches")
    options = parser.parse_args()

    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    torch.manual_seed(0)
    store = tuszstore.open(options.store)
    loader = training_loader(store, batch_size=options.batch_size, return_meta=True)
    log = WindowLog(options.seen, accelerator.process_index)

    network = make_model(len(store.channels))
    model, optimizer = accelerator.prepare(
        network, torch.optim.AdamW(network.parameters(), lr=3e-3)
    )
    first, skipped = 0, 0
    if options.checkpoint and options.checkpoint.exists():
        state = torch.load(options.checkpoint)
        accelerator.unwrap_model(model).load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if options.skip:
            first, skipped = state["epoch"], state["batches"]
        else:
            loader.load_state_dict(state["loader"])
            first = loader.epoch

    step, epoch, batches, loss = 0, first, 0, torch.tensor(0.0)
    for epoch in range(first, options.epochs):
        loader.set_epoch(epoch)
        active, batches = loader, 0
        if skipped and epoch == first:
            active, batches = accelerator.skip_first_batches(loader, skipped), skipped
        for signal, label, meta in active:
            log.add(epoch, meta)
            loss = loss_of(model, signal.to(accelerator.device), label.to(accelerator.device))
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            step, batches = step + 1, batches + 1
            if step == options.stop_after:
                break
        if step == options.stop_after:
            break
    if options.checkpoint and accelerator.is_main_process:
        state = {
            "model": accelerator.unwrap_model(model).state_dict(),
            "optimizer": optimizer.state_dict(),
            "loader": loader.state_dict(),
            "epoch": epoch,
            "batches": batches,
        }
        torch.save(state, options.checkpoint)
    accelerator.print(f"{step} steps on {accelerator.num_processes} processes, {loss.item():.3f}")
    accelerator.end_training()


if __name__ == "__main__":
    main()

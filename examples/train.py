"""Train a small convolutional network to find seizures, for a few steps, and score it.

    python examples/train.py demo/stores/train.zarr

It shows how to combine a store, the balanced set and the weight of the loss, and that the loss
decreases. Then it predicts the windows of another split, chooses a threshold on the first, and
scores the events. It is not a useful detector: see the papers on SeizureTransformer for one.
"""

import argparse
import time
from itertools import count, islice
from pathlib import Path
from statistics import fmean

import torch
from torch import nn
from torch.nn import functional

import tuszstore
from tuszstore.sampling import composition, pos_weight
from tuszstore.torch import WindowLoader, training_loader

SHOWN = 5  # steps over which the loss is averaged
EVENTS = {"smooth": 5.0, "merge_gap": 5.0, "min_duration": 5.0}  # seconds


def make_model(n_channels: int) -> nn.Module:
    """Return a network from (window, channel, sample) to one logit per 256 samples."""

    def layer(n_in: int, n_out: int, width: int, stride: int) -> list[nn.Module]:
        convolution = nn.Conv1d(n_in, n_out, width, stride, padding=(width - stride + 1) // 2)
        return [convolution, nn.GroupNorm(4, n_out), nn.ReLU()]

    return nn.Sequential(
        *layer(n_channels, 16, 16, 8),
        *layer(16, 32, 16, 8),
        *layer(32, 32, 8, 4),
        nn.Conv1d(32, 1, 5, padding=2),
        nn.Flatten(),
    )


@torch.inference_mode()
def predict(model: nn.Module, store: tuszstore.Store, device: str) -> tuszstore.Predictions:
    """Write a model's predictions for all windows of a store, beside the store."""
    name = Path(store.name).with_suffix(".predictions")
    path = name if store.remote else Path(store.path).with_name(name.name)
    loader = WindowLoader(store, shuffle=False, batch_size=32, device=device, rank=0, world_size=1)
    batches = zip(loader.batch_sampler, loader, strict=True)
    model.eval()
    with tuszstore.write_predictions(store, path, overwrite=True) as out:
        for indices, (signal, _) in batches:
            out.write(indices, torch.sigmoid(model(signal)))
    return tuszstore.open_predictions(path, store=store)


def evaluate(model: nn.Module, store: tuszstore.Store, device: str) -> None:
    """Choose a threshold on the training split, and score the val split with it."""
    val = store.beside("val")
    if val is None:
        print(f"no val split beside {store.name}: nothing to score")
        return
    threshold = predict(model, store, device).sweep(**EVENTS).best("f1").threshold
    predictions = predict(model, val, device)
    scores = predictions.score(threshold, **EVENTS)
    events = scores.total["szcore_events"]
    told = " ".join(f"--{name.replace('_', '-')} {value:g}" for name, value in EVENTS.items())
    f1 = "undefined" if events.f1 is None else f"{events.f1:.3f}"
    print(
        f"{val.name} at threshold {threshold:g}, chosen on {store.name}: event-based F1 {f1}, "
        f"{events.false_alarms_per_day:.1f} false alarms per day (SzCORE)\n"
        f"more: tuszstore score {predictions.path} --threshold {threshold:g} {told}"
    )


def main() -> None:
    """Train on the store given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", help="a store, such as demo/stores/train.zarr")
    parser.add_argument("--steps", type=int, default=30, help="batches to train on (30)")
    parser.add_argument("--batch-size", type=int, default=8, help="windows per batch (8)")
    options = parser.parse_args()

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    store = tuszstore.open(options.store)
    loader = training_loader(
        store, {"batch_size": options.batch_size}, device=device, drop_last=True
    )
    windows = loader.sampler.epoch(0)
    weight = torch.tensor(pos_weight(store.index, windows, of="samples"), device=device)
    print(f"{store}\n{loader}\n{composition(store.index, windows)}, weight of seizure {weight:.2f}")

    model = make_model(len(store.channels)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    start = time.perf_counter()
    epochs = (batch for _ in count() for batch in loader)  # epochs in succession, each in its order
    for step, (signal, label) in enumerate(islice(epochs, options.steps), 1):
        logits = model(signal)
        target = functional.avg_pool1d(label, label.shape[-1] // logits.shape[-1])
        loss = functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % SHOWN == 0:
            print(f"step {step:3}  loss {fmean(losses[-SHOWN:]):.3f}")
    seconds = time.perf_counter() - start
    print(
        f"{len(losses)} steps in {seconds:.1f} s: the loss went from {fmean(losses[:SHOWN]):.3f} "
        f"(mean of the first {SHOWN} steps) to {fmean(losses[-SHOWN:]):.3f} (of the last)"
    )
    evaluate(model, store, device)


if __name__ == "__main__":
    main()

"""Train with Lightning, on one process or several.

    python examples/train_lightning.py demo/stores/train.zarr --devices 2

The loaders know their rank, so Lightning must not replace their samplers. Checkpoints contain the
loader's position, so that a run resumes in the middle of an epoch.
"""

from pathlib import Path
from typing import Any

import lightning
import torch
from common import WindowLog, loss_of, make_model, options_of
from lightning.pytorch.callbacks import ModelCheckpoint

import tuszstore
from tuszstore.torch import WindowLoader, training_loader, validation_loader


class StoreData(lightning.LightningDataModule):
    """The windows of a training store, and of the validation store beside it.

    Parameters
    ----------
    path : str
        Path of the store of the training split.
    batch_size : int
    """

    def __init__(self, path: str, batch_size: int) -> None:
        super().__init__()
        self._batch_size = batch_size
        self.store = tuszstore.open(path)
        self.validation = self.store.beside("dev") or self.store

    def train_dataloader(self) -> WindowLoader:
        """Balanced sets, resampled each epoch."""
        return training_loader(self.store, batch_size=self._batch_size, return_meta=True)

    def val_dataloader(self) -> WindowLoader:
        """All windows, once."""
        return validation_loader(self.validation, batch_size=self._batch_size, return_meta=True)


class Detector(lightning.LightningModule):
    """A small network that finds seizures.

    Parameters
    ----------
    n_channels : int
    log_to : Path or None
        Folder for logs of the windows seen.
    """

    def __init__(self, n_channels: int, log_to: Path | None = None) -> None:
        super().__init__()
        self.model = make_model(n_channels)
        self._log_to = log_to

    def on_fit_start(self) -> None:
        """Start the log, once the rank is known."""
        self._seen = WindowLog(self._log_to, self.global_rank)

    def training_step(self, batch: Any, number: int) -> torch.Tensor:
        """Return the loss of a batch."""
        signal, label, meta = batch
        self._seen.add(self.current_epoch, meta)
        return loss_of(self.model, signal, label)

    def validation_step(self, batch: Any, number: int) -> None:
        """Log the loss of a batch."""
        signal, label, meta = batch
        if not self.trainer.sanity_checking:
            self._seen.add(self.current_epoch, meta, "validation")
        loss = loss_of(self.model, signal, label)
        self.log("val_loss", loss, batch_size=len(signal), sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer."""
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


def main() -> None:
    """Train on the store given on the command line."""
    parser = options_of(__doc__)
    parser.add_argument("--devices", type=int, default=1, help="processes (1)")
    parser.add_argument("--limit", type=int, help="maximum batches per epoch")
    options = parser.parse_args()

    lightning.seed_everything(0, verbose=False)
    data = StoreData(options.store, options.batch_size)
    callbacks = []
    if options.checkpoint:
        file, every = options.checkpoint, options.stop_after or 1
        callbacks = [ModelCheckpoint(file.parent, file.stem, every_n_train_steps=every)]
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=options.devices,
        strategy="ddp" if options.devices > 1 else "auto",
        max_epochs=options.epochs,
        max_steps=options.stop_after or -1,
        limit_train_batches=options.limit,
        callbacks=callbacks,
        enable_checkpointing=bool(callbacks),
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=options.seen,
    )
    resumed = options.checkpoint if options.checkpoint and options.checkpoint.exists() else None
    trainer.fit(
        Detector(len(data.store.channels), options.seen), datamodule=data, ckpt_path=resumed
    )
    if trainer.is_global_zero:
        print(f"{trainer.global_step} steps on {trainer.world_size} processes")


if __name__ == "__main__":
    main()

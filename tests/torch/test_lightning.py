"""Loaders in Lightning and torchdata, where those are installed."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import tuszstore  # noqa: E402
from tests.torch.helpers import flat, seen  # noqa: E402
from tuszstore.sampling import Balanced, Shuffled  # noqa: E402
from tuszstore.torch import WindowDataset, WindowLoader, validation_loader  # noqa: E402

DataLoader = torch.utils.data.DataLoader


@pytest.mark.filterwarnings("ignore")  # of the library itself
class TestLightning:
    @pytest.fixture(autouse=True)
    def lightning(self) -> Any:
        self.L = pytest.importorskip("lightning")

    def model(self) -> Any:
        class Model(self.L.LightningModule):  # type: ignore[name-defined,misc]
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(1, 1)
                self.training_windows: list[list[int]] = []
                self.validation_windows: list[list[int]] = []

            def training_step(self, batch: Any, number: int) -> Any:
                self.training_windows.append(batch[2]["window"].tolist())
                return self.layer(batch[0][:, :1, :1]).mean()

            def validation_step(self, batch: Any, number: int) -> None:
                self.validation_windows.append(batch[2]["window"].tolist())

            def configure_optimizers(self) -> Any:
                return torch.optim.SGD(self.parameters(), 1e-9)

        return Model()

    def trainer(self, folder: Path, **options: Any) -> Any:
        given = {
            "max_epochs": 3,
            "accelerator": "cpu",
            "logger": False,
            "default_root_dir": folder,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        }
        return self.L.Trainer(**(given | options))

    def loader(self, store: tuszstore.Store) -> WindowLoader:
        return WindowLoader(store, range(20), 4, return_meta=True)

    def test_training_and_validation(self, train: tuszstore.Store, tmp_path: Path) -> None:
        model = self.model()
        validation = validation_loader(train, batch_size=64, return_meta=True)
        trainer = self.trainer(tmp_path, limit_train_batches=2)
        trainer.fit(model, self.loader(train), validation)
        expected = [Shuffled(20, 42).epoch(epoch)[:8].tolist() for epoch in range(3)]
        assert flat(model.training_windows) == flat(expected)
        check = len(seen(validation)[:2])  # batches of the check before the training
        rounds = flat(model.validation_windows[check:])
        assert rounds == [*range(len(train))] * 3
        model.validation_windows.clear()
        trainer.validate(model, validation)
        assert flat(model.validation_windows) == [*range(len(train))]

    @pytest.mark.parametrize("limit", [1.0, 3], ids=["whole epochs", "three batches"])
    def test_a_checkpoint_is_resumed(
        self, train: tuszstore.Store, tmp_path: Path, limit: float
    ) -> None:
        """In the midst of an epoch, at its end, and where each ends before the last batch."""
        every = self.L.pytorch.callbacks.ModelCheckpoint(
            tmp_path, "{step}", every_n_train_steps=1, save_top_k=-1
        )
        whole, options = self.model(), {"limit_train_batches": limit}
        self.trainer(tmp_path, callbacks=[every], enable_checkpointing=True, **options).fit(
            whole, self.loader(train)
        )
        per_epoch = 5 if limit == 1.0 else 3
        assert len(whole.training_windows) == 3 * per_epoch
        for step in (2, per_epoch, per_epoch + 1, 2 * per_epoch):
            again = self.model()
            self.trainer(tmp_path, **options).fit(
                again, self.loader(train), ckpt_path=tmp_path / f"step={step}.ckpt"
            )
            assert again.training_windows == whole.training_windows[step:]

    def test_the_epoch_is_announced(self, train: tuszstore.Store) -> None:
        from lightning.fabric.utilities.data import _set_sampler_epoch

        loader = self.loader(train)
        _set_sampler_epoch(loader, 2)
        assert loader.epoch == 2
        assert flat(seen(loader)) == Shuffled(20, 42).epoch(2).tolist()

    def test_samplers_in_torchs_loader(self, train: tuszstore.Store, tmp_path: Path) -> None:
        model, sampler = self.model(), Balanced(train.index)
        dataset = WindowDataset(train, return_meta=True)
        self.trainer(tmp_path, limit_train_batches=2).fit(
            model, DataLoader(dataset, 8, sampler=sampler)
        )
        expected = [sampler.epoch(epoch)[:16].tolist() for epoch in range(3)]
        assert flat(model.training_windows) == flat(expected)


@pytest.mark.filterwarnings("ignore")
class TestTorchdata:
    @pytest.mark.parametrize("taken", [0, 2, 5])
    def test_a_state_is_resumed(self, train: tuszstore.Store, taken: int) -> None:
        stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader

        def make() -> Any:
            return stateful(WindowDataset(train, return_meta=True), 8, sampler=Shuffled(40, 42))

        whole, left, again = make(), make(), make()
        expected = [seen(whole) for _ in range(3)]
        assert [flat(epoch) for epoch in expected] == [
            Shuffled(40, 42).epoch(epoch).tolist() for epoch in range(3)
        ]
        seen(left)
        iterator = iter(left)
        assert seen(next(iterator) for _ in range(taken)) == expected[1][:taken]
        again.load_state_dict(left.state_dict())
        assert seen(again) == expected[1][taken:]
        assert seen(again) == expected[2]

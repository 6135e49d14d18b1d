"""synth and demo, as a user meets them."""

import shlex
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.cli.runner import run


def test_synth(tmp_path: Path) -> None:
    args = ["synth", tmp_path / "c", "--patients", 2, "--files", 1, "--minutes", 0.5, "--seed", 3]
    result = run(*args)
    assert result.exit_code == 0
    assert "2 recordings" in result.output
    assert len(list((tmp_path / "c").rglob("*.edf"))) == 2
    assert run(*args).exit_code == 1


@pytest.mark.slow
def test_demo(tmp_path: Path) -> None:
    result = run("demo", tmp_path / "a demo", "--workers", 0)
    assert result.exit_code == 0, result.output
    assert "partial_seizure  seizure" in result.output
    _, _, last = result.stdout.partition("Go on with:\n")
    info, report, train = (line.split("  #")[0].strip() for line in last.splitlines())
    assert [shlex.split(info)[1], shlex.split(report)[1]] == ["info", "report"]
    assert run(*shlex.split(info)[1:]).exit_code == 0
    python, script, store = shlex.split(train)
    assert python == "python"
    assert (ROOT / script).is_file()
    assert store == str(tmp_path / "a demo" / "stores" / "train.zarr")
    assert run("demo", tmp_path / "a demo", "--workers", 0).exit_code == 0


@pytest.mark.parametrize("command", ["demo", "synth"])
@pytest.mark.parametrize("name", ["file", "file/inside", "/dev/null/x", "/dev/null", "f" * 300])
def test_a_corpus_that_cannot_be_written_is_told_in_a_line(
    command: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    result = run(command, tmp_path / name)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("tuszstore: ")
    assert len(result.stderr.splitlines()) == 1
    assert name in result.stderr


def test_an_interrupted_corpus_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuszstore.corpus import synthetic

    write, count = synthetic.write_edf, 0

    def interrupted(*args: Any, **kwargs: Any) -> None:
        nonlocal count
        count += 1
        if count > 2:
            raise KeyboardInterrupt
        write(*args, **kwargs)

    options = ["synth", str(tmp_path), "--patients", "1", "--minutes", "0.1"]
    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "write_edf", interrupted)
        assert run(*options).exit_code == 130
    assert not (tmp_path / "edf").exists()
    assert run(*options).exit_code == 0
    assert len(list(tmp_path.rglob("*.edf"))) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["edf"]

"""What docs/extending.md tells: a package outside the tree, here and on workers."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuszstore
from tests import ROOT
from tests.extending import install, write_lab
from tuszstore.corpus.synthetic import write_corpus

OPTIONS = ("--config", "bipolar", "--split", "train", "--split-policy", "patient",
           "--set", "labels.annotation=marks", "--set", "signal.filter=detrend",
           "--set", "signal.resample=nearest", "--set", "signal.normalise=peak",
           "--set", "windows.length=10")  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    install(folder := tmp_path / "site")
    return folder


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    write_lab(root := tmp_path / "lab")
    return root


def build(site: Path, lab: Path, *more: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(site)])
    where = ("--data", str(lab), "--store", str(lab.parent / "stores"))
    return subprocess.run(
        [sys.executable, "-m", "tuszstore", "build", *OPTIONS, *where, "--json", *more],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def report(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr
    (found,) = json.loads(done.stdout) if done.stdout.startswith("[") else [json.loads(done.stdout)]
    return dict(found)


@pytest.mark.parametrize("workers", ["0", "2"], ids=["in process", "on workers"])
@pytest.mark.slow
def test_a_package_outside_the_tree_builds(site: Path, lab: Path, workers: str) -> None:
    done = build(site, lab, "--workers", workers)
    assert done.returncode == 0, done.stderr
    store = tuszstore.open(lab.parent / "stores" / "train.zarr")
    table = store.recordings
    assert set(table["corpus"].values) == {"lab"}
    assert set(table["patient"].values) < {"P00", "P01", "P02"}
    assert set(table["clock"].values) == {"real"}
    assert set(table["patient_time"].values) == {0, 3600}
    assert set(store.events["onset"].values) == {10}
    row = int(np.flatnonzero(table["id"].values == table["id"].values[0])[0])
    expected = np.load(lab / table["id"].values[row]).astype(float)
    expected -= expected.mean(axis=1, keepdims=True)
    # by the formula of `peak`, of the samples that `nearest` takes
    places = np.minimum(np.round(np.arange(70 * 256) * 250 / 256).astype(int), 70 * 250 - 1)
    sampled = np.load(lab / table["id"].values[row]).astype(float)[:, places]
    sampled -= sampled.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(table["sd"].values[row], np.abs(sampled).max(axis=1), rtol=1e-5)


def edited(site: Path, name: str, old: str, new: str) -> None:
    path = site / "lab_eeg" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


FAULTS = {
    "raises": (
        "corpus.py", "        about = json.loads",
        "        if recording.id.endswith('r1.npy'):\n            raise KeyError('gone')\n"
        "        about = json.loads",
        "corpus 'lab': facts() failed: KeyError: 'gone'",
    ),
    "wrong length": (
        "steps.py", "return signal.detrend(x, type=\"constant\")", "return x[:, :-1]",
        "the filter 'detrend' must return the shape",
    ),
}  # fmt: skip

OTHER_FAULTS = {
    "wrong type": (
        "corpus.py", "return Source(microvolts.astype(np.float64) * 1e-6,",
        "return Source(microvolts,", "corpus 'lab': signal() must return float64",
    ),
    "format raises": (
        "formats.py", "return events, None", "return 1 / 0",
        "the annotation format 'marks' failed: ZeroDivisionError",
    ),
    "NaN": (
        "steps.py", "return signal.detrend(x, type=\"constant\")", "return x * np.nan",
        "the filter 'detrend' must return finite samples",
    ),
    "float32": (
        "steps.py", "return np.ascontiguousarray(x[", "return np.float32(x[",
        "the resampler 'nearest' must return an array of float64",
    ),
    "no sds": (
        "steps.py", "return np.zeros(len(x)), largest", "return 0, 1",
        "the normaliser 'peak' must return",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        *(pytest.param(*fault, id=name) for name, fault in FAULTS.items()),
        *(
            pytest.param(*fault, id=name, marks=pytest.mark.slow)
            for name, fault in OTHER_FAULTS.items()
        ),
    ],
)
def test_a_plug_in_at_fault_is_named(
    site: Path, lab: Path, name: str, old: str, new: str, told: str
) -> None:
    edited(site, name, old, new)
    done = build(site, lab, "--workers", "0")
    found = report(done)
    assert any(told in entry["reason"] for entry in found["left_out"]), found["left_out"]
    one = "gone" in told
    assert (done.returncode, found["status"]) == ((3, "built") if one else (1, "nothing built"))


@pytest.mark.slow
def test_without_the_package_its_names_are_unknown(lab: Path, tmp_path: Path) -> None:
    done = build(tmp_path, lab, "--corpus", "lab")
    assert done.returncode == 1
    assert "corpus 'lab'" in done.stderr or "annotation format 'marks'" in done.stderr


@pytest.mark.slow
def test_two_packages_with_one_name_are_refused(site: Path, lab: Path) -> None:
    path = site / "lab_eeg-1.0.dist-info" / "entry_points.txt"
    path.write_text(path.read_text().replace("lab = lab_eeg", "tusz = lab_eeg"))
    done = build(site, lab)
    assert done.returncode == 1
    assert "'tusz' of lab-eeg has the name of another one" in done.stderr


@pytest.mark.slow
def test_two_corpora_that_recognise_a_folder_are_told(site: Path, lab: Path) -> None:
    (lab / "chb01").mkdir()
    (lab / "chb01" / "chb01-summary.txt").touch()
    done = build(site, lab)
    assert done.returncode == 1
    assert "several corpora recognise this folder: chbmit (" in done.stderr
    assert "--corpus chbmit or --corpus lab" in done.stderr


@pytest.mark.slow
def test_another_version_is_built_again(site: Path, lab: Path) -> None:
    assert build(site, lab, "--workers", "0").returncode == 0
    assert report(build(site, lab, "--workers", "0"))["status"] == "unchanged"
    edited(site, "steps.py", "detrend.version = 2", "detrend.version = 3")
    assert report(build(site, lab, "--workers", "0"))["changes"]["build"] > 0
    edited(site, "corpus.py", "version = 1", "version = 2")
    assert report(build(site, lab, "--workers", "0"))["changes"]["build"] > 0


def test_a_worker_with_another_version_is_told(lab: Path, tmp_path: Path) -> None:
    from tuszstore.builder.keys import plugins_of
    from tuszstore.builder.recording import Failed, Task, build_recording
    from tuszstore.corpus.choose import choose_corpus

    config = tuszstore.load_config("bipolar")
    write_corpus(data := tmp_path / "tusz", patients=1, files=1, minutes=1)
    ref = choose_corpus(config, data)
    recording = ref.open().recordings().recordings[0]
    here = plugins_of(config)
    kind, name, version = here[0]
    other = ((kind, name, version + 1), *here[1:])
    for corpus, plugins, told in (
        (ref, other, f"{kind} {name!r} has version 1 here, but the build was planned with"),
        (replace(ref, version=9), here, "corpus 'tusz' has version 1 here"),
        (replace(ref, name="gone"), here, "unknown corpus 'gone'"),
    ):
        task = Task(recording.id, corpus, recording, plugins, 100, 1.0)
        failed = build_recording(task, tmp_path, config)
        assert isinstance(failed, Failed)
        assert told in failed.reason

"""build, status and index, as a user meets them."""

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

import tuszstore
from tests.cli.runner import run
from tests.corpus.edf_files import mark
from tuszstore.builder import builder


class TestBuild:
    def test_summary(self, small: list[object], tmp_path: Path) -> None:
        result = run(*small)
        assert result.exit_code == 0, result.output
        for word in ("recordings", "hours", "partial_seizure", "MB", "excluded", "train.zarr"):
            assert word in result.output
        assert tuszstore.open(tmp_path / "stores" / "train.zarr")

    def test_json(self, small: list[object]) -> None:
        report = json.loads(run(*small, "--json").stdout)
        assert report["status"] == "built"
        assert report["exit_status"] == 0
        assert report["windows"] == sum(report["categories"].values())

    def test_quiet_says_nothing(self, small: list[object]) -> None:
        result = run(*small, "--quiet")
        assert (result.exit_code, result.output) == (0, "")

    def test_a_hangup_that_is_ignored_ends_no_build(
        self, small: list[object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As with ``nohup``."""
        original = builder.run_plan

        def run_plan(*args: Any, **options: Any) -> Any:
            os.kill(os.getpid(), signal.SIGHUP)
            return original(*args, **options)

        monkeypatch.setattr(builder, "run_plan", run_plan)
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            assert run(*small, "--quiet").exit_code == 0
        finally:
            signal.signal(signal.SIGHUP, before)

    def test_dry_run_writes_nothing(self, small: list[object], tmp_path: Path) -> None:
        result = run(*small, "--dry-run")
        assert result.exit_code == 0
        assert "plan for" in result.output
        assert not (tmp_path / "stores").exists()
        plan = json.loads(run(*small, "--dry-run", "--json").stdout)
        assert plan["windows"] > 0
        assert plan["recordings"] == 3
        assert plan["patients"] >= 1

    def test_patients_and_seizures_are_counted(self, small: list[object], tmp_path: Path) -> None:
        planned = run(*small, "--dry-run").output
        plan = json.loads(run(*small, "--dry-run", "--json").stdout)
        done = run(*small).output
        report = json.loads(run(*small, "--json").stdout)
        store = tuszstore.open(tmp_path / "stores" / "train.zarr")
        n = len(set(store.recordings["patient"].values.tolist()))
        assert (plan["patients"], report["patients"]) == (n, n)
        told = f"3 of {n} patient{'s' * (n > 1)}"
        assert told in planned
        assert told in done
        assert re.search(rf"seizure events\s+│ {report['seizures']} ", done)

    def test_all_splits(self, small: list[object], tmp_path: Path) -> None:
        reports = json.loads(run(*small[:2], "all", *small[3:], "--json").stdout)
        assert [report["split"] for report in reports] == ["train", "dev"]

    def test_limit_and_settings(self, small: list[object], tmp_path: Path) -> None:
        result = run(
            *small,
            "--limit",
            1,
            "--set",
            "storage.dtype=float32",
            "--set",
            "windows.length=20",
            "--split-policy",
            "file_order",
        )
        assert result.exit_code == 0, result.output
        store = tuszstore.open(tmp_path / "stores" / "train.zarr")
        assert store.recordings.sizes["recording"] == 1
        assert store.config["storage"]["dtype"] == "float32"
        assert store.config["corpus"]["split_policy"] == "file_order"
        assert store.windows.shape[2] == 20 * 256

    def test_a_file_and_the_environment_and_options(
        self, own_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config = tmp_path / "my.yaml"
        config.write_text("build: {workers: 0}\nwindows: {length: 30}\npaths: {data: /nowhere}\n")
        monkeypatch.setenv("TUSZSTORE_DATA", str(own_corpus))
        monkeypatch.setenv("TUSZSTORE_STORE", str(tmp_path / "env"))
        assert run("build", "--split", "val", "--config", config).exit_code == 0
        assert tuszstore.open(tmp_path / "env" / "val.zarr").spec.window_seconds == 30
        options = ["--config", config, "--store", tmp_path / "option"]
        assert run("build", "--split", "val", *options).exit_code == 0
        assert (tmp_path / "option" / "dev.zarr").exists()

    def test_failures_are_told(self, small: list[object], own_corpus: Path) -> None:
        victim = sorted((own_corpus / "edf" / "train").rglob("*.edf"))[-1]
        victim.write_bytes(b"")
        result = run(*small)
        assert result.exit_code == 3
        assert "1 failed" in result.output
        assert "file is empty" in result.output

    def test_no_seizures(self, small: list[object], own_corpus: Path) -> None:
        for annotation in own_corpus.rglob("*.csv"):
            header = "channel,start_time,stop_time,label,confidence\n"
            annotation.write_text(header + "TERM,0,1,bckg,1\n")
        result = run(*small)
        assert result.exit_code == 2
        assert "have no events except background; they were read as csv" in result.output

    def test_nothing_built(self, small: list[object], own_corpus: Path) -> None:
        for annotation in own_corpus.rglob("*.csv*"):
            annotation.unlink()
        for options, told in (([], "was"), (["--dry-run"], "would be")):
            result = run(*small, *options)
            assert result.exit_code == (0 if options else 1)
            assert f"nothing {told} built (3 unlabelled)" in result.output
            assert "labels.unlabelled=keep" in result.output

    def test_nothing_would_be_built(self, small: list[object]) -> None:
        told = "nothing would be built: the store is up to date"
        assert told not in run(*small, "--dry-run").output
        assert run(*small, "--quiet").exit_code == 0
        assert told in run(*small, "--dry-run").output
        assert told not in run(*small, "--dry-run", "--force").output
        assert told not in run(*small, "--dry-run", "--set", "signal.clip=9").output

    def test_what_is_wrong_is_told_of_who_set_it(self, small: list[object], tmp_path: Path) -> None:
        config = tmp_path / "my.yaml"
        config.write_text("signal: {sfrq: 256}\n")
        result = run(*small, "--config", config, "--set", "storage.dtpe=int16", "--scheduler", "")
        assert result.exit_code == 1
        assert f"tuszstore: {config}: unknown key 'signal.sfrq'; did you mean 'signal.sfreq'" in (
            result.stderr
        )
        assert "; --set: unknown key 'storage.dtpe'; did you mean 'storage.dtype'" in result.stderr
        assert run(*small, "--config", "tuzs").stderr.endswith("did you mean 'tusz'?\n")

    def test_an_annotation_of_another_kind_is_advised(
        self, small: list[object], own_corpus: Path
    ) -> None:
        for annotation in own_corpus.rglob("*.csv"):
            annotation.unlink()
        result = run(*small)
        assert result.exit_code == 1
        assert "--set labels.annotation=csv_bi" in result.output
        assert "unlabelled=keep" not in result.output
        assert run(*small, "--set", "labels.annotation=csv_bi").exit_code == 0
        kept = run(*small, "--set", "labels.unlabelled=keep", "--dry-run")
        assert "3 recordings treated as unlabelled, although " in kept.output

    def test_quiet_says_why_nothing_is_built(self, small: list[object], own_corpus: Path) -> None:
        for path in own_corpus.rglob("*.edf"):
            path.write_bytes(b"")
        result = run(*small, "--quiet")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "nothing was built (3 failed)" in result.stderr
        assert "3 recordings: file is empty" in result.stderr

    def test_quiet_says_what_failed(self, small: list[object], own_corpus: Path) -> None:
        victim = sorted((own_corpus / "edf" / "train").rglob("*.edf"))[-1]
        victim.write_bytes(b"")
        result = run(*small, "--quiet")
        assert (result.exit_code, result.stdout) == (3, "")
        assert f"{victim.name}: file is empty" in result.stderr

    def test_all_splits_tell_of_what_is_absent_and_of_what_came_out(
        self, small: list[object], own_corpus: Path
    ) -> None:
        for path in (own_corpus / "edf" / "dev").rglob("*.edf"):
            path.write_bytes(b"")
        result = run(*small[:2], "all", *small[3:])
        assert result.exit_code == 3  # train is built
        assert "no recordings for eval in this corpus (split policy 'official')" in result.stderr
        assert "tuszstore: dev: nothing was built (3 failed)" in result.stderr

    def test_recordings_that_are_all_too_short(self, small: list[object]) -> None:
        result = run(*small, "--set", "windows.length=3600")
        assert result.exit_code == 2
        assert "all 3 recordings are shorter" in result.stderr
        assert "annotation" not in result.stderr

    def test_odd_names_and_files_are_left_out_and_shown_escaped(
        self, small: list[object], own_corpus: Path, tmp_path: Path
    ) -> None:
        folder = own_corpus / "edf" / "train"
        os.mkfifo(folder / "p\x1b[31m_s001_t000.edf")
        with open(os.fsencode(folder) + b"/caf\xe9_s001_t000.edf", "wb") as file:
            file.write(b"0")
        good = next(path for path in sorted(folder.rglob("*_s*_t*.edf")) if path.is_file())
        copy = good.with_name("zz\x1b[32m_s001_t000.edf")
        copy.write_bytes(good.read_bytes())
        mark(copy, "another")
        os.mkfifo(copy.with_suffix(".csv"))
        result = run(*small)
        assert result.exit_code == 3, result.output
        for told in (
            r"p\x1b[31m_s001_t000.edf: a named pipe, not a regular file",
            r"caf\xe9_s001_t000.edf: file name is not UTF-8",
            r"zz\x1b[32m_s001_t000.csv: a named pipe, not a regular file",
        ):
            assert told in result.output
        assert "\x1b" not in result.output
        assert tuszstore.open(tmp_path / "stores" / "train.zarr").recordings.sizes["recording"] == 3

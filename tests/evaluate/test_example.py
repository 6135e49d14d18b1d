"""examples/train.py prints what SzCORE's own package says of the events that it found."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from timescoring.annotations import Annotation
from timescoring.scoring import EventScoring

import tuszstore
from tests import ROOT

pytestmark = pytest.mark.slow


def test_its_scores_are_those_of_szcore(corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    for split in ("train", "dev"):
        tuszstore.build(split=split, data=corpus, store=tmp_path, workers=0)
    script = [sys.executable, "-W", "error", str(ROOT / "examples" / "train.py")]
    result = subprocess.run(
        [*script, str(tmp_path / "train.zarr"), "--steps", "20"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    told = re.search(
        r"at threshold ([\d.]+), chosen on train.zarr: event-based F1 ([\d.]+|undefined), "
        r"([\d.]+) false alarms per day",
        result.stdout,
    )
    assert told is not None, result.stdout
    predictions = tuszstore.open_predictions(tmp_path / "val.predictions")
    rule = {"smooth": 5.0, "merge_gap": 5.0, "min_duration": 5.0}
    found, reference = predictions.events(float(told[1]), **rule), predictions.reference()
    counts, seconds = [0, 0, 0], 0.0
    for row in range(len(predictions.recordings)):
        n_samples = round(float(predictions.recordings.seconds[row]) * 10)
        lists = [
            Annotation([tuple(pair) for pair in table.of_recording(row).tolist()], 10, n_samples)
            for table in (reference, found)
        ]
        score = EventScoring(*lists)
        for place, count in enumerate((score.tp, score.refTrue, score.fp)):
            counts[place] += int(count)
        seconds += n_samples / 10
    hits, n_reference, false = counts
    if n_reference + false:
        assert float(told[2]) == pytest.approx(2 * hits / (hits + n_reference + false), abs=5e-4)
    assert float(told[3]) == pytest.approx(false * 86400 / seconds, abs=0.05)

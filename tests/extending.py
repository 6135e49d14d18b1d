"""The package of docs/extending.md, laid out as pip would install it, and a corpus for it."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np

from tests import ROOT

_FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LABELS = (
    "FP1-F7 F7-T7 T7-P7 P7-O1 FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2 "
    "FP2-F8 F8-T8 T8-P8 P8-O2 FZ-CZ CZ-PZ"
)
LABELS = _LABELS.split()


def install(site: Path) -> None:
    """Write the files of the page into a folder, and what makes them an installed package."""
    files = dict(_FILE.findall((ROOT / "docs" / "extending.md").read_text()))
    project = tomllib.loads(files.pop("pyproject.toml"))["project"]
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    (site / "lab_eeg" / "__init__.py").touch()
    info = site / f"lab_eeg-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items()), ""]
    (info / "entry_points.txt").write_text("\n".join(lines))


def write_lab(root: Path, *, patients: int = 3, seconds: int = 70) -> None:
    """Write a corpus of the package's kind: two recordings of each patient at 250 Hz."""
    rng = np.random.default_rng(0)
    root.mkdir(parents=True, exist_ok=True)
    (root / "lab.txt").touch()
    for patient in range(patients):
        folder = root / f"P{patient:02}"
        folder.mkdir()
        for number in range(2):
            data = rng.normal(0, 40, (len(LABELS), seconds * 250)).astype(np.float32)
            np.save(folder / f"r{number}.npy", data)
            about = {"labels": LABELS, "sfreq": 250, "start": f"2020-01-01T0{number}:00:00"}
            (folder / f"r{number}.json").write_text(json.dumps(about))
            (folder / f"r{number}.marks").write_text("none\n" if number else "10 31.5 seiz\n")

"""Calls one function in this new process; see :mod:`benchmarks.process`."""

import importlib
import json
import sys
from pathlib import Path


def main(job: Path) -> None:
    """Call what a job names and write what it returns beside it."""
    given = json.loads(job.read_text())
    module, name = given["function"].split(":")
    value = getattr(importlib.import_module(module), name)(**given["arguments"])
    job.with_suffix(".result").write_text(json.dumps(value))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

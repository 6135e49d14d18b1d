"""One measurement of :mod:`benchmarks.index`, in a process of its own."""

import json
import sys
from pathlib import Path

from benchmarks.index import measure

if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))

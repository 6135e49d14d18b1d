"""Run all fuzzers in turn, and the kernel's tests under sanitizers; ``python -m fuzz SECONDS``."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from fuzz.seeds import write_seeds
from fuzz.targets import TARGETS

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Print a line for each fuzzer, and return how many found something."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    inputs = ROOT / "fuzz" / "inputs"
    write_seeds(inputs)
    broken = 0
    for target in TARGETS:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "fuzz.run",
                target,
                f"-max_total_time={seconds}",
                "-timeout=20",
                "-rss_limit_mb=2048",
                "-max_len=20000",
                f"-artifact_prefix={inputs}/{target}-",
                inputs / target,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        runs = re.findall(r"#(\d+)\s", done.stderr)
        covered = re.findall(r"cov: (\d+)", done.stderr)
        state = "nothing found" if done.returncode == 0 else "FOUND:\n" + done.stderr[-3000:]
        n_inputs, n_places = (int(found[-1]) if found else 0 for found in (runs, covered))
        print(
            f"{target:12} {n_inputs:>9,} inputs, {n_places:>5} places reached: {state}", flush=True
        )
        broken += done.returncode != 0
    return broken + sanitized()


def sanitized() -> int:
    """Build the kernel with sanitizers, and run its tests on it; 1 if they fail."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        print("kernel: no compiler, not run under sanitizers")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        # the package as it is, but for its kernel
        package = Path(folder) / "tuszstore"
        shutil.copytree(ROOT / "tuszstore", package, ignore=shutil.ignore_patterns("*.so", "*.pyc"))
        shutil.copytree(ROOT / "configs", Path(folder) / "configs")
        shutil.copytree(ROOT / "tests", Path(folder) / "tests")
        shutil.copytree(
            ROOT / "fuzz", Path(folder) / "fuzz", ignore=shutil.ignore_patterns("inputs")
        )
        subprocess.run(
            [
                compiler,
                "-std=c11",
                "-O1",
                "-g",
                "-fPIC",
                "-shared",
                "-fno-omit-frame-pointer",
                "-fsanitize=address,undefined",
                "-fno-sanitize-recover=all",
                f"-I{sysconfig.get_paths()['include']}",
                package / "read" / "kernel" / "module.c",
                "-o",
                package / "read" / "_kernel.abi3.so",
            ],
            check=True,
        )
        libraries = [
            subprocess.run(
                [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
            ).stdout.strip()
            for name in ("libasan.so", "libubsan.so")
        ]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "-o",
                "testpaths=",
                "tests/read/test_decode.py",
                # the others build stores, which takes long under sanitizers
                "tests/read/test_rows.py::test_any_sums_have_the_same_bits",
                "fuzz/mutations.py",
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env={
                **os.environ,
                "PYTHONPATH": folder,
                "LD_PRELOAD": " ".join(libraries),
                "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
            },
        )
    told = (done.stdout.strip().splitlines() or ["nothing"])[-1]
    if done.returncode:
        print(f"kernel     under sanitizers: FOUND:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return 1
    print(f"kernel     under address and undefined-behaviour sanitizers: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

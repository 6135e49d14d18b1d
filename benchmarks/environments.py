"""Environments that engines run in, created when first needed.

Some engines conflict with tuszstore's dependencies or its version of Python. They get a separate
environment in the repository. If it cannot be created, its engines are reported as absent, with
pip's message as the reason.
"""

import hashlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT


class NoEnvironment(Exception):
    """An environment is missing; the text gives the reason."""


@dataclass(frozen=True)
class Environment:
    """How to create an environment.

    Attributes
    ----------
    folder : str
        Folder below the root of the repository.
    packages : tuple of str
        Packages to install.
    pins : str
        File with the releases to install if Python has the version in `pinned`.
    pinned : tuple of int
        Version of Python.
    oldest : tuple of int
        Oldest version of Python that the packages support.
    shares : bool
        Whether packages of the interpreter of the benchmarks are visible if Python has the same
        version, so that packages such as torch are not installed twice.
    """

    folder: str
    packages: tuple[str, ...]
    pins: str
    pinned: tuple[int, int]
    oldest: tuple[int, int] = (3, 11)
    shares: bool = False


ENVIRONMENTS: dict[str, Environment | None] = {
    "this": None,
    "rivals": Environment(
        ".venv-rivals",
        ("braindecode", "litdata", "mosaicml-streaming", "torch", "webdataset"),
        "rivals.txt",
        pinned=(3, 11),
        shares=True,
    ),
    "newer": Environment(
        ".venv-rivals-newer",
        ("annbatch", "insitubatch", "zarrs"),
        "newer.txt",
        pinned=(3, 13),
        oldest=(3, 12),
    ),
}
"""All environments; ``this`` is the interpreter that runs the benchmarks."""


def interpreter(name: str, *, install: bool = True) -> str:
    """Return the path of an environment's Python.

    Parameters
    ----------
    name : str
    install : bool
        Whether to create a missing environment.

    Raises
    ------
    NoEnvironment
        If it is missing and cannot, or must not, be created.
    """
    environment = ENVIRONMENTS[name]
    if environment is None:
        return sys.executable
    folder = ROOT / environment.folder
    python, stamp = folder / "bin" / "python", folder / ".complete"
    if python.exists() and stamp.exists() and stamp.read_text() == _fingerprint(environment):
        return str(python)
    if not install:
        raise NoEnvironment(f"{environment.folder} does not exist, and --no-install is given")
    version, base = _find_python(environment)
    shutil.rmtree(folder, ignore_errors=True)
    _run([base, "-m", "venv", str(folder)])
    if environment.shares and version == sys.version_info[:2]:
        (own,) = folder.glob("lib/python*/site-packages")
        (own / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pins = ROOT / "benchmarks" / environment.pins
    pinned = ["-c", str(pins)] if version == environment.pinned else []
    # without byte-compiling, since most modules are never imported
    _run(
        [str(python), "-m", "pip", "install", "-qq", "--no-compile", *pinned, *environment.packages]
    )
    _drop_cuda_parts(python)
    stamp.write_text(_fingerprint(environment))
    return str(python)


def _fingerprint(environment: Environment) -> str:
    """Return a text that changes if the environment must be recreated."""
    pins = (ROOT / "benchmarks" / environment.pins).read_text()
    return hashlib.sha256(f"{ROOT} {environment} {pins}".encode()).hexdigest()


def _find_python(environment: Environment) -> tuple[tuple[int, int], str]:
    """Return version and path of the best Python for an environment."""
    candidates = [sys.executable]
    for minor in (13, 12, 14, 11):
        candidates += filter(None, [shutil.which(f"python3.{minor}")])
        candidates += map(str, sorted(_pyenv().glob(f"3.{minor}.*/bin/python")))
    known = {path: found for path in candidates if (found := _version(path))}
    fitting = [path for path, version in known.items() if version >= environment.oldest]
    if not fitting:
        oldest = ".".join(map(str, environment.oldest))
        raise NoEnvironment(f"needs Python {oldest} or newer, and none was found")
    best = max(fitting, key=lambda path: known[path] == environment.pinned)
    return known[best], best


def _pyenv() -> Path:
    try:
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return Path("/nonexistent")
    return Path(root.strip(), "versions")


def _version(python: str) -> tuple[int, int] | None:
    """Return the version of an interpreter; None if it cannot run or create environments."""
    code = "import ensurepip, sys; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    major, minor = map(int, done.stdout.split())
    return major, minor


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NoEnvironment(lines[-1] if lines else done.stderr.strip()[-200:])


def _drop_cuda_parts(python: Path) -> None:
    """Remove torchaudio's compiled parts if torch is built without CUDA.

    The torchaudio of PyPI is compiled for CUDA. With a CPU build of torch, its libraries cannot be
    loaded, which is an error only if they exist. braindecode imports torchaudio, but does not need
    them for the measurements.
    """
    code = "import torch; print(torch.version.cuda or '')"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True)
    if done.returncode == 0 and not done.stdout.strip():
        for library in python.parents[1].glob("lib/python*/site-packages/torchaudio/lib/*.so"):
            library.unlink()

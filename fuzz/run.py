"""Run one fuzzer: ``python -m fuzz.run TARGET [options of libFuzzer] [folders of inputs]``."""

import sys

import atheris

with atheris.instrument_imports(include=["tuszstore"]):
    from fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until an input breaks the target, or the time is over."""
    name, *options = sys.argv[1:]
    atheris.Setup([f"fuzz {name}", *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()

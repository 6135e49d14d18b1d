"""The compiled kernel of tuszstore.read; all else is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

KERNEL = Path("tuszstore/read/kernel")

setup(
    ext_modules=[
        Extension(
            "tuszstore.read._kernel",
            [str(KERNEL / "module.c")],
            depends=[str(path) for path in sorted(KERNEL.glob("*.h"))],
            # without contraction, so that NumPy gives the same numbers
            extra_compile_args=["-std=c11", "-O3", "-ffp-contract=off", "-g0"],
            py_limited_api=True,
            # without a compiler NumPy and numcodecs do the same, more slowly
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)

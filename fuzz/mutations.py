"""Mutated chunks through the kernel; run with sanitizers by :mod:`fuzz.__main__`."""

import random
from pathlib import Path

from fuzz import targets
from tuszstore.read import decode


def test_the_kernel_is_that_of_this_folder() -> None:
    """Nothing would be learned from another one."""
    kernel = decode._kernel
    assert kernel is not None
    assert Path(kernel.__file__).parents[2] == Path(__file__).parents[1]


def test_mutated_chunks() -> None:
    """Bits flipped, bytes cut, doubled and replaced, in what Blosc wrote."""
    rng = random.Random(0)
    seeds = targets.chunk_seeds()
    for seed in seeds:
        targets.chunk(seed)
    for _ in range(3000):
        content = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(1, len(content))  # behind the kind of block
            match rng.randrange(5):
                case 0:
                    content[at] ^= 1 << rng.randrange(8)
                case 1:
                    content[at] = rng.choice([0, 1, 127, 128, 254, 255])
                case 2:
                    del content[at : at + rng.randint(1, 40)]
                case 3:
                    content[at:at] = content[at : at + rng.randint(1, 40)]
                case 4:
                    content[at : at + 4] = rng.randbytes(4)
            if len(content) < 2:
                break
        targets.chunk(bytes(content))


def test_any_rows() -> None:
    """Sums of any form over blocks and windows of any place."""
    rng = random.Random(0)
    for _ in range(3000):
        targets.rows(rng.randbytes(rng.randrange(5, 1500)))

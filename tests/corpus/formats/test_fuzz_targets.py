"""What `make fuzz` runs on each format holds for its seeds, and for what is near them."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.formats import FORMATS, SEEDS
from fuzz.targets import TARGETS

WORDS = (
    b"\n",
    b"\r",
    b"\t",
    b" ",
    b"0",
    b"-1",
    b"nan",
    b"1e999",
    b"9" * 40,
    b",",
    b":",
    b"\xff",
    b"\x00",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b"n/a",
    b"None",
    b"\x14",
    b"\x15",
)


def test_every_format_is_fuzzed_and_has_seeds() -> None:
    assert FORMATS.keys() == SEEDS.keys()
    assert FORMATS.items() <= TARGETS.items()


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """Return a seed with pieces cut out, doubled, replaced, and words of the formats put in."""
    content = bytearray(seed)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        span = content[at : at + rng.randint(1, 30)]
        match rng.randrange(5):
            case 0:
                del content[at : at + len(span)]
            case 1:
                content[at:at] = span
            case 2:
                content[at:at] = rng.choice(WORDS)
            case 3:
                content[at : at + 1] = rng.choice(WORDS)
            case 4:
                del content[at:]
    return bytes(content)


@pytest.mark.parametrize("name", FORMATS)
def test_mutated_seeds(name: str) -> None:
    target = FORMATS[name]
    rng = random.Random(name)
    for seed in SEEDS[name]:
        target(seed)
        for _ in range(60):  # `make fuzz` tries more
            target(mutated(seed, rng))


@pytest.mark.parametrize("name", FORMATS)
def test_any_bytes(name: str) -> None:
    @settings(max_examples=50)
    @given(st.binary(max_size=200))
    def check(data: bytes) -> None:
        FORMATS[name](data)

    check()

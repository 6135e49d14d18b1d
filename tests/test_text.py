"""Text that comes from elsewhere, as it is shown."""

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuszstore.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("edf/train/a_s001_t000.edf", "edf/train/a_s001_t000.edf", id="plain"),
        pytest.param("Müller/脳波 1.edf", "Müller/脳波 1.edf", id="letters of all kinds"),
        pytest.param("a\x1b[31mred", "a\\x1b[31mred", id="escape sequence"),
        pytest.param("a\x9b31m", "a\\x9b31m", id="control sequence of one byte"),
        pytest.param("a\nb\r\tc\x00\x7f", "a\\x0ab\\x0d\\x09c\\x00\\x7f", id="controls"),
        pytest.param("a\u202egnp.edf", "a\\u202egnp.edf", id="direction override"),
        pytest.param("a\u200bb\u2028c", "a\\u200bb\\u2028c", id="zero width, line separator"),
        pytest.param(os.fsdecode(b"caf\xe9.edf"), "caf\\xe9.edf", id="byte that is not UTF-8"),
        pytest.param("a\ud800b", "a\\ud800b", id="surrogate"),
        pytest.param("a\U000e0041", "a\\U000e0041", id="tag"),
    ],
)
def test_what_acts_or_hides_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(codec=None), max_size=20))
def test_the_result_is_one_line_that_can_be_written(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert len((shown + "x").splitlines()) == 1
    assert printable(shown) == shown
    for category in map(unicodedata.category, shown):
        assert category[0] in "LMNPS" or category == "Zs"

"""Files that are parsed once, and again when they have changed."""

from pathlib import Path

import pytest

from tuszstore.corpus.parsed import Parsed
from tuszstore.errors import RecordingError


def counting(most: int = 100) -> tuple[Parsed[str], list[str]]:
    calls: list[str] = []

    def parse(content: bytes, name: str) -> str:
        calls.append(name)
        if content == b"bad":
            raise RecordingError(f"{name}: is bad")
        return content.decode()

    return Parsed(parse, most), calls


def test_a_file_is_parsed_once_until_it_changes(tmp_path: Path) -> None:
    parsed, calls = counting()
    path = tmp_path / "a.txt"
    path.write_text("one")
    assert [parsed(path), parsed(path)] == ["one", "one"]
    assert calls == ["a.txt"]
    path.write_text("three")
    assert parsed(path) == "three"
    assert len(calls) == 2


def test_what_cannot_be_understood_is_told_each_time(tmp_path: Path) -> None:
    parsed, calls = counting()
    path = tmp_path / "a.txt"
    path.write_text("bad")
    for _ in range(2):
        with pytest.raises(RecordingError, match=r"^a\.txt: is bad$"):
            parsed(path)
    assert len(calls) == 1
    path.write_text("good")
    assert parsed(path) == "good"


def test_a_file_that_comes_and_goes(tmp_path: Path) -> None:
    parsed, _ = counting()
    path = tmp_path / "a.txt"
    with pytest.raises(FileNotFoundError):
        parsed(path)
    path.write_text("one")
    assert parsed(path) == "one"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        parsed(path)


def test_what_is_no_file_or_too_large_is_named(tmp_path: Path) -> None:
    parsed, calls = counting(most=3)
    (tmp_path / "a.txt").write_text("four")
    with pytest.raises(RecordingError, match=r"^a\.txt: larger than"):
        parsed(tmp_path / "a.txt")
    (tmp_path / "b").mkdir()
    with pytest.raises(RecordingError, match=r"^b: a folder, not a regular file"):
        parsed(tmp_path / "b")
    with pytest.raises(RecordingError, match=r"^c: cannot be read: Not a directory"):
        parsed(tmp_path / "a.txt" / "c")
    assert not calls

"""Errata of public corpora, as rows of YAML: the file, the error, and the correction.

A row names a file and what identifies it: its SHA-256, its size, or a text in it. It is
applied only if that matches, so a corrected re-release is unchanged. It has either a correction,
or a decision: a key with choices, if the file allows several readings and none is wrong.
"""

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tuszstore.corpus.formats.strict_yaml import NOT_OF_A_TAG, Loader, lines_of_rows
from tuszstore.corpus.formats.text import shown, words_of
from tuszstore.errors import AnnotationError, CorpusError

_MAX_SIZE = 2**20
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")

Content = bytes
"""Of a file; :class:`Erratum` has an attribute of the type's name."""

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Clock = Annotated[str, Field(pattern=r"^\d{2}\.[0-5]\d\.[0-5]\d$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Recordings = Annotated[tuple[Text, ...], Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ListedName(_Strict):
    """A file name in a list that means another file.

    Attributes
    ----------
    listed, recording : str
        Name in the list, and name of the file.
    """

    kind: Literal["listed_name"]
    listed: Text
    recording: Text


class ListedClock(_Strict):
    """A clock time in a list that must be read as another one.

    Attributes
    ----------
    recording : str
        Name of the file.
    seizure : int or None
        As the list counts; None for a registration time.
    which : {"start", "end", "registration_start", "registration_end"}
    listed : str
        As written, including alternatives.
    use : str
        ``HH.MM.SS``, or ``header``: the start in the header of the EDF file.
    """

    kind: Literal["listed_clock"]
    recording: Text
    seizure: int | None = Field(default=None, ge=1)
    which: Literal["start", "end", "registration_start", "registration_end"]
    listed: Text
    use: Clock | Literal["header"]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.seizure is None) != self.which.startswith("registration"):
            raise ValueError("a seizure has a start and an end, a recording has registration times")
        if self.use == "header" and self.which != "registration_start":
            raise ValueError("the header has the registration start only")
        return self


class SeizureOnset(_Strict):
    """A seizure that starts at another time than annotated.

    Attributes
    ----------
    recordings : tuple of str
        Patterns of names, one of which must match.
    listed, use : float
        Onset as annotated and as corrected, in seconds.
    keeps : {"duration", "end"}
        What is kept when the onset changes.
    """

    kind: Literal["seizure_onset"]
    recordings: Recordings
    listed: Seconds
    use: Seconds
    keeps: Literal["duration", "end"]


class Unlabelled(_Strict):
    """Recordings that are unlabelled, even if there are annotation files.

    Attributes
    ----------
    recordings : tuple of str
        Patterns of their names.
    background_only : bool
        Whether only recordings whose annotation contains nothing but background are concerned.
    """

    kind: Literal["unlabelled"]
    recordings: Recordings
    background_only: bool = False


class SamePatient(_Strict):
    """Two names of one patient.

    Attributes
    ----------
    patient, same_as : str
    """

    kind: Literal["same_patient"]
    patient: Text
    same_as: Text


class ChannelLabel(_Strict):
    """A label that means another one.

    Attributes
    ----------
    recordings : tuple of str
        Patterns of the names.
    label, use : str
        Label in the file, and its meaning.
    """

    kind: Literal["channel_label"]
    recordings: Recordings
    label: Text
    use: Text


class Note(_Strict):
    """An oddity that is read as it is, or that cannot be corrected.

    Attributes
    ----------
    recordings : tuple of str
        Patterns of the names.
    """

    kind: Literal["note"]
    recordings: Recordings


Correction = Annotated[
    ListedName | ListedClock | SeizureOnset | Unlabelled | SamePatient | ChannelLabel | Note,
    Field(discriminator="kind"),
]


class Decision(_Strict):
    """A question that a file leaves open.

    Attributes
    ----------
    key : str
        By which a user chooses.
    default : str
        One of the choices.
    choices : mapping of str to Correction or None
        None keeps the file's content as the parser reads it.
    """

    key: Annotated[str, Field(pattern=_NAME.pattern + "$")]
    default: str
    choices: dict[Text, Correction | None] = Field(min_length=2)

    @model_validator(mode="after")
    def _default_is_a_choice(self) -> Self:
        if self.default not in self.choices:
            raise ValueError(f"default {self.default!r} is not one of {', '.join(self.choices)}")
        return self


class Erratum(_Strict):
    """One row.

    Attributes
    ----------
    corpus : str
    file : str
        Name of the file that it is about.
    sha256, bytes, says : str, int, str, or None
        What identifies the file: its digest, its size, or a text in it (blanks do not matter). One
        of them is enough.
    correction : Correction or None
    decision : Decision or None
        Instead of a correction.
    reason, source : str
        Why, and the source of that.
    """

    corpus: Text
    file: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    bytes: int | None = Field(default=None, ge=1)
    says: Text | None = None
    correction: Correction | None = None
    decision: Decision | None = None
    reason: Text
    source: Text

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.correction is None) == (self.decision is None):
            raise ValueError("needs either a correction or a decision")
        if self.sha256 is None and self.bytes is None and self.says is None:
            raise ValueError("needs sha256, bytes or says, to identify the file")
        return self

    def applies_to(self, name: str, content: Content) -> bool:
        """Return whether the row applies to a file.

        Parameters
        ----------
        name : str
            Name of the file, with or without its folders.
        content : bytes
        """
        if PurePosixPath(name).name != self.file:
            return False
        if self.bytes == len(content) or self.sha256 == hashlib.sha256(content).hexdigest():
            return True
        if self.says is None:
            return False
        return words_of(self.says) in words_of(content.decode("utf-8", "replace"))


def load_errata(corpus: str) -> tuple[Erratum, ...]:
    """Return the errata of a corpus that come with the package; none for a corpus without any.

    Parameters
    ----------
    corpus : str
        Such as ``siena``.
    """
    return _load(corpus) if _NAME.fullmatch(corpus) else ()


RELEASED = ("bids", "chbmit", "siena")
"""Corpora with errata that come with the package."""


@lru_cache
def _load(corpus: str) -> tuple[Erratum, ...]:
    file = resources.files("tuszstore.corpus") / "errata" / f"{corpus}.yaml"
    if not file.is_file():
        return ()
    return parse_errata(file.read_text(encoding="utf-8"), file.name)


def parse_errata(text: str, name: str) -> tuple[Erratum, ...]:
    """Read errata.

    Parameters
    ----------
    text : str
        YAML: ``corpus``, and ``rows`` with the attributes of :class:`Erratum`.
    name : str
        Name of the file, for messages.

    Raises
    ------
    AnnotationError
        If it is not YAML of that form, or a key of a decision is repeated. It names the line.
    """
    if len(text) > _MAX_SIZE:
        raise AnnotationError(f"{name}: {len(text)} characters are too many for errata")
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        values = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise AnnotationError.at(name, line, f"not valid YAML ({error.problem})") from None
    except (yaml.YAMLError, RecursionError, *NOT_OF_A_TAG) as error:
        raise AnnotationError(f"{name}: not valid YAML ({shown(str(error))})") from None
    if not isinstance(values, dict) or values.keys() != {"corpus", "rows"}:
        raise AnnotationError(f"{name}: must have the keys corpus and rows, and no others")
    rows = values["rows"]
    lines = lines_of_rows(node)
    if not isinstance(rows, list) or not rows or len(lines) != len(rows):
        raise AnnotationError(f"{name}: rows must be a list")
    errata = []
    keys: dict[str, int] = {}
    for line, row in zip(lines, rows, strict=True):
        if not isinstance(row, dict) or "corpus" in row:
            raise AnnotationError.at(name, line, "not a row of file, correction, reason and source")
        try:
            erratum = Erratum(**{"corpus": values["corpus"], **{str(k): v for k, v in row.items()}})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            where = ".".join(map(str, first["loc"])) or "row"
            raise AnnotationError.at(
                name, line, f"{shown(where)[1:-1]}: {first['msg'].removeprefix('Value error, ')}"
            ) from None
        if erratum.decision is not None:
            key = erratum.decision.key
            if key in keys:
                raise AnnotationError.at(
                    name, line, f"decision {key} is repeated, first in line {keys[key]}"
                )
            keys[key] = line
        errata.append(erratum)
    return tuple(errata)


def corrections_of(
    errata: Iterable[Erratum], decisions: Mapping[str, str] | None = None
) -> tuple[tuple[Erratum, Correction], ...]:
    """Return the corrections that apply, after decisions.

    Parameters
    ----------
    errata : iterable of Erratum
    decisions : mapping of str to str, optional
        Choices by key; defaults otherwise.

    Returns
    -------
    tuple of (Erratum, Correction)
        Without the decisions that keep the file's content.

    Raises
    ------
    CorpusError
        If there is no such decision or choice; the text names the existing ones.
    """
    left = dict(decisions or {})
    found: list[tuple[Erratum, Correction]] = []
    known = []
    for erratum in errata:
        correction = erratum.correction
        if (decision := erratum.decision) is not None:
            known.append(decision.key)
            choice = left.pop(decision.key, decision.default)
            if choice not in decision.choices:
                raise CorpusError(
                    f"corpus.decisions: {decision.key}: {choice!r:.40} is not one of "
                    f"{', '.join(sorted(decision.choices))}"
                )
            correction = decision.choices[choice]
        if correction is not None:
            found.append((erratum, correction))
    if left:
        near = difflib.get_close_matches(min(left), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise CorpusError(
            f"corpus.decisions: no decision {min(left)!r:.40}, only "
            f"{', '.join(sorted(known)) or 'none'}{hint}"
        )
    return tuple(found)

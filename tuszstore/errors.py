"""Errors that tuszstore raises; each message names the offender and the way out."""

from tuszstore.text import printable


class TuszstoreError(Exception):
    """Base of all errors raised by tuszstore.

    What a message quotes, an id or a name of a store that came from anywhere, reaches terminals
    and logs with it: it is shown with escapes.
    """

    def __str__(self) -> str:
        return "\n".join(map(printable, super().__str__().split("\n")))


class ConfigError(TuszstoreError):
    """A configuration that cannot be used; names the key."""


class CorpusError(TuszstoreError):
    """A corpus that cannot be built as asked: no such split, a patient in two splits."""


class RecordingError(TuszstoreError):
    """One recording that cannot be used; its text is the reason shown to the user."""

    def __str__(self) -> str:
        # as it is: it is stored, and with pseudonyms searched for names; who shows it escapes it
        return Exception.__str__(self)


class AnnotationError(RecordingError):
    """An annotation or a sidecar that cannot be understood; names the file and the place."""

    @classmethod
    def at(cls, name: str, place: int, reason: str, unit: str = "line") -> "AnnotationError":
        """Return the error for one place of a file: ``NAME, line N: REASON``.

        Parameters
        ----------
        name : str
            Of the file.
        place : int
            Number of the line, counted from 1, or of whatever `unit` says.
        reason : str
        unit : str
            What `place` counts, such as ``byte`` in a binary file.
        """
        return cls(f"{name}, {unit} {place}: {reason}")


class StoreError(TuszstoreError):
    """A store that is incomplete, foreign or damaged."""


class SchemaError(StoreError):
    """A store of another schema version, or one that requires what this version does not know."""


class StaleIndexError(StoreError):
    """An index that does not belong to the signal it lies beside."""


class BuildError(TuszstoreError):
    """A build that cannot go on: disk full, a store that is in the way, another build."""


class MissingExtraError(TuszstoreError, ImportError):
    """A package of an extra that is needed and not installed."""


class SharedMemoryError(TuszstoreError, MemoryError):
    """Worker processes have no room for their batches in the system's shared memory."""


class ConcatError(StoreError, ValueError):
    """Stores that cannot be put in a row: names what differs, and in which."""

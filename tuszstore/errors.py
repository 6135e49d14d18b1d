"""Errors that tuszstore raises; each message names the cause and the solution."""

from tuszstore.text import printable


class TuszstoreError(Exception):
    """Base of all errors raised by tuszstore.

    Quoted text in a message may be untrusted and reaches terminals and logs, so it is
    escaped.
    """

    def __str__(self) -> str:
        return "\n".join(map(printable, super().__str__().split("\n")))


class ConfigError(TuszstoreError):
    """A configuration that cannot be used; names the key."""


class CorpusError(TuszstoreError):
    """A corpus that cannot be built as requested: no such split, a patient in two splits."""


class RecordingError(TuszstoreError):
    """One recording that cannot be used; its text is the reason shown to the user."""

    def __str__(self) -> str:
        # unescaped: it is stored, and searched for names if there are pseudonyms; output escapes it
        return Exception.__str__(self)


class AnnotationError(RecordingError):
    """An annotation or a sidecar that cannot be understood; names the file and the place."""

    @classmethod
    def at(cls, name: str, place: int, reason: str, unit: str = "line") -> "AnnotationError":
        """Return the error for one place of a file: ``NAME, line N: REASON``.

        Parameters
        ----------
        name : str
            Name of the file.
        place : int
            Number of the line, counted from 1, or of another `unit`.
        reason : str
            What is wrong there.
        unit : str
            What `place` counts, such as ``byte`` in a binary file.
        """
        return cls(f"{name}, {unit} {place}: {reason}")


class StoreError(TuszstoreError):
    """A store that is incomplete, foreign or damaged."""


class SchemaError(StoreError):
    """A store with another schema version, or one that requires unknown features."""


class StaleIndexError(StoreError):
    """An index that does not belong to the store's signal."""


class BuildError(TuszstoreError):
    """A build that cannot continue: full disk, an existing file in its place, another build."""


class MissingExtraError(TuszstoreError, ImportError):
    """A required package of an extra that is not installed."""


class SharedMemoryError(TuszstoreError, MemoryError):
    """Worker processes have too little shared memory for their batches."""


class ConcatError(StoreError, ValueError):
    """Stores that cannot be concatenated: names what differs, and in which store."""

"""Errors of obstore, without credentials.

Texts of obstore contain complete URLs and answers, which may include credentials.
"""

import re


def refuses_suffixes(error: BaseException) -> bool:
    """Return whether an error may result from requesting the last bytes of an object."""
    if isinstance(error, FileNotFoundError) or type(error).__name__ in _DENIED:
        return False
    if type(error).__name__ == "NotSupportedError" or _OTHER_RANGE.search(str(error)):
        return True
    status = _STATUS.search(str(error))
    return status is not None and status[1][:3] in ("400", "416", "501")


def is_answer(error: BaseException) -> bool:
    """Return whether an error is an answer of the server, rather than a missing answer."""
    known = type(error).__name__ in ("NotSupportedError", *_DENIED)
    return known or any(pattern.search(str(error)) for pattern in (_STATUS, _OTHER_RANGE))


_DENIED = ("PermissionDeniedError", "UnauthenticatedError")
_OTHER_RANGE = re.compile(r"Requested \S+, got ")
_STATUS = re.compile(r"status code: (\d{3}[A-Za-z' -]*)")


def explain(error: BaseException) -> str:
    """Return why a request failed, without URLs and answers, which may hold credentials."""
    text = str(error)
    kind = type(error).__name__
    retries = re.search(r"after (\d+) retries", text)
    after = f", after {retries[1]} retries" if retries else ""
    if isinstance(error, FileNotFoundError):
        return "an object is missing"
    if kind in _DENIED:
        return "access is denied; check the credentials"
    if kind == "NotSupportedError" and "ange" in text:
        return "the server does not answer requests for a range of bytes"
    if answer := _STATUS.search(text):
        return f"the server answered {answer[1].strip()}{after}"
    first = text.partition("\n")[0]
    if "Error performing" in first:
        first = first.rpartition(" - ")[2]
    return f"{_scrubbed(first)}{after}"


def _scrubbed(text: str) -> str:
    return re.sub(r"\S+://\S+", "<url>", text)

"""Errors of obstore, without credentials.

Texts of obstore contain complete URLs and answers, which may include credentials.
"""

import os
import re
from dataclasses import dataclass


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


_BAD_SCHEME = re.compile(r"builder error.*\bBadScheme\b", re.DOTALL)
_NO_BUCKET = re.compile(r"<Code>(NoSuchBucket|ContainerNotFound)</Code>")
# services within a cloud that give its machines credentials: obstore asks them if none are set
_CLOUD = re.compile(
    r"Error performing [A-Z]+ http://([^/\s]+/(latest/(api/token|meta-data/)|computeMetadata/v1/|"
    r"metadata/identity/)|169\.254\.170\.2)"
)
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


@dataclass(frozen=True)
class _Variables:
    """Environment variables of a kind of object store, as obstore reads them."""

    prefix: str
    credentials: str

    @property
    def unsigned(self) -> str:
        return f"{self.prefix}_SKIP_SIGNATURE=true"


_VARIABLES = {
    "S3Store": _Variables("AWS", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    "GCSStore": _Variables("GOOGLE", "GOOGLE_SERVICE_ACCOUNT"),
    "AzureStore": _Variables("AZURE", "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"),
}


def endpoint_fault() -> str | None:
    """Return what is wrong with an endpoint of S3 in the environment, on which obstore panics."""
    for name in _ENDPOINTS:
        value = os.environ.get(name)
        if value and not value.lower().startswith(("http://", "https://")):
            return f"the environment variable {name} must begin with https:// or http://"
    return None


def lacks_bucket(error: BaseException) -> bool:
    """Return whether the server says that there is no such bucket, rather than no such object."""
    return _NO_BUCKET.search(str(error)) is not None


def explain(error: BaseException, store: str = "") -> str:
    """Return why a request failed, without URLs and answers, which may hold credentials.

    Parameters
    ----------
    error : BaseException
    store : str
        Class of the obstore store, such as ``S3Store``, to name its environment variables.
    """
    reason, known = _reason(error), _VARIABLES.get(store)
    if known is None:
        return reason
    text = str(error)
    if type(error).__name__ in _DENIED:
        return f"{reason} ({known.credentials}) and the names in the URL"
    if _CLOUD.search(text.partition("\n")[0]):
        return (
            "no credentials are set, and none can be had from the cloud of this machine "
            f"({reason}); set {known.credentials}, or {known.unsigned} for a public bucket"
        )
    if _BAD_SCHEME.search(text):
        return f"the endpoint is not https://; for http:// set {known.prefix}_ALLOW_HTTP=true"
    return reason


def _reason(error: BaseException) -> str:
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
    if "Account must be specified" in text:
        return "no account is named; set AZURE_STORAGE_ACCOUNT_NAME"
    first = text.partition("\n")[0]
    if "Error performing" in first:
        first = first.rpartition(" - ")[2]
    return f"{_scrubbed(first)}{after}"


def _scrubbed(text: str) -> str:
    return re.sub(r"\S+://\S+", "<url>", text)

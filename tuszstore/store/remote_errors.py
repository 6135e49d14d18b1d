"""Errors of obstore, without credentials.

Texts of obstore contain complete URLs and answers, which may include credentials.
"""

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit


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


def is_connection(error: BaseException) -> bool:
    """Return whether there was no connection to the server, which is not about an object."""
    return _NO_CONNECTION.search(str(error)) is not None


_NO_CONNECTION = re.compile(r"\bkind: Connect\b")
_ORIGIN = re.compile(r"Error performing [A-Z]+ (https?)://(?:[^/\s]*@)?([^/\s@]+)")
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
_AZURE_ENDPOINTS = ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


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
    text = str(error)
    if known is None:
        return _unconnected(text) or reason
    if type(error).__name__ in _DENIED:
        return f"{reason} ({known.credentials}) and the names in the URL"
    if _CLOUD.search(text.partition("\n")[0]):
        return (
            "no credentials are set, and none can be had from the cloud of this machine "
            f"({reason}); set {known.credentials}, or {known.unsigned} for a public bucket"
        )
    if unconnected := _unconnected(text):
        return unconnected
    if _BAD_SCHEME.search(text):
        return f"the endpoint is not https://; for http:// set {known.prefix}_ALLOW_HTTP=true"
    return reason


def _unconnected(text: str) -> str:
    """Return which server could not be connected to, and why; empty if that is not the cause."""
    origin = _ORIGIN.search(text)
    if not _NO_CONNECTION.search(text) or origin is None:
        return ""
    scheme, host = origin.groups()
    if "dns error" in text:
        cause = "the host is unknown, or there is no network"
    elif "ConnectionRefused" in text:
        cause = "nothing listens there; start the server if it is stopped"
    elif "certificate" in text.lower():
        cause = "its certificate is not accepted"
    else:
        cause = "it cannot be reached"
    retries = _after(text).replace(",", "")
    return f"no connection to {scheme}://{host}{retries}: {cause}; {_way_out(host)}"


def _way_out(host: str) -> str:
    """Return what to check if a server cannot be connected to."""
    named = [name for name in (*_ENDPOINTS, *_AZURE_ENDPOINTS) if _leads_to(name, host)]
    if named:
        told = f"check the endpoint in {named[0]}"
    elif host.endswith(".amazonaws.com"):
        told = "check AWS_REGION, or set AWS_ENDPOINT_URL if the store is on another server"
    else:
        told = "check the URL or the endpoint"
    proxies = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    return f"{told}, and the proxy in {proxies[0]}" if proxies else told


def _leads_to(variable: str, host: str) -> bool:
    """Return whether a variable has the endpoint of a host, which may begin with a bucket."""
    known = urlsplit(os.environ.get(variable, "")).netloc.rpartition("@")[2].lower()
    return bool(known) and (host.lower() == known or host.lower().endswith(f".{known}"))


def _after(text: str) -> str:
    retries = re.search(r"after (\d+) retries", text)
    return f", after {retries[1]} retries" if retries else ""


def _reason(error: BaseException) -> str:
    text = str(error)
    kind = type(error).__name__
    after = _after(text)
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

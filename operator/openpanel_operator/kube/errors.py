"""What can go wrong between the operator and the API server, and what to do about it.

KubeError
├── Unavailable   nobody answers, too many requests, a server's fault: the same call may succeed later
├── Conflict      someone else changed it, or it exists: read again
├── Absent        the API server says that there is no such object
├── Unknown       the API server does not know the kind at all
├── Refused       the object is not valid, or a quota or policy forbids it: the same call fails again
├── Forbidden     the operator's role does not allow it
└── Expired       the version asked for is too old: list again
"""

from collections.abc import Mapping
from typing import Any, Final


class KubeError(Exception):
    """Base of everything that a call to the API server raises."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason


class Unavailable(KubeError):
    """The same call may succeed later, not before `retry_after` seconds if the server said so."""

    retry_after: float | None = None


class Conflict(KubeError):
    """Someone else was faster."""


class Absent(KubeError):
    """There is no such object."""


class Unknown(KubeError):
    """The API server does not know this kind: its CustomResourceDefinition is not installed."""


class Refused(KubeError):
    """The API server does not take this object."""


class Forbidden(KubeError):
    """The operator may not do this."""


class Expired(KubeError):
    """The version to go on from is no longer kept."""


_BY_STATUS: Final[Mapping[int, type[KubeError]]] = {
    400: Refused,
    401: Forbidden,
    403: Forbidden,
    404: Absent,
    409: Conflict,
    410: Expired,
    413: Refused,
    422: Refused,
}


def error_of(status: int, *, body: Mapping[str, Any] | None, retry_after: float | None = None) -> KubeError:
    """The error for an answer; `body` is its Status object, None if it had none."""
    message = str((body or {}).get("message") or f"the API server answered {status}")
    reason = str((body or {}).get("reason") or "")
    kind = Unavailable if status == 429 or status >= 500 else _BY_STATUS.get(status, Refused)
    if kind is Absent and body is None:
        kind = Unknown  # a path that the server does not serve is answered in plain text
    if kind is Forbidden and "exceeded quota" in message:
        kind = Refused
    error = kind(message, status=status, reason=reason)
    if isinstance(error, Unavailable):
        error.retry_after = retry_after
    return error

"""Why a snapshot was not taken or not restored, with what to do about it: one tree, and every sentence of it.

    SnapshotError
    ├── SnapshotUnavailable   the same call may succeed later
    └── SnapshotRefused       somebody has to change something first

What ClickHouse says of a place is told apart here. S3 gives its reasons in words only: which words mean what stands
in one table. No text holds credentials.
"""

import re
from collections.abc import Collection
from typing import Final, Literal

from openpanel.warehouse import Refused, Unavailable, WarehouseError

Reason = Literal[
    "NoPlace",
    "BadPlace",
    "Unreachable",
    "WrongCredentials",
    "NoSuchBucket",
    "AccessDenied",
    "NotAllowed",
    "NoSpace",
    "Settling",
    "Draining",
    "Changing",
    "Failed",
    "NotFound",
    "Damaged",
    "HasRows",
    "OtherVersion",
    "OtherTimeZone",
]
AGAIN: Final[frozenset[Reason]] = frozenset(
    {"Unreachable", "NoSpace", "Settling", "Draining", "Changing", "Failed"}
)

S3_ERROR: Final = 499
_SHOWN: Final = 300  # characters of what ClickHouse says
_HIDDEN: Final = "[HIDDEN]"

# What servers of this kind answer: Amazon S3, MinIO, Ceph, Garage, and the client within ClickHouse.
_MEANING: Final[tuple[tuple[str, Reason], ...]] = (
    (r"access key id|signature|InvalidAccessKeyId|InvalidToken|ExpiredToken", "WrongCredentials"),
    (r"bucket (you tried to access )?does not exist|bucket does not exist|NoSuchBucket", "NoSuchBucket"),
    (r"quota|insufficient|threshold|no space|storage ?full|response code: 507", "NoSpace"),
    (r"access ?denied|response code: 403|not authorized|forbidden", "AccessDenied"),
    (
        r"connection (refused|reset)|time(d )?out|not found address|dns|unreachable|no route|network",
        "Unreachable",
    ),
    (r"certificate|ssl|response code: 50[0234]|slow ?down|service ?unavailable", "Unreachable"),
    (r"response code: 404|NoSuchKey|specified key does not exist", "Damaged"),
)
_PATTERNS: Final = tuple((re.compile(words, re.IGNORECASE), reason) for words, reason in _MEANING)

_NOT_ALLOWED: Final = frozenset({
    46,  # UNKNOWN_FUNCTION: built without it
    344,  # SUPPORT_IS_DISABLED
    491,  # UNACCEPTABLE_URL: not among remote_url_allow_hosts
    497,  # ACCESS_DENIED
})  # fmt: skip
_DAMAGED: Final = frozenset({
    33,  # CANNOT_READ_ALL_DATA
    117,  # INCORRECT_DATA
    636,  # CANNOT_EXTRACT_TABLE_STRUCTURE
})  # fmt: skip

_CURE: Final[dict[Reason, str]] = {
    "Unreachable": "nobody answers at {place}; is the address right, and may the ClickHouse servers call it?",
    "WrongCredentials": "{place} does not accept the key and its secret; give the right ones",
    "NoSuchBucket": "there is no such bucket at {place}; make it, or name another",
    "AccessDenied": "the key may not do this at {place}; allow it PutObject, GetObject, ListBucket and AbortMultipartUpload",
    "NotAllowed": "ClickHouse may not use S3 here; grant its user S3 (GRANT S3 ON *.*) and allow the host. The embedded"
    " engine never may",
    "NoSpace": "{place} takes no more; make room there or raise its quota",
    "Damaged": "what lies at {place} is not what was written there; restore from another snapshot",
    "Failed": "{place} could not be written or read",
}


class SnapshotError(Exception):
    """A snapshot was not taken, or not restored: why, and what helps."""

    again = False  # whether the same call may succeed later

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class SnapshotUnavailable(SnapshotError):
    """Repeat the call later."""

    again = True


class SnapshotRefused(SnapshotError):
    """The same call will be refused until somebody changes something."""


def error(reason: Reason, message: str) -> SnapshotError:
    """The error of this reason."""
    return (SnapshotUnavailable if reason in AGAIN else SnapshotRefused)(reason, message)


def of_place(fault: WarehouseError, *, place: str, secrets: Collection[str]) -> SnapshotError | None:
    """What ClickHouse's error says of the place that a statement names; None: it is not about the place."""
    said = hidden(str(fault), secrets=secrets)
    reason = _reason(fault.code, said)
    if reason is None:
        return None
    first_line = said.partition("\n")[0][:_SHOWN]
    return error(reason, f"{_CURE[reason].format(place=place)} (ClickHouse: {first_line})")


def cleaned(fault: WarehouseError, *, secrets: Collection[str]) -> WarehouseError:
    """The same error without the secrets."""
    if isinstance(fault, Unavailable):
        return Unavailable(hidden(fault.message, secrets=secrets), code=fault.code)
    return Refused(fault.code, hidden(str(fault), secrets=secrets))


def hidden(text: str, *, secrets: Collection[str]) -> str:
    """`text` without the secrets."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN) if secret else text
    return text


def _reason(code: int, said: str) -> Reason | None:
    if code == S3_ERROR:
        return next((reason for pattern, reason in _PATTERNS if pattern.search(said)), "Failed")
    if code in _NOT_ALLOWED:
        return "NotAllowed"
    return "Damaged" if code in _DAMAGED else None

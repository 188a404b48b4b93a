"""Where snapshots lie: a folder of an S3-compatible store, and the names of what is in it.

    {url}/{project}/{name}/{table}.parquet, {table}.native     the rows
    {url}/{project}/{name}/manifest.json                       what belongs together; without it there is no snapshot

A name is a moment, and of a project that was deleted also what tells it from another installation's of that name.

ClickHouse writes and reads there, so it is ClickHouse that must reach the place.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from openpanel.tenancy.snapshot_errors import SnapshotRefused

MANIFEST: Final = "manifest.json"
_WILD: Final = re.compile(
    r"[^\x21-\x7e]|[*?{}\[\]#'\"\\`%]"
)  # what ClickHouse or an address would take for more
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MOMENT: Final = "%Y%m%dT%H%M%SZ"
_TOLD_APART: Final = 8  # hex digits
_EXAMPLE: Final = "https://s3.example.com/bucket/folder"


@dataclass(frozen=True, slots=True)
class S3:
    """A bucket, or a folder in it. Without key and secret the servers' own credentials are used."""

    url: str  # http or https, with the bucket in path or host
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        fault = _fault(self.url) or _half(self.key, self.secret)
        if fault:
            raise SnapshotRefused(
                "BadPlace", f"the place for snapshots {fault}; give an address such as {_EXAMPLE}"
            )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What nobody may read in a message; the secret first, it may contain the key."""
        return (self.secret, self.key)


def folder(place: S3, *, project: str, name: str) -> str:
    """The address of one snapshot of a project."""
    for part in (project, name):
        if not _NAME.fullmatch(part):
            raise SnapshotRefused("BadPlace", f"{part!r} cannot be the name of a folder for snapshots")
    return f"{place.url.rstrip('/')}/{project}/{name}"


def manifests(place: S3, *, project: str) -> str:
    """The manifests of all snapshots of a project, as a pattern."""
    return f"{folder(place, project=project, name='any').removesuffix('any')}*/{MANIFEST}"


def named_after(moment: datetime, *, of: str = "") -> str:
    """The name of the snapshot that belongs to a moment; later ones sort after it.

    `of` tells projects of one name apart that are copied to one place in the same second, from two installations.
    """
    name = moment.astimezone(UTC).strftime(_MOMENT)
    return f"{name}-{hashlib.sha256(of.encode()).hexdigest()[:_TOLD_APART]}" if of else name


def _fault(url: str) -> str:
    if _WILD.search(url):
        return "has characters that an address here cannot have"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "is no address of http or https"
    if parts.username or parts.query:
        return "has credentials or a query in its address"
    return "" if parts.path.strip("/") or parts.hostname.count(".") > 1 else "names no bucket"


def _half(key: str, secret: str) -> str:
    return "has a key without a secret, or a secret without a key" if bool(key) != bool(secret) else ""

"""Secrets of clients: derived, so that none has to be kept, and when the next one is due. Pure.

The n-th secret of a client follows from a key that stays in the cluster's namespace, the project's uid, the client's
name and n. Whoever repeats a step that a crash cut off comes to the same secret; an edited Secret is restored
exactly; a lost one is replaced by the next.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from openpanel.identity.credentials import SECRET_PREFIX
from openpanel.tenancy.fields import span
from openpanel.tenancy.spec import Client, Rotation
from openpanel_operator.kube.objects import annotations
from openpanel_operator.reconcile.annotations import ISSUED_AT, ROTATED_FOR, SERIAL
from openpanel_operator.reconcile.conditions import moment, stamp

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)  # nothing was issued before
AHEAD: Final = timedelta(minutes=10)  # that the clock of another operator may be
FARTHEST: Final = 1_000_000  # secrets that a client may have had beyond those that its project's status knows
_SERIAL: Final = re.compile(r"[1-9][0-9]{0,14}")  # far below what the API server takes for a number

DIGITS: Final = 40  # hexadecimal ones after the prefix: 160 bits


@dataclass(frozen=True, slots=True)
class Issue:
    """One secret of a client: the how-manieth, since when, and which wish for a rotation it answers."""

    serial: int
    issued_at: datetime
    rotated_for: str = ""
    why: str = ""  # what made it a new one; "": it is the one there is

    def notes(self) -> dict[str, str]:
        """The annotations of its Secret."""
        return {
            SERIAL: str(self.serial),
            ISSUED_AT: stamp(self.issued_at),
            ROTATED_FOR: self.rotated_for,
        }


def derive(key: str, *, project_uid: str, client: str, serial: int) -> str:
    """The client's secret of that serial."""
    message = f"{project_uid}/{client}/{serial}".encode()
    return SECRET_PREFIX + hmac.new(key.encode(), message, hashlib.sha256).hexdigest()[:DIGITS]


def recorded(secret: Mapping[str, Any] | None) -> Issue | None:
    """What a Secret says of its secret; None if there is none, or somebody made nonsense of its annotations."""
    notes = annotations(secret) if secret else {}
    serial = notes.get(SERIAL, "")
    try:
        issued_at = moment(notes.get(ISSUED_AT, ""))
        if issued_at.tzinfo is None or not _SERIAL.fullmatch(serial):
            return None
        issued_at = issued_at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if issued_at < EARLIEST:
        return None
    return Issue(int(serial), issued_at, notes.get(ROTATED_FOR, ""))


def issue(
    rotation: Rotation | None,
    *,
    current: Issue | None,
    exists: bool,
    reported: int,
    asked: str,
    now: datetime,
) -> Issue:
    """The secret that a client with this rotation should have now.

    `current` is what its Secret records, `exists` whether there is a Secret, `reported` the serial in the project's
    status (0: none) and `asked` the value of the annotation that asks for a rotation.
    """
    if current is None or not _is_credible(current, reported=reported, now=now):
        why = ("restored" if exists else "lost") if reported else "created"
        serial = reported if reported and exists else reported + 1
        return Issue(serial, now, asked, why)
    if reported > current.serial:  # an older Secret was put back
        return Issue(reported, now, asked, "restored")
    if asked and asked != current.rotated_for:
        return Issue(current.serial + 1, now, asked, "asked for")
    due = rotation is not None and current.issued_at + span(rotation.interval) <= now
    return Issue(current.serial + 1, now, current.rotated_for, "due") if due else current


def _is_credible(current: Issue, *, reported: int, now: datetime) -> bool:
    """Whether what a Secret says can be so: one of the future would never be rotated, and numbers have an end."""
    return current.issued_at <= now + AHEAD and current.serial <= reported + FARTHEST


def seconds_until_due(client: Client, *, current: Issue, now: datetime) -> float | None:
    """When the client's next rotation comes; None: never by itself."""
    if client.rotation is None:
        return None
    return max(0.0, (current.issued_at + span(client.rotation.interval) - now).total_seconds())

"""Replaces a client's secret while the old one goes on working for a while."""

from collections.abc import Callable
from datetime import datetime, timedelta

from openpanel.identity.credentials import hash_secret, verify_secret
from openpanel.metadata import Database, NotFound, clients, lock
from openpanel.tenancy.announcing import Announce, tell
from openpanel.tenancy.provisioning import lock_name
from openpanel.tenancy.report import Issued


def rotate(
    project: str,
    *,
    client: str,
    overlap: timedelta,
    database: Database,
    announce: Announce,
    clock: Callable[[], datetime],
    fresh_secret: Callable[[], str],
) -> Issued:
    """Give the client of that name a new secret; the ones it has stop after `overlap` at the latest."""
    with lock(database, lock_name(project)):
        found = next(
            (each for each in clients.listed(database, project=project) if each.name == client), None
        )
        if found is None:
            raise NotFound(f"project {project} has no client {client}")
        issued, now = Issued(found.id, fresh_secret()), clock()
        clients.rotate(
            database, client_id=found.id, secret_hash=hash_secret(issued.secret), at=now, until=now + overlap
        )
        tell(database, announce=announce)
        return issued


def opens(issued: Issued, *, database: Database, at: datetime) -> bool:
    """Whether these credentials are good at `at`: a secret may have been issued and lost, or made void since."""
    found = clients.load(database, client_id=issued.client_id, at=at)
    return (
        found is not None and not found.revoked and verify_secret(issued.secret, hashes=found.secret_hashes)
    )

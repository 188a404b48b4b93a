"""Named locks held in PostgreSQL, so that of several processes one does a thing at a time.

Used for the migrations of both stores and for bringing a project to its manifest. A lock is bound to a connection:
when its holder dies, the database frees it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sqlalchemy import Connection, exc, text

from openpanel.metadata.database import Database
from openpanel.metadata.errors import translated

WAIT_S: Final = 60.0  # how long a lock is waited for before `Unavailable`

_LIMIT = text("SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', :wait, false)")
_TAKE = text("SELECT pg_advisory_lock(hashtextextended(:name, 0))")
_FREE = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")


@contextmanager
def lock(database: Database, name: str, *, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lock `name`; `Unavailable` when another holds it for longer than `wait_s`."""
    with translated():
        connection = database.engine.connect()
    try:
        with held(connection, name=name, wait_s=wait_s):
            yield
    finally:
        connection.invalidate()  # it has other limits than the pool's connections
        connection.close()


@contextmanager
def held(connection: Connection, *, name: str, wait_s: float) -> Iterator[None]:
    """Hold the lock `name` on this very connection."""
    with translated():
        connection.execute(_LIMIT, {"wait": f"{max(1, int(wait_s * 1_000))}ms"})
        connection.execute(_TAKE, {"name": name})
        connection.commit()
    try:
        yield
    finally:
        # A broken connection holds no lock any more, and what broke it is told by whoever used it.
        with suppress(exc.DBAPIError, exc.InvalidRequestError):
            connection.rollback()
            connection.execute(_FREE, {"name": name})
            connection.commit()

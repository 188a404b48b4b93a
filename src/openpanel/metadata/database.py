"""The connection to PostgreSQL: a small pool, timeouts on everything, one transaction at a time.

Only repositories of this room call `session`; other rooms hold a `Database` and hand it to them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import sqlalchemy
from sqlalchemy import Engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from openpanel.metadata.errors import translated

CONNECT_TIMEOUT_S: Final = 5
POOL_TIMEOUT_S: Final = 5  # seconds to wait for a free connection
POOL_RECYCLE_S: Final = 1_800  # seconds after which a connection is replaced, before middle boxes drop it
STATEMENT_TIMEOUT_MS: Final = 10_000
LOCK_TIMEOUT_MS: Final = 4_000
LIVENESS: Final = {
    # After 5 seconds in which nothing sent is received, or 30 in which nothing at all is heard, it is another's turn.
    "tcp_user_timeout": "5000",  # milliseconds
    "keepalives_idle": "15",  # seconds
    "keepalives_interval": "5",
    "keepalives_count": "3",
}
IDLE_TIMEOUT_MS: Final = 30_000  # milliseconds an open transaction may do nothing
DRIVER: Final = "postgresql+psycopg"


class Database:
    """PostgreSQL with the metadata; closed by whoever opened it."""

    def __init__(self, url: str, *, pool_size: int = 4, application: str = "openpanel") -> None:
        self._engine = sqlalchemy.create_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=POOL_TIMEOUT_S,
            pool_recycle=POOL_RECYCLE_S,
            pool_pre_ping=True,
            connect_args=connect_arguments(
                application=application, statement_ms=STATEMENT_TIMEOUT_MS, lock_ms=LOCK_TIMEOUT_MS
            ),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def engine(self) -> Engine:
        """The engine, for the locks and migrations of this room."""
        return self._engine

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back by an error."""
        with translated(), Session(self._engine) as session, session.begin():
            yield session

    def ping(self) -> None:
        """Raise `Unavailable` unless the database answers."""
        with self.session() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


def driver_url(url: str) -> URL:
    """`url` with the driver this room uses, however the scheme was written, and with what notices a server that is
    gone, unless it says that itself."""
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername=DRIVER)
    if parsed.drivername != DRIVER:
        return parsed
    return parsed.set(query={**LIVENESS, **parsed.query})


def connect_arguments(*, application: str, statement_ms: int, lock_ms: int) -> dict[str, object]:
    """What each connection is opened with: limits on waiting, and UTC."""
    options: dict[str, object] = {
        "statement_timeout": statement_ms,
        "lock_timeout": lock_ms,
        "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
        "timezone": "UTC",
    }
    return {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": application,
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
    }

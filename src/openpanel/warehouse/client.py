"""The one connection of this project to ClickHouse: clickhouse-connect over HTTP, made safe to call.

Knows no table and no question. Every query carries limits, every insert a token and `async_insert=0`; errors
of the driver become the room's (`errors`). One `Warehouse` serves all threads of a process; it opens nothing
until it is first used, so that a service can start while ClickHouse is away.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error, NotSupportedError, ProgrammingError
from clickhouse_connect.driver.httputil import get_pool_manager
from urllib3.exceptions import HTTPError

from openpanel.warehouse.errors import Unavailable, WarehouseError, error_of

# Limits of a query that was given none. A question that needs more says so.
SAFE: Final[Mapping[str, object]] = {
    "max_execution_time": 30,  # seconds
    "max_memory_usage": 2_000_000_000,  # bytes
    "max_bytes_before_external_group_by": 1_000_000_000,  # bytes, then a group-by goes on on disk
    "max_result_rows": 100_000,
    "result_overflow_mode": "throw",
    "max_query_size": 1_048_576,  # bytes of text, parameters excluded
}
# Of the replicas of a shard the first that answers is asked by whichever server a call comes to, so what was written is
# read. By default each server prefers itself, which may be behind.
SAME_REPLICA: Final[Mapping[str, object]] = {"load_balancing": "in_order", "prefer_localhost_replica": 0}
# What is written through a Distributed table: it is stored on its shards when the call returns, and every row lies
# where the table's sharding key says. By default the engine copies each shard's own rows to that shard where it can.
PLACING: Final[Mapping[str, object]] = {
    "distributed_foreground_insert": 1,
    "parallel_distributed_insert_select": 0,
}
# Acknowledged means stored, and a block may hold events of any number of months.
INSERTING: Final[Mapping[str, object]] = {
    **PLACING,
    "async_insert": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,
    "optimize_on_insert": 0,  # what a view made of a block is grouped already; merging it once more finds nothing
}
CONNECTIONS: Final = 32  # kept open per process
CONNECT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 300
REPEATS: Final = 1  # by the driver, of calls that met a closed connection, 429, 503 or 504

# What the server says, without what the driver and the server say around it.
_MESSAGE: Final = re.compile(r"DB::Exception: (.*?)(?: \(version [^)]*\).*)?$", re.DOTALL)


class Warehouse:
    """Asks and fills one database. Use it as a context manager, or call `close`."""

    def __init__(self, url: str, *, database: str) -> None:
        """`url` is `http[s]://user:password@host:port`; in a cluster that of any server, or of all of them."""
        self.database = database
        self._address = urlsplit(url)
        self._pool = get_pool_manager(maxsize=CONNECTIONS, num_pools=2, block=False)
        self._opening = Lock()
        self._clients: dict[float, Client] = {}  # by how long each waits for an answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; a later call opens them again."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()
        self._pool.clear()

    def query(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> list[tuple[Any, ...]]:
        """The rows. `parameters` fill `{name:Type}`; `settings` go over the safe limits."""
        with _translated(inserting=False):
            return [tuple(row) for row in self._answer(sql, parameters, settings).result_rows]

    def named(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> list[dict[str, Any]]:
        """The rows by column name."""
        with _translated(inserting=False):
            return list(self._answer(sql, parameters, settings).named_results())

    def command(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        """Run a statement that answers nothing: DDL, mutations, INSERT … SELECT."""
        with _translated(inserting=False):
            self._opened(_patience(settings)).command(
                sql, parameters=_sendable(parameters), settings={**PLACING, **(settings or {})}
            )

    def insert_native(self, table: str, *, columns: Sequence[str], block: bytes, token: str) -> None:
        """Insert one Native block; a repeat with the same token is dropped, in every table behind a view too.

        In a cluster the table is a Distributed one, so each row goes to the shard of its sharding key whichever server
        is asked, and each shard drops what it has seen under the token. The token must stand for exactly these rows:
        other rows under a used token are dropped silently.
        """
        with _translated(inserting=True):
            client = self._opened()
            client.raw_insert(
                f"`{table}`",
                column_names=[f"`{name}`" for name in columns],
                insert_block=block,
                fmt="Native",
                settings=_allowed(client, {**INSERTING, **SAME_REPLICA, "insert_deduplication_token": token}),
            )

    def cancel(self, log_comment: str) -> None:
        """Stop the running queries that carry this `log_comment` setting; none running is fine."""
        self.command(
            "KILL QUERY WHERE Settings['log_comment'] = {comment:String} ASYNC",
            parameters={"comment": log_comment},
        )

    def create_database(self) -> None:
        """Make the database if it is not there yet."""
        with _translated(inserting=False):
            client = self._connect(database=None)
            try:
                client.command(f"CREATE DATABASE IF NOT EXISTS `{self.database}`")
            finally:
                client.close()

    def _answer(
        self, sql: str, parameters: Mapping[str, object] | None, settings: Mapping[str, object] | None
    ) -> Any:
        client = self._opened(_patience(settings))
        return client.query(
            sql,
            parameters=_sendable(parameters),
            settings=_allowed(client, {**SAFE, **(settings or {})}),
        )

    def _opened(self, answer_s: float = ANSWER_SECONDS) -> Client:
        with self._opening:
            if answer_s not in self._clients:
                self._clients[answer_s] = self._connect(database=self.database, answer_s=answer_s)
            return self._clients[answer_s]

    def _connect(self, *, database: str | None, answer_s: float = ANSWER_SECONDS) -> Client:
        address = self._address
        return clickhouse_connect.get_client(
            interface=address.scheme,
            host=address.hostname,
            port=address.port,
            username=unquote(address.username or "default"),
            password=unquote(address.password or ""),
            database=database,
            pool_mgr=self._pool,
            compress=False,  # costs more CPU than it saves within one cluster
            connect_timeout=CONNECT_SECONDS,
            send_receive_timeout=answer_s,
            query_retries=REPEATS,
            autogenerate_session_id=False,  # a session allows one query at a time
            show_clickhouse_errors=True,
        )


def _allowed(client: Client, settings: Mapping[str, object]) -> dict[str, object]:
    """The settings without those of replicas that this user may not change: others' clusters have rules of their own."""
    known = client.server_settings
    return {
        name: value
        for name, value in settings.items()
        if name not in SAME_REPLICA or name not in known or not known[name].readonly
    }


def _patience(settings: Mapping[str, object] | None) -> float:
    """How long an answer is waited for, in seconds: at least as long as the server may take over it."""
    limit = (settings or {}).get("max_execution_time")
    return max(ANSWER_SECONDS, limit + CONNECT_SECONDS) if isinstance(limit, int) else ANSWER_SECONDS


@contextmanager
def _translated(*, inserting: bool) -> Iterator[None]:
    """Errors of the driver as errors of this room."""
    try:
        yield
    except Error as error:
        raise _translation(error, inserting=inserting) from error
    except (ClickHouseError, HTTPError, OSError) as error:
        raise Unavailable(str(error)) from error


def _translation(error: Error, *, inserting: bool) -> WarehouseError:
    found = _MESSAGE.search(str(error))
    message = found[1] if found else str(error)
    if error.code is not None:
        return error_of(error.code, message, inserting=inserting)
    if isinstance(error, ProgrammingError | NotSupportedError):
        return error_of(0, message, inserting=inserting)
    return Unavailable(message)


def _sendable(parameters: Mapping[str, object] | None) -> dict[str, object]:
    return {name: _sendable_value(value) for name, value in (parameters or {}).items()}


def _sendable_value(value: object) -> object:
    """Texts as the driver sends them whole.

    It leaves control characters of a text on their own as they are, where the server stops reading; bytes it
    escapes one by one. A lone surrogate has no bytes and becomes a question mark, as it did when it was stored.
    """
    if isinstance(value, str):
        text = value.encode(errors="replace")
        return text.decode() if value.isprintable() else text
    return _sendable_item(list(value) if isinstance(value, tuple) else value)


def _sendable_item(value: object) -> object:
    """A value within a list, where the driver escapes texts whole; a tuple within one stays a tuple."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_sendable_item(item) for item in value]
    if isinstance(value, tuple):
        return tuple(map(_sendable_item, value))
    return value

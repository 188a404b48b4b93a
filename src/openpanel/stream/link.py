"""One connection to Redis, and what its errors mean for a commit.

Two ways to use it: `exchange`, one at a time; or `write` without waiting, some ahead of the replies, which `replies`
gives in the same order. A plain connection instead of the client: a group commit is one write and a few reads, and
the client's pool, retries and spans around it cost more than the commit itself. Reconnecting, TLS, passwords and
databases stay redis-py's. Knows nothing of sessions and spools.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError

from openpanel.stream import scripts
from openpanel.stream.errors import Away, Full

Reply = Any  # what RESP can carry: numbers, byte strings, lists of them; an error as its exception
Command = Sequence[str | bytes | int]

# A failover, a move of slots, a full disk under the append-only file: it passes, and nothing was changed.
_PASSING: Final = (ReadOnlyError, AskError, ClusterDownError, TryAgainError)
_PASSING_CODES: Final = ("MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE")
_OWN_OPTIONS: Final = ("maint_notifications_config", "maint_notifications_pool_handler", "retry_on_error")


class Link:
    """Sends commands in one write and reads their replies; reconnects by itself at the next exchange.

    Also when Redis takes no writes for now: after a failover the one behind this connection stays what it has become,
    and a new connection leads to the new one.
    """

    def __init__(self, redis: redis.asyncio.Redis, *, timeout_s: float) -> None:
        pool = redis.connection_pool
        options = {k: v for k, v in pool.connection_kwargs.items() if k not in _OWN_OPTIONS}
        # Whoever waits for the answer decides how long and how often: no time-outs or retries below.
        options.update(retry=Retry(NoBackoff(), 0), socket_timeout=None, health_check_interval=0)
        self._connection = pool.connection_class(**options)
        self._timeout_s = timeout_s
        self._unsent: Exception | None = None
        self._unwilling = False  # a reply of those that are read said so

    @property
    def is_up(self) -> bool:
        """Whether `write` may be called: there is a connection, as far as is known."""
        return bool(self._connection.is_connected)

    async def open(self) -> None:
        """Make the connection if there is none; raises Away."""
        async with self._translated():
            await self._connection.connect()  # type: ignore[no-untyped-call]  # redis-py leaves it untyped

    def write(self, commands: Sequence[Command]) -> None:
        """Send commands while the link is up; whoever calls this fetches their replies in turn."""
        # redis-py only offers to wait until the bytes are taken, which would let others in between.
        writer = self._connection._writer
        try:
            if writer is None:
                raise ConnectionResetError("closed")
            writer.writelines(self._packed(commands))
        except (OSError, RuntimeError) as error:  # it broke unnoticed
            self._unsent = error

    async def replies(self, count: int) -> list[Reply]:
        """The next replies, an error reply as its exception; raises Away when they do not come."""
        if self._unsent is not None:
            reason = f"{type(self._unsent).__name__}: {self._unsent}"
            await self.close()
            raise Away(reason, lost=True)
        async with self._translated():
            return await self._replies(count)

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """The replies in order, an error reply as its exception; raises Away when there are none."""
        packed = self._packed(commands)
        async with self._translated():
            await self._connection.send_packed_command(packed, check_health=False)
            return await self._replies(len(commands))

    async def run(
        self, name: str, calls: Sequence[Command], *, beside: Sequence[Command] = ()
    ) -> list[Reply]:
        """Run a script once per element of `calls` (its keys and arguments, the number of keys first).

        `beside` goes out in the same write, after the calls; its replies are not looked at. The commands may
        be sent twice, when Redis did not have the script: they must bear that.
        """
        commands = [*script_commands(name, calls), *beside]
        replies = await self.exchange(commands)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            replies = (await self.exchange([("SCRIPT", "LOAD", scripts.text(name)), *commands]))[1:]
        return replies[: len(calls)]

    async def close(self) -> None:
        """Let go of the connection; the next exchange makes a new one."""
        self._unsent = None
        self._unwilling = False
        await self._connection.disconnect(nowait=True)

    def _packed(self, commands: Sequence[Command]) -> list[bytes]:
        pack = self._connection.pack_command
        return [part for command in commands for part in pack(*command)]

    @contextlib.asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        """Within the time limit, or Away; without an answer the connection is of no use any more."""
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except (RedisError, OSError) as error:
            await self.close()
            lost = not isinstance(error, TimeoutError | RedisTimeoutError)
            raise Away(f"{type(error).__name__}: {error}", lost=lost) from error
        except BaseException:
            await self.close()  # replies may still come; they belong to nobody
            raise

    async def _replies(self, count: int) -> list[Reply]:
        replies = [await self._reply() for _ in range(count)]
        if self._unwilling:
            await self.close()
        return replies

    async def _reply(self) -> Reply:
        try:
            return await self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            self._unwilling = self._unwilling or _passes(error)
            return error


def script_commands(name: str, calls: Sequence[Command]) -> list[Command]:
    """The script called once per element of `calls` (its keys and arguments, the number of keys first)."""
    digest = scripts.digest(name)
    return [("EVALSHA", digest, *call) for call in calls]


def checked(reply: Reply) -> Reply:
    """The reply of a script; raises Away or Full when the error passes, and any other error as it is."""
    if not isinstance(reply, Exception):
        return reply
    if isinstance(reply, OutOfMemoryError):
        raise Full(str(reply)) from reply
    if _passes(reply):
        raise Away(str(reply)) from reply
    raise reply


def _passes(error: Exception) -> bool:
    return isinstance(error, _PASSING) or str(error).startswith(_PASSING_CODES)

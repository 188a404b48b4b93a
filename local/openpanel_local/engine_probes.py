"""Whether Valkey and PostgreSQL take work now, asked in a few bytes of their protocols.

Drivers would say the same, but the supervisor would have to keep 30 MB of them in memory.
"""

import asyncio
import struct
from pathlib import Path
from typing import Final

from openpanel_local.engines import secret_file
from openpanel_local.supervise.probes import PATIENCE_S
from openpanel_local.supervise.program import Probe

_PROTOCOL: Final = 3 << 16  # PostgreSQL's version 3.0
_STARTUP: Final = b"user\0openpanel\0database\0openpanel\0application_name\0openpanel-probe\0\0"
_ASKS_TO_SIGN_IN: Final = b"R"  # it takes connections; while it recovers the answer is an error, E


def valkey_answers(host: str, port: int, *, password_file: Path) -> Probe:
    """Ready when a ping behind the password is answered; while it loads its file the answer is an error."""

    async def probe(_pid: int) -> bool:
        try:
            question = f"AUTH {secret_file.read(password_file)}\r\nPING\r\n".encode()
            return await _asked(host, port, question, answer=b"+OK\r\n+PONG\r\n")
        except OSError:
            return False

    return probe


def postgres_takes(host: str, port: int) -> Probe:
    """Ready when the beginning of a sign-in is answered by the question for the password."""
    question = struct.pack("!ii", 8 + len(_STARTUP), _PROTOCOL) + _STARTUP

    async def probe(_pid: int) -> bool:
        return await _asked(host, port, question, answer=_ASKS_TO_SIGN_IN)

    return probe


async def _asked(host: str, port: int, question: bytes, *, answer: bytes) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(question)
                return await reader.readexactly(len(answer)) == answer
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False

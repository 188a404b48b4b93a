"""The least an ASGI application can do: read nothing, answer 200. The ceiling of what this server stack gives."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

ANSWER = b'{"deviceId":"0000000000000000","sessionId":"0000000000000000"}'

Message = MutableMapping[str, Any]


async def app(
    scope: Message, _receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] != "http":
        return
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"62")],
        }
    )
    await send({"type": "http.response.body", "body": ANSWER})

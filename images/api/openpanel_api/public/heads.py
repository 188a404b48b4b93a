"""HEAD wherever there is GET: the same status and headers, and no body (RFC 9110, 9.3.2).

Plain ASGI, around all else. The application answers GET and is cancelled at its head, as when a client leaves: of a file
or a stream nothing more is read.
"""

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAnswers:
    """Answers HEAD as GET is answered, as far as the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        with anyio.CancelScope() as asking:

            async def head(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                    await send({"type": "http.response.body", "body": b""})
                    asking.cancel()

            await self._app({**scope, "method": "GET"}, receive, head)

"""Headers that every answer carries, and the check that a change was asked for by a page of ours.

Plain ASGI, around all that answers. The policy names this host only: no inline script or style anywhere,
nothing is sent to or fetched from another host, and no other site may put a page into a frame.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
HSTS: Final = "max-age=31536000"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SecureHeaders:
    """Adds the headers, and refuses a change that another site asked for."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = {**HEADERS, "Strict-Transport-Security": HSTS} if https else dict(HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        if scope["method"] not in SAFE_METHODS and _foreign(Headers(scope=scope)):
            refusal = PlainTextResponse("This change was asked for by another site.", status_code=403)
            return await refusal(scope, receive, with_headers)
        return await self._app(scope, receive, with_headers)


def _foreign(headers: Headers) -> bool:
    """Whether the browser says that a page of another host sent this. Tools that are no browser say nothing."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")

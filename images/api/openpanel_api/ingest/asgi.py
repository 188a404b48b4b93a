"""The types of ASGI and the answers in its form: status, headers, bytes.

Every answer may be read by any page (`*`), because the credentials are in the request and never in a cookie.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from openpanel.wire import answers
from openpanel.wire.refusals import Refusal, SlowBody, TooLarge, Unauthorized

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Pair = tuple[bytes, bytes]

JSON: Final = (b"content-type", b"application/json")
TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")
CLOSE: Final = (b"connection", b"close")

ALLOWED_HEADERS: Final = (
    b"content-type, content-encoding, openpanel-client-id, openpanel-client-secret, "
    b"openpanel-sdk-name, openpanel-sdk-version, mixan-client-id, mixan-client-secret, idempotency-key"
)
PREFLIGHT_SECONDS: Final = 604_800  # how long browsers may remember the answer to a preflight
_HEADER_NAMES: Final = re.compile(rb"[A-Za-z0-9_\-, ]{1,4096}")


async def send_accepted(send: Send, body: bytes) -> None:
    """The answer to a call that was let in."""
    await send_answer(send, 200, body)


async def send_answer(
    send: Send, status: int, body: bytes, headers: Iterable[Pair] = (JSON,), *, head_only: bool = False
) -> None:
    """Any other answer; `head_only` for the method HEAD, which asks for the headers alone."""
    whole = [*headers, ANY_ORIGIN, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": int(status), "headers": whole})
    await send({"type": "http.response.body", "body": b"" if head_only else body})


async def send_refusal(send: Send, refusal: Refusal, *, beside: Iterable[Pair] = ()) -> None:
    """The one shape of errors; a 401 of ingestion is plain text, which is what SDKs know. `beside`: more headers."""
    headers = list(beside)
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after_s))
    if isinstance(refusal, SlowBody | TooLarge):
        headers.append(CLOSE)  # the rest of the body is not wanted
    if isinstance(refusal, Unauthorized):
        await send_answer(send, refusal.status, refusal.message.encode(), (TEXT, *headers))
    else:
        await send_answer(send, refusal.status, answers.error(refusal), (JSON, *headers))


async def send_preflight(send: Send, headers: Iterable[Pair]) -> None:
    """Whatever a page asks to be allowed is allowed: the check is made when the request itself comes."""
    asked = next((value for name, value in headers if name == b"access-control-request-headers"), b"")
    allowed = asked if _HEADER_NAMES.fullmatch(asked) else ALLOWED_HEADERS
    whole = [
        ANY_ORIGIN,
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", allowed),
        (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": whole})
    await send({"type": "http.response.body", "body": b""})

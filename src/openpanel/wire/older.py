"""The routes of older SDKs, turned into messages of `/track` so that every rule holds on every way in.

`/event`, `/profile`, `/profile/increment` and `/profile/decrement` take the payload itself as their body.
"""

from typing import Final

import msgspec
from msgspec import Raw, Struct

from openpanel.wire.decode import decode, read, without_secret
from openpanel.wire.messages import Message
from openpanel.wire.text import checked

TYPES: Final = {
    "/event": "track",
    "/profile": "identify",
    "/profile/increment": "increment",
    "/profile/decrement": "decrement",
}


class _Credentials(Struct, rename="camel"):
    client_id: str | None = None
    client_secret: str | None = None


class _Enclosing(Struct, rename="camel", omit_defaults=True):
    type: str
    payload: Raw
    client_id: str | None = None
    client_secret: str | None = None


_CREDENTIALS: Final = msgspec.json.Decoder(_Credentials)


def decode_older(route: str, body: bytes) -> tuple[Message, bytes]:
    """The message that a body of an older route stands for, and the body of `/track` that is kept of it."""
    body = checked(body)
    credentials, body = read(_CREDENTIALS.decode, body)
    payload = body if credentials.client_secret is None else without_secret(body)
    enclosing = _Enclosing(TYPES[route], Raw(payload), credentials.client_id, credentials.client_secret)
    return decode(msgspec.json.encode(enclosing))

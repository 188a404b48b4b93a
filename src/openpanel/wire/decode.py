"""From the bytes of a body to a message, or to the refusal that says what is wrong with it.

Used by the API for every call. A body comes back with its message, because what is kept are the bytes: repaired
where a lone surrogate had to go, and without the secret where a client sent one inside.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec import DecodeError, Raw, Struct, ValidationError

from openpanel.wire import limits
from openpanel.wire.checks import check, check_depth
from openpanel.wire.messages import MESSAGE, Message, Replay
from openpanel.wire.refusals import BodyTooLarge, Invalid, MessageTooLarge, NotJson, TooDeep
from openpanel.wire.text import checked, surely_shallow, without_lone_surrogates

T = TypeVar("T")

REPLAY_TYPE: Final = str(Replay.__struct_config__.tag)


class _Kind(Struct):
    type: str = ""


_KIND: Final = msgspec.json.Decoder(_Kind)
_FIELDS: Final = msgspec.json.Decoder(dict[str, Raw])


def decode(body: bytes) -> tuple[Message, bytes]:
    """The message of a body of `/track` and the body as it is to be kept."""
    if len(body) > limits.MESSAGE_BYTES:
        _only_replay(body)
    body = checked(body)
    message, body = read(MESSAGE.decode, body)
    check(message)
    if not surely_shallow(body):
        check_depth(message)
    if message.client_secret is not None:
        body = without_secret(body)
    return message, body


def read(decoder: Callable[[bytes], T], body: bytes) -> tuple[T, bytes]:
    """What `decoder` makes of a body that is UTF-8, with its errors as refusals; repairs lone surrogates."""
    try:
        return decoder(body), body
    except DecodeError as error:
        repaired = body if isinstance(error, ValidationError) else without_lone_surrogates(body)
        if len(repaired) == len(body):
            raise as_refusal(error) from None
    except (RecursionError, UnicodeDecodeError) as error:
        raise as_refusal(error) from None
    return read(decoder, repaired)


def as_refusal(error: Exception) -> Invalid | NotJson | TooDeep:
    """The refusal for what a decoder raised."""
    if isinstance(error, ValidationError):
        return Invalid(str(error))
    if isinstance(error, RecursionError):
        return TooDeep()
    return NotJson(f"Body is not valid JSON: {error}")


def without_secret(body: bytes) -> bytes:
    """The same object without the secret that its sender put inside."""
    fields = _FIELDS.decode(body)
    fields.pop("clientSecret", None)
    return msgspec.json.encode(fields)


def _only_replay(body: bytes) -> None:
    """Recordings are the only messages that may be this large; their text is never taken apart here."""
    if len(body) > limits.BODY_BYTES:
        raise BodyTooLarge
    kind, _ = read(_KIND.decode, checked(body))
    if kind.type != REPLAY_TYPE:
        raise MessageTooLarge

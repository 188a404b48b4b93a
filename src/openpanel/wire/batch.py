"""Many messages in one body: each is accepted or refused by itself, the bytes stay whole.

The body of `/track/batch` is an array of messages, or an object that has it as `messages` or `events`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec
from msgspec import Raw, Struct

from openpanel.wire import limits
from openpanel.wire.checks import check, check_depth, refuse_too_much
from openpanel.wire.decode import REPLAY_TYPE, as_refusal, read
from openpanel.wire.messages import MESSAGE, MESSAGES, Message, Track
from openpanel.wire.refusals import Invalid, MessageTooLarge, Refusal, TooManyMessages
from openpanel.wire.text import checked, surely_shallow


class Batch(NamedTuple):
    """A body that could be read; credentials may stand beside the messages."""

    body: bytes
    good: Sequence[tuple[int, Message]]
    """The messages that are well-formed, with their places in the body."""
    refused: Mapping[int, Refusal]
    """The others, by their places."""
    client_id: str | None = None
    client_secret: str | None = None

    @property
    def size(self) -> int:
        """How many messages the body has."""
        return len(self.good) + len(self.refused)


_NOTHING: Final = Raw(b"")
_NONE: Final[Mapping[int, Refusal]] = MappingProxyType({})


class _Wrapped(Struct, rename="camel"):
    messages: Raw = _NOTHING
    events: Raw = _NOTHING
    client_id: str | None = None
    client_secret: str | None = None


class _Kind(Struct):
    type: str = ""


_WRAPPED: Final = msgspec.json.Decoder(_Wrapped)
_KIND: Final = msgspec.json.Decoder(_Kind)
# An array of raw messages that stops making objects after the last one allowed: a list would make millions of
# them out of a body like [0,0,0…] before anybody could count.
_SLOTS: Final = msgspec.json.Decoder(
    msgspec.defstruct(
        "Slots",
        [(f"m{place}", Raw, msgspec.UNSET) for place in range(limits.BATCH_MESSAGES + 1)],
        array_like=True,
    )
)


def decode_batch(body: bytes) -> Batch:
    """The messages of a body of `/track/batch`; raises only where the body as a whole is refused."""
    refuse_too_much(body)
    body = checked(body)
    if body.lstrip()[:1] != b"{":
        return _read(body)
    wrapped, _ = read(_WRAPPED.decode, body)
    array = bytes(wrapped.messages) or bytes(wrapped.events)
    if not array:
        raise Invalid("Object missing required field `messages`")
    return _read(array)._replace(client_id=wrapped.client_id, client_secret=wrapped.client_secret)


def split(body: bytes) -> list[bytes]:
    """The single messages of the body of a batch, as they were sent."""
    slots, _ = read(_SLOTS.decode, body)
    raws = [bytes(raw) for raw in msgspec.structs.astuple(slots) if raw is not msgspec.UNSET]
    if len(raws) > limits.BATCH_MESSAGES:
        raise TooManyMessages
    return raws


def _read(body: bytes) -> Batch:
    """All messages at once where that is safe and all are well-formed, else one after the other."""
    if len(body) <= limits.MESSAGE_BYTES:
        try:
            messages = MESSAGES.decode(body)
        except (msgspec.DecodeError, RecursionError):
            pass
        else:
            if len(messages) > limits.BATCH_MESSAGES:
                raise TooManyMessages
            return _checked(body, messages, deep=not surely_shallow(body, apart=_apart(messages)))
    _, body = read(_SLOTS.decode, body)
    return _parted(body, [_one(raw) for raw in split(body)])


def _apart(messages: Sequence[Message]) -> int:
    """How many brackets the messages have beside the one that is nested deepest: two or three each."""
    with_properties = [
        message for message in messages if type(message) is Track and message.payload.properties
    ]
    return 2 * len(messages) + len(with_properties) - 3


def _checked(body: bytes, messages: Sequence[Message], *, deep: bool) -> Batch:
    """The messages as they are as long as none is refused, which is the common case."""
    try:
        for message in messages:
            check(message)
            if deep:
                check_depth(message)
    except Refusal:
        return _parted(body, [_one_checked(message, deep=deep) for message in messages])
    return Batch(body, list(enumerate(messages)), _NONE)


def _parted(body: bytes, outcomes: Sequence[Message | Refusal]) -> Batch:
    refused = {place: one for place, one in enumerate(outcomes) if isinstance(one, Refusal)}
    good = [(place, one) for place, one in enumerate(outcomes) if not isinstance(one, Refusal)]
    return Batch(body, good, refused)


def _one(raw: bytes) -> Message | Refusal:
    try:
        if len(raw) > limits.MESSAGE_BYTES and _KIND.decode(raw).type != REPLAY_TYPE:
            return MessageTooLarge()
        message = MESSAGE.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return as_refusal(error)
    return _one_checked(message, deep=not surely_shallow(raw))


def _one_checked(message: Message, *, deep: bool) -> Message | Refusal:
    try:
        check(message)
        if deep:
            check_depth(message)
    except Refusal as refusal:
        return refusal
    return message

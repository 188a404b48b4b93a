"""The body of a message, taken out of the request it came in.

A request's body is one message or an array of them; the array is cut once for all its messages.
"""

import re
from typing import Final

import msgspec

from openpanel.stream.drain import Message
from openpanel.stream.frames import Envelope

MAX_KEPT: Final = 1_048_576  # bytes of a body in a dead letter; more is cut off
# `"__ip": "…"`, however the name is written and whether or not the text around it is JSON.
_ADDRESS: Final = re.compile(
    rb"""("(?:_|\\u005[fF]){2}(?:i|\\u0069)(?:p|\\u0070)"\s*:\s*)"(?:[^"\\]|\\.)*"?""", re.DOTALL
)

_cut: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Bodies:
    """Bodies of messages that arrive request by request. Not shared between threads."""

    def __init__(self) -> None:
        self._envelope: Envelope | None = None
        self._parts: list[msgspec.Raw] = []

    def of(self, message: Message) -> bytes | msgspec.Raw:
        """The message's own JSON; raises msgspec's or an index error when the request does not hold it."""
        index = message.item.index
        if index < 0:
            return message.envelope.body
        if message.envelope is not self._envelope:
            self._parts = _cut(message.envelope.body)
            self._envelope = message.envelope
        return self._parts[index]


def kept(message: Message) -> str:
    """The body for a dead letter: the message's own where it can be found, else the whole request's.

    An address that it names is used and never kept, here neither.
    """
    try:
        body = bytes(Bodies().of(message))
    except (msgspec.MsgspecError, UnicodeDecodeError, IndexError, RecursionError):
        body = message.envelope.body
    return _ADDRESS.sub(rb'\1"masked"', body)[:MAX_KEPT].decode(errors="replace")

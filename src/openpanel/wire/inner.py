"""A person described inside an event (`__identify`), taken out as a message of its own.

Needed where events and changes of persons are worked on in different places. Only for messages that were checked.
"""

from typing import Final

import msgspec
from msgspec import Raw

from openpanel.wire import reserved

_FIELDS: Final = msgspec.json.Decoder(dict[str, Raw])
_NULL: Final = Raw(b"null")


def split_identify(body: bytes) -> tuple[bytes, bytes]:
    """The event without the description, and the description as a message; the event keeps the person's id."""
    message = _FIELDS.decode(body)
    payload = _FIELDS.decode(message["payload"])
    properties = _FIELDS.decode(payload["properties"])
    described = properties.pop(reserved.IDENTIFY)
    if bytes(payload.get("profileId", _NULL)) == b"null":
        payload["profileId"] = _FIELDS.decode(described)["profileId"]
    payload["properties"] = Raw(msgspec.json.encode(properties))
    message["payload"] = Raw(msgspec.json.encode(payload))
    return msgspec.json.encode(message), b'{"type":"identify","payload":%b}' % bytes(described)

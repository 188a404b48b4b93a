"""What clients are answered, as bytes made once or by one format.

Rule of the SDKs: every accepted call is 200 with JSON that has `deviceId` and `sessionId`, both non-empty text,
whatever the type of the message.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from openpanel.wire.refusals import Refusal
from openpanel.wire.rows import RowsRefused

CURRENT_SESSION: Final = "current session exists for this device id"
PREVIOUS_SESSION: Final = "previous session exists for this device id"
NO_SESSION: Final = "No session exists for this device id"

_encode: Final = msgspec.json.Encoder().encode


def accepted(device: int, session: int) -> bytes:
    """The answer to a call whose device has one of our own ids."""
    return b'{"deviceId":"%016x","sessionId":"%016x"}' % (device, session)


def accepted_as(device_ref: str, session: int) -> bytes:
    """The answer to a call that named its device itself: the name comes back as it was sent."""
    return _encode({"deviceId": device_ref, "sessionId": f"{session:016x}"})


def known_device(device: int, session: int, *, message: str) -> bytes:
    """The answer of `/track/device-id`; session 0 is no session."""
    return _encode(
        {"deviceId": f"{device:016x}", "sessionId": f"{session:016x}" if session else "", "message": message}
    )


def bot(name: str, kind: str) -> bytes:
    return _encode({"bot": {"name": name, "type": kind}})


def error(refusal: Refusal) -> bytes:
    """The one shape of errors: status, error, message; refused rows of an import are listed beside them."""
    body: dict[str, object] = {
        "status": int(refusal.status),
        "error": refusal.error,
        "message": refusal.message,
    }
    if isinstance(refusal, RowsRefused):
        body["rows"] = refusal.faults
    return _encode(body)


def accepted_ids(device: int, session: int) -> bytes:
    """The part of an accepted message's answer that messages of one visit share."""
    return b',"status":200,"deviceId":"%016x","sessionId":"%016x"}' % (device, session)


def accepted_ids_as(device_ref: str, session: int) -> bytes:
    """The same for a message that named its device itself."""
    return b',"status":200,' + accepted_as(device_ref, session)[1:]


def accepted_message(index: int, ids: bytes) -> bytes:
    """One message of a batch that was accepted."""
    return b'{"index":%d%b' % (index, ids)


def bot_message(index: int, name: str, kind: str) -> bytes:
    """One message of a batch that a declared bot sent."""
    return _encode({"index": index, "status": 202, "bot": {"name": name, "type": kind}})


def refused_message(index: int, refusal: Refusal) -> bytes:
    """One message of a batch that was refused."""
    return _encode(
        {"index": index, "status": int(refusal.status), "error": refusal.error, "message": refusal.message}
    )


def batch(results: Sequence[bytes], *, rejected: int) -> bytes:
    """The answer to a batch, from the answers to its messages in their order."""
    return b'{"accepted":%d,"rejected":%d,"results":[%b]}' % (
        len(results) - rejected,
        rejected,
        b",".join(results),
    )

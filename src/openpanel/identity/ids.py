"""Every id of the platform and how it is made: devices, sessions, persons, and their form on the wire.

Used by all rooms. Pure: knows no store, no clock and no randomness. Inside, an id is an unsigned 64-bit number;
outside it is 16 lower-case hex digits.
"""

import re
from hashlib import blake2b
from typing import Final

SESSION_TIMEOUT_MS: Final = 1_800_000  # a visit ends after this much silence
LONGEST_SESSION_MS: Final = 86_400_000  # and lasts less than this, whatever else comes of its device
LATE_AFTER_MS: Final = 900_000  # events older than this never open a session
FUTURE_TOLERANCE_MS: Final = 60_000  # clocks of clients may be ahead by this much
DEVICE_REF_MAX: Final = 64  # characters of a device id that a client chose
UNKNOWN_AGENT: Final = "unknown/1.0"  # stands for a missing user agent
NO_ID: Final = 0  # "none" in columns that hold an id

_DIGEST_BYTES: Final = 8
_HEX_FORM: Final = re.compile(r"[0-9a-f]{16}")


def hash64(*parts: str) -> int:
    """One number for these texts, the same for ever and everywhere.

    >>> hash64("profile", "42") == hash64("profile", "42")
    True
    """
    return _number(blake2b(_joined(parts), digest_size=_DIGEST_BYTES).digest())


def to_hex(number: int) -> str:
    """The form of an id outside.

    >>> to_hex(255)
    '00000000000000ff'
    """
    return f"{number:016x}"


def from_hex(text: str) -> int | None:
    """The id that `text` is the outside form of; None when it is not such a form.

    >>> from_hex("00000000000000ff"), from_hex("00000000000000FF"), from_hex("ff")
    (255, None, None)
    """
    return int(text, 16) if _HEX_FORM.fullmatch(text) else None


def device_id(*, salt: bytes, project: str, ip: str, user_agent: str) -> int:
    """The device behind an address and a user agent, for as long as the salt lives.

    Once the salt is deleted nobody can find the address from the id any more.
    """
    text = _joined((project, ip, user_agent or UNKNOWN_AGENT))
    return _number(blake2b(text, digest_size=_DIGEST_BYTES, key=salt).digest())


def foreign_device(project: str, text: str) -> int:
    """The device that a client names itself: our own ids stay what they are, others are hashed."""
    own = from_hex(text)
    return own or hash64("device", project, text)


def person_of_profile(profile_id: str) -> int:
    """The person behind a profile id: behind a device's, which an anonymous visitor is asked for by, that device.

    A profile id that happens to have the form of ours is that number, too, and nobody else's unless a device has it.

    >>> person_of_profile("00000000000000ff")
    255
    """
    return from_hex(profile_id) or hash64("profile", profile_id)


def session_id(*, project: str, device: int, at_ms: int) -> int:
    """The id that a session gets when it opens at this time: without state, so that every process agrees."""
    return hash64("sess:v1", project, to_hex(device), str(at_ms // SESSION_TIMEOUT_MS))


def _joined(parts: tuple[str, ...]) -> bytes:
    # Lone surrogates come in through JSON escapes and must not end a request.
    return "\0".join(parts).encode("utf-8", "surrogatepass")


def _number(digest: bytes) -> int:
    return int.from_bytes(digest, "big")

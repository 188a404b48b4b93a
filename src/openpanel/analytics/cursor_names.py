"""A name that somebody chose, as a part of a cursor: text that travels in an address and comes back as it was."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error


def written(name: str) -> str:
    """The name in letters that an address takes."""
    return urlsafe_b64encode(name.encode(errors="replace")).decode().rstrip("=")


def read(text: str) -> str | None:
    """The name that `written` wrote, `None` for any other text."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        name = urlsafe_b64decode(padded).decode()
    except (Error, UnicodeError):
        return None
    return name if written(name) == text else None

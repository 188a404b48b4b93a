"""Text that every store accepts: no NUL, no lone surrogates, valid UTF-8. Used by all parts of this room."""

import re
from typing import Final

_FORBIDDEN: Final = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Take NUL and lone surrogates out; everything else stays as it was sent."""
    if text.isascii():
        return text.replace("\x00", "") if "\x00" in text else text
    return _FORBIDDEN.sub("", text)

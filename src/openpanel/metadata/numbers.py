"""Ids as the outside writes them."""

import re
from typing import Final
from uuid import UUID

# Other forms that Python reads (braces, no dashes, capitals) would be second names for the same thing.
_FORM: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def number(text: str) -> UUID | None:
    """The id, `None` for a text that can be none."""
    return UUID(text) if _FORM.fullmatch(text) else None

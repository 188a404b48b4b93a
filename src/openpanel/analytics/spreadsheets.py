"""Texts of visitors in tables that are opened in a spreadsheet, which computes what looks like a formula."""

from typing import Final

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")  # what one begins with


def inert(text: str) -> str:
    """The text as a spreadsheet shows and does not compute it."""
    return f"'{text}" if text.startswith(FORMULAS) else text

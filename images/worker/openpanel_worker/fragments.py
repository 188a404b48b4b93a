"""Texts as the warehouse writes them, encoded once: what a worker sees again and again costs one look-up.

Bounded: emptied when full, because what is common comes back at once. Not shared between threads.
"""

from typing import Final

from openpanel.warehouse.native import string_fragment

MAX_FRAGMENTS: Final = 100_000  # about 20 MB when full
MAX_CACHED: Final = 256  # characters; longer texts are hardly seen twice

EMPTY: Final = string_fragment("")


class Fragments(dict[str, bytes]):
    """`fragments[text]` is the text with its length in front."""

    def __missing__(self, text: str) -> bytes:
        fragment = string_fragment(text)
        if len(text) <= MAX_CACHED:
            if len(self) >= MAX_FRAGMENTS:
                self.clear()
            self[text] = fragment
        return fragment

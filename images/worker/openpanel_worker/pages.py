"""Pages of events as columns, parsed and encoded once per address.

Bounded: emptied when full. Not shared between threads.
"""

from typing import Final, NamedTuple

from openpanel.enrich.page import Page
from openpanel.enrich.page import parse as parse_page
from openpanel_worker.fragments import EMPTY, Fragments

MAX_PAGES: Final = 50_000  # about 40 MB when full
MAX_CACHED: Final = 1_024  # characters; longer addresses are hardly seen twice


class PageColumns(NamedTuple):
    """A page and what of it stands in a row: path, origin, and its hash and query as properties."""

    page: Page
    path: bytes
    origin: str
    keys: tuple[str, ...]
    values: tuple[bytes, ...]


class Pages(dict[str, PageColumns]):
    """`pages[address]` is the page at that address."""

    def __init__(self, fragments: Fragments) -> None:
        super().__init__()
        self._fragments = fragments

    def __missing__(self, address: str) -> PageColumns:
        columns = self._columns(parse_page(address))
        if len(address) <= MAX_CACHED:
            if len(self) >= MAX_PAGES:
                self.clear()
            self[address] = columns
        return columns

    def _columns(self, page: Page) -> PageColumns:
        properties = {f"__query.{name}": value for name, value in page.query if value}
        if page.hash:
            properties["__hash"] = page.hash
        return PageColumns(
            page,
            self._fragments[page.path] if page.path else EMPTY,
            page.origin,
            tuple(properties),
            tuple(map(self._fragments.__getitem__, properties.values())),
        )

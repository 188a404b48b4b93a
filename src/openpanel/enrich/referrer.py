"""Who sent a visitor: the referring address, its name and its kind.

`Referrers` holds the compiled host table (`data/referrers.json`, made by `compile_referrers` from
`data/referrers.txt`) and is made once per process. Knows no session: inheritance is the caller's business.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple, Self

import msgspec

from openpanel.enrich.page import Page, host_of
from openpanel.enrich.text import storable

CACHE_SIZE: Final = 50_000
MAX_URL: Final = 2_048  # characters
UNKNOWN: Final = "unknown"


class Referral(NamedTuple):
    """Columns of a referral, in the order of the warehouse."""

    url: str = ""
    name: str = ""
    type: str = ""


DIRECT: Final = Referral()


class Table(msgspec.Struct, frozen=True):
    """The compiled host table: hosts, names (lower case) and hosts whose subdomains count as well."""

    source: str
    licence: str
    hosts: dict[str, tuple[str, str]]
    names: dict[str, tuple[str, str]]
    families: dict[str, tuple[str, str]]


class Referrers:
    """Classifies referrers; safe to share between threads."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._known = lru_cache(maxsize=CACHE_SIZE)(self._classify)

    @classmethod
    def shipped(cls) -> Self:
        """Open the table that comes with this room."""
        data = files("openpanel.enrich").joinpath("data", "referrers.json").read_bytes()
        return cls(msgspec.json.decode(data, type=Table))

    def referral(self, url: str, page: Page) -> Referral:
        """Tell who sent the visitor of `page`; campaign parameters win over the referring address."""
        return self._known(url, page.host, page.source)

    def by_host(self, host: str) -> tuple[str, str] | None:
        """Name and type of a host: as it is, without `www.`, or by a family it belongs to."""
        host = host.removeprefix("www.")
        if found := self._table.hosts.get(host):
            return found
        families: Mapping[str, tuple[str, str]] = self._table.families
        while host:
            if found := families.get(host):
                return found
            host = host.partition(".")[2]
        return None

    def by_source(self, source: str) -> tuple[str, str] | None:
        """Name and type of what a campaign parameter says: a host, the first part of one, or a name."""
        return self.by_host(source) or self.by_host(f"{source}.com") or self._table.names.get(source)

    def _classify(self, url: str, page_host: str, source: str) -> Referral:
        referral = self._by_url(url, page_host)
        if not source:
            return referral
        found = self.by_source(source)
        if found is None:  # an unlisted name says who, not what kind
            return referral._replace(name=source)
        return Referral(referral.url, *found)

    def _by_url(self, url: str, page_host: str) -> Referral:
        host = referring_host(url)
        if not host or host.removeprefix("www.") == page_host.removeprefix("www."):
            return DIRECT
        url = storable(url[:MAX_URL]).strip().removesuffix("/")
        found = self.by_host(host)
        return Referral(url, *found) if found else Referral(url, url, UNKNOWN)


def referring_host(url: str) -> str:
    """The host of a referrer; for `android-app://` the name of the app's package."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme.lower() == "android-app":
        return rest.partition("/")[0].lower()
    return host_of(url)

"""Where an address is: a country from the data of `iptocc`, more from a city file where one is given.

Files are opened by `Geo` and `Networks` when they are made, never on import. Addresses arrive as text and may be
anything; what is no address is nowhere. Knows no project: truncation is a function the caller applies.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, Self

import iptocc
import maxminddb
from geoip2.database import Reader
from geoip2.errors import AddressNotFoundError
from geoip2.models import City

from openpanel.enrich.hosting import HOSTING_NETWORKS, HOSTING_WORDS

CACHE_SIZE: Final = 50_000  # addresses; about 15 MB when full
IPV4_KEPT_BITS: Final = 24
IPV6_KEPT_BITS: Final = 48

# Nearly all addresses are written like this, and reading them is seven times dearer than knowing that.
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PLAIN_IPV4: Final = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")


class Place(NamedTuple):
    """A place in the order of the warehouse's columns; 0, 0 when the country is unknown."""

    country: str
    region: str
    city: str
    longitude: float
    latitude: float


NOWHERE: Final = Place("", "", "", 0.0, 0.0)


class Geo:
    """Looks addresses up; safe to share between threads."""

    lookup: Callable[[str], Place]

    def __init__(self, *, city_file: Path | None = None, size: int = CACHE_SIZE) -> None:
        """Open the GeoLite2 or DB-IP city file, if there is one.

        `maxminddb.InvalidDatabaseError`, `OSError` or `ValueError` (another kind of file) say what is wrong with it.
        """
        self._cities = None if city_file is None else _city_reader(city_file)
        self.lookup = lru_cache(maxsize=size)(self._look)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._cities is not None:
            self._cities.close()

    def _look(self, address: str) -> Place:
        plain = normalized(address)
        if not plain:
            return NOWHERE
        country = iptocc.country_code(plain) or ""
        if self._cities is not None:
            with suppress(AddressNotFoundError):
                return _place(self._cities.city(plain), fallback=country)
        return Place(country, "", "", 0.0, 0.0) if country else NOWHERE


class Networks:
    """Tells hosting networks from access networks, where an ASN file is given."""

    hosting: Callable[[str], bool]

    def __init__(self, *, asn_file: Path, size: int = CACHE_SIZE) -> None:
        self._reader = maxminddb.open_database(asn_file)
        self.hosting = lru_cache(maxsize=size)(self._hosting)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _hosting(self, address: str) -> bool:
        plain = normalized(address)
        record = self._reader.get(plain) if plain else None
        if not isinstance(record, Mapping):
            return False
        if record.get("autonomous_system_number") in HOSTING_NETWORKS:
            return True
        return bool(HOSTING_WORDS.search(str(record.get("autonomous_system_organization", ""))))


def normalized(address: str) -> str:
    """Write an address in its one form, mapped IPv4 as IPv4; '' when it is none."""
    if _PLAIN_IPV4.fullmatch(address):
        return address
    try:
        parsed = ipaddress.ip_address(address.strip().partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(parsed)


@lru_cache(maxsize=CACHE_SIZE)
def truncated(address: str) -> str:
    """Forget the host: the last byte of IPv4, the last 80 bits of IPv6; '' when it is no address."""
    plain = normalized(address)
    if not plain:
        return ""
    kept = IPV6_KEPT_BITS if ":" in plain else IPV4_KEPT_BITS
    return str(ipaddress.ip_network(f"{plain}/{kept}", strict=False).network_address)


def _city_reader(file: Path) -> Reader:
    reader = Reader(file)
    kind = reader.metadata().database_type
    if "City" not in kind:
        reader.close()
        raise ValueError(f"{file} is a {kind} file; the city file must be a City one of GeoLite2 or DB-IP")
    return reader


def _place(found: City, *, fallback: str) -> Place:
    country = found.country.iso_code or fallback
    if not country:
        return NOWHERE
    region = found.subdivisions[0].names.get("en", "") if found.subdivisions else ""
    where = found.location
    return Place(
        country, region, found.city.names.get("en", ""), where.longitude or 0.0, where.latitude or 0.0
    )

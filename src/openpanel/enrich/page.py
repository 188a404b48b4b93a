"""The page an event happened on: its address split into what is stored.

An address is whatever the client sent as `__path`: a full URL, a path, or the name of a screen. Nothing here
raises; what is no URL is kept as a name. Knows no cache: callers put one around `parse`.
"""

from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from openpanel.enrich.text import storable

MAX_ADDRESS: Final = 8_192  # characters
MAX_PARAMETERS: Final = 100  # of a query string

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


class Utm(NamedTuple):
    """Campaign parameters in the order of the warehouse's columns."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""


NO_UTM: Final = Utm()


class Page(NamedTuple):
    """A parsed address."""

    path: str
    origin: str = ""
    host: str = ""
    hash: str = ""
    query: tuple[tuple[str, str], ...] = ()
    utm: Utm = NO_UTM
    source: str = ""  # who sent the visitor, lower case: utm_source, else ref, else utm_referrer


NO_PAGE: Final = Page("")


def parse(address: str) -> Page:
    """Split an address; the last of repeated query parameters wins, empty ones are kept in `query` only."""
    address = storable(address[:MAX_ADDRESS]).strip()
    if not address:
        return NO_PAGE
    scheme, separator, rest = address.partition("://")
    if separator and scheme.lower() in _DEFAULT_PORTS:
        return _url(scheme.lower(), rest)
    if address.startswith("/"):
        path, query, fragment = _split(address)
        return _page(path, "", "", query, fragment)
    return Page(address)


def host_of(address: str) -> str:
    """The host of an http address, lower case and without port; '' when it has none."""
    scheme, separator, rest = address.partition("://")
    if not separator or scheme.lower() not in _DEFAULT_PORTS:
        return ""
    authority, _ = _authority(rest)
    return _host(authority)


def _url(scheme: str, rest: str) -> Page:
    authority, rest = _authority(rest)
    authority = authority.rpartition("@")[2].lower().removesuffix(_DEFAULT_PORTS[scheme])
    path, query, fragment = _split(rest)
    return _page(path or "/", f"{scheme}://{authority}", _host(authority), query, fragment)


def _page(path: str, origin: str, host: str, query: str, fragment: str) -> Page:
    hash_ = f"#{fragment}" if fragment else ""
    if not query:
        return Page(path, origin, host, hash_)
    parameters = _parameters(query)
    found = Utm(*(parameters.get(name, "") for name in UTM)) if "utm_" in query else NO_UTM
    source = found.source or parameters.get("ref", "") or parameters.get("utm_referrer", "")
    return Page(path, origin, host, hash_, tuple(parameters.items()), found, source.strip().lower())


def _authority(rest: str) -> tuple[str, str]:
    """Cut `host:port` off what follows the scheme."""
    for place, character in enumerate(rest):
        if character in "/?#\\":
            return rest[:place], rest[place:]
    return rest, ""


def _split(rest: str) -> tuple[str, str, str]:
    rest, _, fragment = rest.partition("#")
    path, _, query = rest.partition("?")
    return path, query, fragment


def _parameters(query: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for pair in query.split("&", MAX_PARAMETERS)[:MAX_PARAMETERS]:
        name, _, value = pair.partition("=")
        if name:
            parameters[_decoded(name)] = _decoded(value)
    return parameters


def _decoded(text: str) -> str:
    if "%" in text or "+" in text:
        return storable(unquote_plus(text, errors="replace"))
    return text


def _host(authority: str) -> str:
    host = authority.rpartition("@")[2].lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]

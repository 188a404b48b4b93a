"""Whether the address of a store can be used, said in words that hold no part of it: what is wrong may be a password.

Each kind of address is read as the library reads it that connects there; only an @ where no login can be is always
taken for a slip. Pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from openpanel_operator.stores import Store

# How an address of each store may begin; the first is the one that a person is told.
SCHEMES: Final[Mapping[Store, tuple[str, ...]]] = {
    "Redis": ("redis", "rediss"),
    "PostgreSQL": ("postgresql", "postgres", "postgresql+psycopg"),
    "ClickHouse": ("http", "https"),
}
ESCAPE: Final = "percent-encode special characters of the password, such as @ / # ? :"
HIGHEST_PORT: Final = 65_535
SHORTEST_PIECE: Final = 4  # characters; shorter pieces of a password are in every other sentence
HIDDEN: Final = "***"

_OPTIONS: Final = re.compile(r"[\w.-]+=[^&]*(?:&[\w.-]+=[^&]*)*")
_BETWEEN: Final = re.compile(r"[@/#?:&=\s]+")


def fault_of(store: Store, url: str) -> str:
    """What is wrong with the address and what would be right, to be put after its name; "": nothing is."""
    own = f"{SCHEMES[store][0]}://"
    if not url.strip():
        return f"is empty: write the {own} address of {store}"
    scheme, there, _ = url.partition("://")
    if not there:
        return f"is no {own} address: nothing in it says {own}"
    if (scheme.strip().lower() if store == "ClickHouse" else scheme) not in SCHEMES[store]:
        return f"is no {own} address: begin it with {' or '.join(f'{each}://' for each in SCHEMES[store])}"
    return (_postgres_fault if store == "PostgreSQL" else _fault)(url, own)


def hidden(text: str, *, urls: Iterable[str]) -> str:
    """`text` without those pieces of the addresses that may be of a password."""
    for piece in sorted({piece for url in urls for piece in _pieces(url)}, key=len, reverse=True):
        text = text.replace(piece, HIDDEN)
    return text


def _fault(url: str, own: str) -> str:
    """Of an address that is read as any other: a / ? or # ends the part with login, host and port."""
    try:
        parts = urlsplit(url)
    except ValueError:  # its words have the address
        return f"is no {own} address: {ESCAPE}"
    if _has_login_behind(parts):
        return f"is no {own} address: {ESCAPE}"
    try:
        _ = parts.port
    except ValueError:
        return _port_fault()
    return (
        "" if parts.hostname else f"names no host: write it as {own}host, with the login and an @ before it"
    )


def _has_login_behind(parts: SplitResult) -> bool:
    """Whether an @ stands where none can, so that what stands before it is no host."""
    stray = "@" in parts.query and not ("@" in parts.netloc and _OPTIONS.fullmatch(parts.query))
    return stray or "@" in parts.path or "@" in parts.fragment


def _postgres_fault(url: str, own: str) -> str:
    """Of one that SQLAlchemy reads: the first @ after the password ends the login."""
    if url.endswith(("\n", "\r")):
        return "ends in a line break: write it without"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return _port_fault()
    _, _, rest = url.partition("://")
    behind = rest.partition(":")[2].partition("@")[2] if parsed.password is not None else rest
    place, _, query = behind.partition("?")
    strays = "@" in place if parsed.password is not None else "@" in (parsed.database or "")
    if strays or ("@" in query and not _OPTIONS.fullmatch(query)):
        return f"is no {own} address: {ESCAPE}"
    if parsed.port is not None and not 0 < parsed.port <= HIGHEST_PORT:
        return _port_fault()
    if not parsed.host and not parsed.query:
        return f"names no host: write it as {own}host/database, with the login and an @ before it"
    return ""


def _port_fault() -> str:
    return f"has a port that is no number up to {HIGHEST_PORT}: correct it, or {ESCAPE}"


def _pieces(url: str) -> Iterator[str]:
    """The password as it stands there and as it is meant, and its parts, however the address was misread."""
    login = url.partition("://")[2].rpartition("@")[0]
    password = login.partition(":")[2]
    for text in (password, unquote(password)):
        for piece in (text, *_BETWEEN.split(text)):
            if len(piece) >= SHORTEST_PIECE:
                yield piece

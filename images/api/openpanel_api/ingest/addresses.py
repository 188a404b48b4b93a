"""Whose address it is: the client's, seen through the proxies that the installation trusts.

Only what a trusted hop wrote is believed. Asked once per set of request headers, never per event. Knows no request:
it gets the values of headers as text.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, NamedTuple

Address = IPv4Address | IPv6Address

MAX_HOPS: Final = 32  # looked at from the right; longer chains are forged
_WITH_PORT: Final = re.compile(r"\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")
_FORWARDED_FOR: Final = re.compile(r"""for\s*=\s*("[^"]*"|[^;,\s]*)""", re.IGNORECASE)
_V4_PREFIX: Final = 24  # bits that stay when a project truncates addresses
_V6_PREFIX: Final = 48
_V6_HOUSEHOLD: Final = 64  # bits that a provider gives to one customer, who has all addresses behind them


class Hop(NamedTuple):
    """The nearest sender that is no trusted proxy of ours."""

    address: str  # in canonical form; '' when the socket has none
    trusted: bool  # the whole way was trusted, so the sender may speak for others


class Networks:
    """A set of networks that is asked about addresses."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Raises ValueError for what is neither an address nor a network."""
        self._networks = tuple(ip_network(text.strip(), strict=False) for text in texts if text.strip())

    def has(self, address: str | Address) -> bool:
        """Whether one of the networks holds the address; text that is none is in no network."""
        found = parse(address) if isinstance(address, str) else address
        return found is not None and any(found in network for network in self._networks)

    def __bool__(self) -> bool:
        return bool(self._networks)


def parse(text: str) -> Address | None:
    """The address in a hop: with or without port, brackets, quotes and zone; a mapped IPv4 address is IPv4."""
    text = text.strip().strip('"').strip()
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def canonical(text: str) -> str:
    """The one way to write an address; '' for text that is none."""
    address = parse(text)
    return "" if address is None else str(address)


def truncated(text: str) -> str:
    """The network of an address instead of the address: a /24 or a /48."""
    address = parse(text)
    if address is None:
        return ""
    prefix = _V4_PREFIX if isinstance(address, IPv4Address) else _V6_PREFIX
    network = ip_network((address, prefix), strict=False)
    return str(network.network_address)


def network_of(text: str) -> str:
    """What an address is counted as: itself, or the /64 of an IPv6 address. Text that is no such address stays."""
    address = parse(text) if ":" in text else None
    if not isinstance(address, IPv6Address):
        return text
    return str(ip_network((address, _V6_HOUSEHOLD), strict=False).network_address)


def nearest_hop(peer: str, *, chain: Sequence[str], trusted: Networks) -> Hop:
    """The rightmost untrusted hop of `chain`, as far as trusted hops vouch for it; else the socket's address.

    A hop that cannot be read ends the way: whoever stands behind it is unknown, so its reporter is the sender.
    """
    last = parse(peer)
    if last is None:
        return Hop("", trusted=False)
    if not trusted.has(last):
        return Hop(str(last), trusted=False)
    for text in reversed(chain[-MAX_HOPS:]):
        address = parse(text)
        if address is None:
            return Hop(str(last), trusted=False)
        if not trusted.has(address):
            return Hop(str(address), trusted=False)
        last = address
    return Hop(str(last), trusted=True)


def written_hops(lines: Callable[[str], Sequence[str]], *, header: str) -> list[str]:
    """The hops that proxies wrote down; `lines` has those of a header by its name in small letters.

    The `header` that an installation names is the only one believed.
    """
    name = header.strip().lower()
    if name == "forwarded":
        return forwarded(lines(name))
    if name:
        return listed(lines(name))
    return listed(lines("x-forwarded-for")) or forwarded(lines("forwarded"))


def listed(values: Sequence[str]) -> list[str]:
    """The hops of the lines of X-Forwarded-For, or of any header with a list of addresses."""
    return [hop for value in values for hop in value.split(",") if hop.strip()]


def forwarded(values: Sequence[str]) -> list[str]:
    """The hops of the lines of Forwarded (RFC 7239)."""
    return [hop for value in values for hop in _FORWARDED_FOR.findall(value)]

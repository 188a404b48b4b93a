"""Small files in the MaxMind DB format (version 2.0 of its public specification), made from networks and records."""

import ipaddress
import struct
from collections.abc import Mapping
from typing import Any, Final

_MARK: Final = b"\xab\xcd\xefMaxMind.com"
_BETWEEN: Final = bytes(16)  # tree and data
_TEXT, _DOUBLE, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 2, 3, 5, 6, 7, 9, 11
_EXTENDED: Final = 7  # types above are written in a byte of their own


def mmdb(kind: str, networks: Mapping[str, Any]) -> bytes:
    """A file of addresses of both versions; networks must not overlap."""
    nodes: list[list[int | None]] = [[None, None]]
    data = b""
    for network, record in networks.items():
        *way, last = _bits(network)
        node = 0
        for bit in way:
            onward = nodes[node][bit]
            if onward is None:
                onward = nodes[node][bit] = len(nodes)
                nodes.append([None, None])
            node = onward
        nodes[node][last] = -1 - len(data)
        data += _encoded(record)
    tree = b"".join(_record(side, count=len(nodes)) for node in nodes for side in node)
    return tree + _BETWEEN + data + _MARK + _encoded(_metadata(kind, count=len(nodes)))


def _bits(network: str) -> list[int]:
    """The way through the tree; addresses of version 4 lie behind 96 zeros."""
    parsed = ipaddress.ip_network(network)
    length = parsed.prefixlen + (96 if parsed.version == 4 else 0)
    return [int(parsed.network_address) >> (127 - place) & 1 for place in range(length)]


def _record(side: int | None, *, count: int) -> bytes:
    """A node, nothing, or a place in the data (kept as a negative number)."""
    if side is None:
        side = count
    elif side < 0:
        side = count + len(_BETWEEN) - 1 - side
    return side.to_bytes(3, "big")


def _metadata(kind: str, *, count: int) -> dict[str, Any]:
    return {
        "binary_format_major_version": _number(_UINT16, 2, size=2),
        "binary_format_minor_version": _number(_UINT16, 0, size=2),
        "build_epoch": _number(_UINT64, 1_767_225_600, size=8),
        "database_type": kind,
        "description": {"en": "made up"},
        "ip_version": _number(_UINT16, 6, size=2),
        "languages": ["en"],
        "node_count": _number(_UINT32, count, size=4),
        "record_size": _number(_UINT16, 24, size=2),
    }


def _encoded(value: Any) -> bytes:
    """A value of the data section; bytes are one that is encoded already."""
    match value:
        case bytes():
            return value
        case dict():
            pairs = (_encoded(each) for pair in value.items() for each in pair)
            return _head(_MAP, len(value)) + b"".join(pairs)
        case list():
            return _head(_ARRAY, len(value)) + b"".join(map(_encoded, value))
        case float():
            return _head(_DOUBLE, 8) + struct.pack(">d", value)
        case int():
            return _number(_UINT32, value, size=4)
        case _:
            text = str(value).encode()
            return _head(_TEXT, len(text)) + text


def _number(kind: int, value: int, *, size: int) -> bytes:
    return _head(kind, size) + value.to_bytes(size, "big")


def _head(kind: int, size: int) -> bytes:
    """Type and size; from 29 on a size has a byte of its own."""
    more = bytes([size - 29]) if size >= 29 else b""
    size = min(size, 29)
    return (bytes([kind << 5 | size]) if kind <= _EXTENDED else bytes([size, kind - _EXTENDED])) + more

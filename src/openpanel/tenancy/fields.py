"""The scalar types of a manifest: patterns with their meaning in words, durations, quantities, zones, networks.

A pattern and the sentence that explains it stand here once; `refusals` looks the sentence up by the pattern.
Knows no manifest field and no YAML.
"""

import difflib
import functools
import ipaddress
import re
import zoneinfo
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final, NoReturn

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError


@dataclass(frozen=True, slots=True)
class Shape:
    """A form that a text must have, and the same in words."""

    pattern: str
    meaning: str


DNS_LABEL: Final = Shape(
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    "lower-case letters, digits and '-', beginning and ending with a letter or digit, at most 63 characters",
)
DNS_SUBDOMAIN: Final = Shape(
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    "lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
)
DOMAIN: Final = Shape(
    r"^(\*|([a-z][a-z0-9+.-]*://)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9*]([A-Za-z0-9.*_-]*[A-Za-z0-9*])?)(:([0-9]{1,5}|\*))?/?)$",
    "'*', a host, or scheme://host[:port], with '*' for any characters, such as https://*.example.com",
)
DURATION: Final = Shape(
    r"^([0-9]{1,5}d)?([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$",
    "days, hours, minutes and seconds in this order, such as 90d, 24h or 1d12h",
)
QUANTITY: Final = Shape(
    r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$",
    "a Kubernetes quantity, such as 250m, 0.5, 512Mi or 2Gi",
)
COLOUR: Final = Shape(r"^#[0-9a-fA-F]{6}$", "a colour as '#rrggbb', in quotes")
ICON: Final = Shape(r"^[a-z0-9]+(-[a-z0-9]+)*$", "an icon's name in lower case, such as shopping-cart")
WEB_ADDRESS: Final = Shape(
    r"^https?://[^\x00-\x20\x7f/?#@]+([/?#][^\x00-\x20\x7f]*)?$",
    "an address that begins with https:// or http://",
)
PRINTABLE: Final = Shape(r"^[^\x00-\x1f\x7f]*$", "text without control characters")
SHAPES: Final = (
    DNS_LABEL, DNS_SUBDOMAIN, DOMAIN, DURATION, QUANTITY, COLOUR, ICON, WEB_ADDRESS, PRINTABLE,
)  # fmt: skip
MEANING: Final = {shape.pattern: shape.meaning for shape in SHAPES}

NETWORK: Final = re.compile(r"[0-9a-fA-F.:]+(/(0|[1-9][0-9]{0,2}))?")
ZONE: Final = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"  # for whoever has no list of zones
NUMBER: Final = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")

_MULTIPLES: Final = {
    "": Decimal(1), "m": Decimal("0.001"),
    **{unit: Decimal(1_000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1_024) ** power for power, unit in enumerate("KMGTPE", 1)},
}  # fmt: skip
_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}  # seconds


def refuse(reason: str, *, expected: str, at: str = "") -> NoReturn:
    """Refuse a value from inside a validator: what is wrong, what would be right, and where below it."""
    raise PydanticCustomError("refused", "{reason}", {"reason": reason, "expected": expected, "at": at})


def amount(quantity: str) -> Decimal:
    """How much a Kubernetes quantity such as `250m` or `1.5Gi` is."""
    number = quantity.rstrip("".join(_MULTIPLES))
    return Decimal(number) * _MULTIPLES[quantity[len(number) :]]


def span(text: str) -> timedelta:
    """How long a duration such as `1d12h` is."""
    return timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"([0-9]+)([dhms])", text)))


@functools.cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _known_zone(name: str) -> str:
    if name in _zones():
        return name
    close = difflib.get_close_matches(name, _zones(), n=1)
    near = f"; the nearest known name is {close[0]}" if close else ""
    refuse(
        f"'{name}' is not a known time zone",
        expected=f"an IANA name such as Europe/Berlin, Asia/Seoul or UTC{near}",
    )


def network(text: str) -> str:
    """The address or network in its usual form; ValueError for what no API server takes for one either."""
    read = ipaddress.ip_network(text)
    if not NETWORK.fullmatch(text) or (
        isinstance(read, ipaddress.IPv6Network) and read.network_address.ipv4_mapped
    ):
        raise ValueError(f"'{text}' is an unusual form of {read}")
    return str(read)


def _network(text: str) -> str:
    try:
        return network(text)
    except ValueError as problem:
        refuse(str(problem), expected="an address or a network without host bits, such as 10.20.0.0/16")


def _text_of_number(value: object) -> object:
    """YAML reads `cpu: 1` as a number; Kubernetes takes it, so it is taken here."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


DnsLabel = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=DNS_LABEL.pattern)]
DnsSubdomain = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=DNS_SUBDOMAIN.pattern)]
Domain = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=DOMAIN.pattern)]
Duration = Annotated[str, StringConstraints(min_length=2, max_length=32, pattern=DURATION.pattern)]
Line = Annotated[str, StringConstraints(max_length=200, pattern=PRINTABLE.pattern)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE.pattern)]
Colour = Annotated[str, StringConstraints(pattern=COLOUR.pattern)]
Icon = Annotated[str, StringConstraints(max_length=60, pattern=ICON.pattern)]
WebAddress = Annotated[str, StringConstraints(max_length=2_000, pattern=WEB_ADDRESS.pattern)]
TimeZone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_known_zone),
    Field(json_schema_extra={"pattern": ZONE}),
]
Network = Annotated[str, StringConstraints(min_length=2, max_length=50), AfterValidator(_network)]
Days = Annotated[int, Field(ge=1, le=18_250)]  # fifty years: within what ClickHouse can date
Percent = Annotated[int, Field(ge=1, le=100)]
Quantity = Annotated[
    str,
    BeforeValidator(_text_of_number),
    StringConstraints(min_length=1, max_length=32, pattern=QUANTITY.pattern),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "pattern": QUANTITY.pattern,
            "minimum": 0,
            "maxLength": 32,
        }
    ),
]

"""Properties of events, profiles and groups as one flat map of text: one rule for all of them.

Nested objects and arrays become dotted keys; null and empty text are left out; text that is a JSON object or
array is taken apart like one, text that only starts like it stays text. Nothing here raises, whatever was sent.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from openpanel.enrich.text import storable

MAX_ENTRIES: Final = 1_000  # of one map; what comes after is left out
MAX_DEPTH: Final = 16  # what lies deeper stays JSON text
MAX_KEY: Final = 512  # characters
MAX_INTEGER_BITS: Final = 10_000  # Python writes no larger numbers in decimal

# Become columns of their own or steer the processing; never stored as properties.
CONSUMED: Final = frozenset(
    {
        "__path",
        "__referrer",
        "__timestamp",
        "__revenue",
        "__ip",
        "__identify",
        "__bot",
        "__bot_reasons",
        "__bounce",
    }
)
# Old names, consumed only where the new name is missing.
FALLBACKS: Final = {"path": "__path", "referrer": "__referrer", "timestamp": "__timestamp"}

_decoder: Final = msgspec.json.Decoder()
_BIGGEST_PLAIN: Final = 1e21  # from here on JavaScript writes an exponent


def flatten(properties: Mapping[str, object], *, skip: Collection[str] = ()) -> dict[str, str]:
    """Make one flat map of text out of what a client sent, without the properties in `skip`."""
    flat: dict[str, str] = {}
    for key, value in properties.items():
        if key in skip:
            continue
        if type(value) is str and (kept := plain_form(value)) is not None:
            if kept:
                flat[key] = kept
        else:
            _any(key, value, flat, 0)
    return flat if len(flat) <= MAX_ENTRIES and all(map(is_clean_key, flat)) else _with_clean_keys(flat)


def event_properties(properties: Mapping[str, object]) -> dict[str, str]:
    """Flatten an event's properties without those that are consumed."""
    return flatten(properties, skip=consumed(properties))


def consumed(properties: Mapping[str, object]) -> Collection[str]:
    """The properties of an event that are not kept, old names included where they stand for the new ones."""
    if not ("path" in properties or "referrer" in properties or "timestamp" in properties):
        return CONSUMED
    return CONSUMED | {
        old
        for old, new in FALLBACKS.items()
        if new not in properties and isinstance(properties.get(old), str)
    }


def plain_form(value: str) -> str | None:
    """The text as it is kept, '' when it is left out; None when it looks like JSON and must be looked into."""
    if not value.isascii() or "\x00" in value:
        value = storable(value)
    value = value.strip()
    return None if value[:1] in ("{", "[") else value


def is_clean_key(key: str) -> bool:
    """Whether a key is kept exactly as it is."""
    return len(key) <= MAX_KEY and key.isprintable()


def text_of(properties: Mapping[str, object], name: str, fallback: str = "") -> str:
    """One property as text; '' when it is missing or no text."""
    value = properties.get(name)
    if value is None and fallback:
        value = properties.get(fallback)
    return value if isinstance(value, str) else ""


def number_text(value: float) -> str:
    """Write a number as JavaScript does: 1.0 is "1", 1e-7 is "1e-7"."""
    if isinstance(value, int):
        return str(value) if value.bit_length() <= MAX_INTEGER_BITS else hex(value)
    if math.isfinite(value) and value.is_integer() and abs(value) < _BIGGEST_PLAIN:
        return str(int(value))
    return repr(value).replace("e-0", "e-")


def _any(key: str, value: object, flat: dict[str, str], depth: int) -> None:
    if value is None or len(flat) >= MAX_ENTRIES:
        return
    if isinstance(value, str):
        _text(key, value, flat, depth)
    elif isinstance(value, bool):
        flat[key] = "true" if value else "false"
    elif isinstance(value, int | float):
        flat[key] = number_text(value)
    elif isinstance(value, Mapping | list | tuple):
        _nested(key, value, flat, depth)
    else:
        _plain(key, str(value), flat)


def _nested(
    key: str, value: Mapping[object, object] | Sequence[object], flat: dict[str, str], depth: int
) -> None:
    if depth >= MAX_DEPTH:
        _plain(key, msgspec.json.encode(value).decode(), flat)
        return
    pairs: Iterable[tuple[object, object]] = value.items() if isinstance(value, Mapping) else enumerate(value)
    for name, part in pairs:
        if len(flat) >= MAX_ENTRIES:
            return
        _any(f"{key}.{name}", part, flat, depth + 1)


def _text(key: str, value: str, flat: dict[str, str], depth: int) -> None:
    """Take text apart that is JSON of an object or array; keep all other text."""
    stripped = value.strip()
    if stripped[:1] in ("{", "[") and stripped[-1:] in ("}", "]"):
        try:
            parsed = _decoder.decode(stripped)
        except (msgspec.MsgspecError, ValueError, RecursionError, UnicodeError):
            parsed = None
        if isinstance(parsed, dict | list):
            _any(key, parsed, flat, depth + 1)
            return
    _plain(key, stripped, flat)


def _plain(key: str, value: str, flat: dict[str, str]) -> None:
    value = storable(value).strip()
    if value:
        flat[key] = value


def _with_clean_keys(flat: Mapping[str, str]) -> dict[str, str]:
    kept = list(flat.items())[:MAX_ENTRIES]
    return {storable(key)[:MAX_KEY]: value for key, value in kept}

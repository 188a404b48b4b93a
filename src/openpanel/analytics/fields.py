"""What a filter or a breakdown may name: columns of events, properties, and what is known of session, person and group.

    name, path, country, referrerName, utm_source, …    columns of the event, also as their names in the protocol
    properties.<key>                                     a property; `*` in a key stands for one part of it
    session.<column>                                     entry and exit page, duration, views and bounce of its session
    profile.<column>, profile.properties.<key>           the profile of the person, as it is now
    group.id|type|name, group.properties.<key>           the groups that the event names
    has_profile                                          'true' when the person is known, or became known later
    cohort, cohort:<id>                                  the cohorts of the person; 'true' when it is in that one

What is not there is the empty text. Unknown names are refused. Knows no store: it writes SQL over a `Reading`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.reading import Reading
from openpanel.analytics.statements import fill

PROPERTIES: Final = "properties."
PROFILE_PROPERTIES: Final = "profile.properties."
GROUP_PROPERTIES: Final = "group.properties."
COHORT: Final = "cohort"
OF_COHORT: Final = "cohort:"
MAX_NAME: Final = 8_192  # characters


class Kind(StrEnum):
    """What a field's values are."""

    TEXT = "text"
    NUMBER = "number"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class Field:
    """SQL over the tables of a `Reading`. `many`: an array of texts, of which each counts."""

    sql: str
    kind: Kind = Kind.TEXT
    many: bool = False


def field(name: str, reading: Reading) -> Field:
    """The field of this name. Raises `BadFilter` for a name that means nothing."""
    if len(name) > MAX_NAME:
        raise BadFilter(name[:40], reason=f"at most {MAX_NAME} characters")
    plain = _PROTOCOL_NAMES.get(name, name)
    if plain in _COLUMNS:
        return _COLUMNS[plain]
    for prefix, read in _READERS.items():
        if plain.startswith(prefix) and plain != prefix:
            return read(plain.removeprefix(prefix), reading)
    if plain == "has_profile":
        return Field(f"if({reading.is_known()}, 'true', 'false')")
    if plain == COHORT:
        return _cohorts(reading)
    raise BadFilter(name, reason=f"no such field, expected one of {', '.join(FIELDS)}")


def is_field(name: str) -> bool:
    """Whether the name is one of a field; any other may be the key of a property."""
    plain = _PROTOCOL_NAMES.get(name, name)
    of_something = any(plain.startswith(prefix) and plain != prefix for prefix in _READERS)
    return plain in _COLUMNS or plain in {"has_profile", COHORT} or of_something


def as_text(found: Field, reading: Reading) -> str:
    """A field with one value as a text to group by; a point in time is its day."""
    if found.kind is Kind.MOMENT:
        return f"toString(toDate({found.sql}, {reading.text(reading.timezone)}))"
    return f"CAST({found.sql}, 'String')"


def values(name: str, reading: Reading) -> str:
    """The field as a list of texts, each once and never none: what an event counts for in a breakdown."""
    found = field(name, reading)
    if found.many:
        return f"emptyArrayToSingle(arrayDistinct(CAST({found.sql}, 'Array(String)')))"
    return f"[{as_text(found, reading)}]"


_TEXTS: Final = (
    *("name", "path", "origin", "title", "referrer", "referrer_name", "referrer_type"),
    *("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
    *("country", "region", "city", "os", "os_version", "browser", "browser_version"),
    *("device", "brand", "model", "sdk_name", "sdk_version", "profile_id"),
)
_NUMBERS: Final = ("revenue", "duration", "longitude", "latitude")
_MOMENTS: Final = ("created_at", "session_started_at", "imported_at", "received_at")


def _hex(column: str) -> str:
    return f"lower(leftPad(hex({column}), 16, '0'))"


_COLUMNS: Final[Mapping[str, Field]] = {
    **{name: Field(f"seen.{name}") for name in _TEXTS},
    **{name: Field(f"seen.{name}", Kind.NUMBER) for name in _NUMBERS},
    **{name: Field(f"seen.{name}", Kind.MOMENT) for name in _MOMENTS},
    "session_id": Field(f"if(seen.session_id = 0, '', {_hex('seen.session_id')})"),
    "event_id": Field(_hex("seen.event_id")),
    "device_id": Field(
        f"multiIf(seen.device_ref != '', seen.device_ref, seen.device_id = 0, '', {_hex('seen.device_id')})"
    ),
}


def _camel(name: str) -> str:
    return re.sub(r"_(.)", lambda match: match[1].upper(), name)


_PROTOCOL_NAMES: Final[Mapping[str, str]] = {
    **{_camel(name): name for name in _COLUMNS},
    "hasProfile": "has_profile",
}

_SESSION: Final[Mapping[str, tuple[str, Kind]]] = {
    "entry_path": ("entry_path", Kind.TEXT),
    "entry_origin": ("entry_origin", Kind.TEXT),
    "exit_path": ("exit_path", Kind.TEXT),
    "duration": ("duration_ms", Kind.NUMBER),
    "views": ("views", Kind.NUMBER),
    "events": ("events", Kind.NUMBER),
    "revenue": ("revenue", Kind.NUMBER),
}
_PROFILE: Final = ("first_name", "last_name", "email", "avatar")
_PROFILE_NAMES: Final = {**{name: name for name in _PROFILE}, **{_camel(name): name for name in _PROFILE}}
_GROUP: Final = {"id": "group_id", "type": "type", "name": "name"}


def _of_properties(key: str, reading: Reading) -> Field:
    if "*" not in key:
        return Field(f"seen.properties[{reading.text(key)}]")
    pattern = reading.text(f"^{_pattern(key)}$")
    pairs = "arrayZip(mapKeys(seen.properties), mapValues(seen.properties))"
    return Field(
        f"arrayMap(pair -> pair.2, arrayFilter(pair -> match(pair.1, {pattern}), {pairs}))", many=True
    )


def _pattern(key: str) -> str:
    """`items.*.name` and `items[*].name` name the same parts of a flattened list."""
    parts = key.replace("[*]", ".*").lstrip(".").split("*")
    return r"[^.]+".join(re.escape(part) for part in parts)


def _of_session(name: str, reading: Reading) -> Field:
    if name == "is_bounce":
        views = reading.visit("views")
        return Field(f"multiIf(visit.session_id = 0, '', {views} <= 1, 'true', 'false')")
    if name not in _SESSION:
        raise BadFilter(f"session.{name}", reason=f"expected one of {', '.join((*_SESSION, 'is_bounce'))}")
    column, kind = _SESSION[name]
    return Field(reading.visit(column), kind)


def _of_profile_properties(key: str, reading: Reading) -> Field:
    placeholder = reading.text(key)
    return Field(
        reading.profile(f"property_{placeholder[2:].partition(':')[0]}", f"properties[{placeholder}]")
    )


def _of_profile(name: str, reading: Reading) -> Field:
    if name == "id":
        return Field(reading.profile("id", "profile_id"))
    if name in {"created_at", "createdAt"}:
        return Field(reading.profile("first_told_at", "created_at"), Kind.MOMENT)
    if name not in _PROFILE_NAMES:
        known = ", ".join(("id", *_PROFILE, "created_at", "properties.<key>"))
        raise BadFilter(f"profile.{name}", reason=f"expected one of {known}")
    return Field(reading.profile(_PROFILE_NAMES[name], _PROFILE_NAMES[name]))


def _of_group_properties(key: str, reading: Reading) -> Field:
    return _group_values(f"properties[{reading.text(key)}]")


def _of_group(name: str, _reading: Reading) -> Field:
    if name == "id":
        return Field("seen.groups", many=True)
    if name not in _GROUP:
        raise BadFilter(f"group.{name}", reason=f"expected one of {', '.join((*_GROUP, 'properties.<key>'))}")
    return _group_values(_GROUP[name])


_TOLD_OF_GROUPS: Final = """\
(SELECT (groupArray(group_id), groupArray(CAST(<<column>>, 'String')))
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0)"""


def _group_values(column: str) -> Field:
    """What the event's groups say of themselves; read once, as two lists, and sent along."""
    told = fill(_TOLD_OF_GROUPS, column=column)
    return Field(f"arrayMap(id -> transform(id, {told}.1, {told}.2, ''), seen.groups)", many=True)


def _of_cohort(cohort: str, reading: Reading) -> Field:
    return Field(f"if({is_member(cohort, reading)}, 'true', 'false')")


def is_member(cohort: str, reading: Reading) -> str:
    """Whether the event's person is in the cohort."""
    return f"{reading.person()} GLOBAL IN\n(\n{reading.members(cohort)}\n)"


def _cohorts(reading: Reading) -> Field:
    each = [f"if({is_member(cohort, reading)}, {reading.text(cohort)}, '')" for cohort in reading.cohort_ids]
    if not each:
        raise BadFilter(COHORT, reason="the question carries no cohorts")
    return Field(f"arrayFilter(cohort -> cohort != '', [{', '.join(each)}])", many=True)


# Longer beginnings before shorter ones.
_READERS: Final = {
    PROPERTIES: _of_properties,
    PROFILE_PROPERTIES: _of_profile_properties,
    "profile.": _of_profile,
    GROUP_PROPERTIES: _of_group_properties,
    "group.": _of_group,
    "session.": _of_session,
    OF_COHORT: _of_cohort,
}
FIELDS: Final = (
    *_COLUMNS,
    f"{PROPERTIES}<key>",
    *(f"session.{name}" for name in (*_SESSION, "is_bounce")),
    *(f"profile.{name}" for name in ("id", *_PROFILE, "created_at")),
    f"{PROFILE_PROPERTIES}<key>",
    *(f"group.{name}" for name in _GROUP),
    f"{GROUP_PROPERTIES}<key>",
    "has_profile",
    COHORT,
    f"{OF_COHORT}<id>",
)

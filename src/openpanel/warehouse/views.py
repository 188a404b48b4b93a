"""What fills sessions and rollups: materialised views, all over `events`, one per table and two for sessions.

Each is a sum of parts: it does not matter in which blocks or in which order events arrive, and a repeated
block changes nothing (its token is known in every table of the chain). `session_start` and `session_end` are
rows of their own making: they count as events by name, never as something a visitor did.
"""

from typing import Final

from openpanel.warehouse import tables
from openpanel.warehouse.schema import View

SESSION_START: Final = "session_start"
SESSION_END: Final = "session_end"

_SYNTHETIC: Final = f"('{SESSION_START}', '{SESSION_END}')"
_IS_VIEW: Final = "name = 'screen_view' AND path != ''"

# Place of an event in time as one number: 42 bits of milliseconds, then 21 bits of its id, so that two events
# of one millisecond have an order that does not depend on how they arrived.
_PLACE: Final = "bitOr(bitShiftLeft(toUInt64(greatest(toUnixTimestamp64Milli(created_at), 0)), 21), bitAnd(event_id, 2097151))"
_PLACE_BYTES: Final = "reinterpretAsFixedString(byteSwap(place))"
_EARLIER_IS_GREATER: Final = "reinterpretAsFixedString(byteSwap(bitNot(place)))"


def _first(value: str, *, where: str) -> str:
    return f"max(if({where}, concat({_EARLIER_IS_GREATER}, {value}), ''))"


def _last(value: str, *, where: str) -> str:
    return f"max(if({where}, concat({_PLACE_BYTES}, {value}), ''))"


def _opened_columns() -> str:
    return ",\n".join(
        f"    max(concat(rank, {name})) AS {name}_opened"
        for name in (*tables.OPENED_TEXTS, *tables.OPENED_NAMES)
    )


# Of a block most sessions have few events: what an aggregate takes at rest counts. A set takes half a kilobyte, so
# groups are gathered as they come.
SESSIONS: Final = View(
    name="sessions_view",
    source=tables.EVENTS,
    target=tables.SESSIONS,
    select=f"""\
WITH
    {_PLACE} AS place,
    {_IS_VIEW} AS is_view,
    profile_id != '' AS is_known
SELECT
    project_id,
    session_started_at,
    session_id,
    max(device_id) AS device_id,
    min(created_at) AS first_at,
    max(created_at) AS last_at,
    countIf(is_view) AS views,
    countIf(NOT is_view) AS events,
    sum(revenue) AS revenue,
    min(bitOr(bitShiftLeft(toUInt128(if(is_known, place, place + 9223372036854775808)), 64), toUInt128(person)))
        AS person_first,
    {_first("profile_id", where="is_known")} AS profile_id_first,
    arrayDistinct(arrayFlatten(groupArrayIf(groups, notEmpty(groups)))) AS groups,
    {_first("path", where="is_view")} AS entry_path_first,
    {_first("origin", where="is_view")} AS entry_origin_first,
    {_last("path", where="is_view")} AS exit_path_last
FROM {{source}}
WHERE session_id != 0 AND name NOT IN {_SYNTHETIC}
GROUP BY project_id, session_started_at, session_id""",
)

# What the other view knows must win over this one, whose times and numbers are no more than place holders.
_NEVER_FIRST: Final = "toDateTime64('2299-12-31 23:59:59', 3, 'UTC')"

# What all events of a session have in common: taken from the few rows that begin one, since as many texts of every
# event would cost as much as all other views together.
SESSION_OPENINGS: Final = View(
    name="session_openings_view",
    source=tables.EVENTS,
    target=tables.SESSIONS,
    select=f"""\
WITH
    multiIf(name = '{SESSION_START}', '1', created_at = session_started_at, '2', '0') AS rank
SELECT
    project_id,
    session_started_at,
    session_id,
    {_NEVER_FIRST} AS first_at,
    bitNot(toUInt128(0)) AS person_first,
{_opened_columns()}
FROM {{source}}
WHERE session_id != 0 AND name != '{SESSION_END}'
    AND (name = '{SESSION_START}' OR created_at = session_started_at OR imported_at != 0)
GROUP BY project_id, session_started_at, session_id""",
)

DAYS: Final = View(
    name="r_day_view",
    source=tables.EVENTS,
    target=tables.DAYS,
    select=f"""\
SELECT
    project_id,
    day,
    name,
    count() AS events,
    countIf({_IS_VIEW} AND session_id != 0) AS views,
    sum(revenue) AS revenue,
    sumIf(row.duration, name = '{SESSION_END}') AS duration,
    countIf(name = '{SESSION_END}' AND row.duration > 0) AS lasted,
    countIf(name = '{SESSION_END}' AND properties['__bounce'] = 'true') AS bounced,
    uniqHLL12StateIf(person, person != 0) AS persons,
    uniqHLL12StateIf(device_id, device_id != 0) AS devices,
    uniqHLL12StateIf(session_id, session_id != 0) AS sessions
FROM {{source}} AS row
GROUP BY project_id, day, name""",
)

PERSON_WEEKS: Final = View(
    name="r_person_week_view",
    source=tables.EVENTS,
    target=tables.PERSON_WEEKS,
    select=f"""\
SELECT
    project_id,
    toMonday(day) AS week,
    person,
    groupBitOr(toUInt8(bitShiftLeft(1, toDayOfWeek(day) - 1))) AS days,
    count() AS events
FROM {{source}}
WHERE person != 0 AND name NOT IN {_SYNTHETIC}
GROUP BY project_id, week, person""",
)

PATHS: Final = View(
    name="r_path_view",
    source=tables.EVENTS,
    target=tables.PATHS,
    select=f"""\
SELECT
    project_id,
    day,
    path,
    origin,
    count() AS views,
    uniqHLL12StateIf(person, person != 0) AS persons,
    uniqHLL12State(session_id) AS sessions
FROM {{source}}
WHERE {_IS_VIEW} AND session_id != 0
GROUP BY project_id, day, path, origin""",
)

# Of a session only its first row knows the referrer, and only each view knows itself: sessions and persons are
# counted on session_start, views on screen_view and only by what every event carries.
_OF_EVERY_EVENT: Final = ("country", "region", "city", "device", "browser", "os")
_OF_FIRST_EVENT: Final = ("referrer_name", "referrer_type", "utm_source", "utm_medium", "utm_campaign")
DIMENSION_NAMES: Final = (*_OF_EVERY_EVENT, *_OF_FIRST_EVENT)


def _pairs(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"('{name}', toString({name}))" for name in names) + "]"


DIMENSIONS: Final = View(
    name="r_dim_view",
    source=tables.EVENTS,
    target=tables.DIMENSIONS,
    select=f"""\
SELECT
    project_id,
    pair.1 AS dimension,
    day,
    pair.2 AS value,
    countIf(is_start) AS sessions,
    countIf(NOT is_start) AS views,
    uniqHLL12StateIf(person, is_start) AS persons
FROM
(
    SELECT
        project_id,
        day,
        person,
        name = '{SESSION_START}' AS is_start,
        if(is_start,
            {_pairs(DIMENSION_NAMES)},
            {_pairs(_OF_EVERY_EVENT)}) AS pairs
    FROM {{source}}
    WHERE name = '{SESSION_START}' OR ({_IS_VIEW} AND session_id != 0)
)
ARRAY JOIN pairs AS pair
GROUP BY project_id, dimension, day, value""",
)

PROPERTY_NAMES: Final = View(
    name="property_names_view",
    source=tables.EVENTS,
    target=tables.PROPERTY_NAMES,
    # Events of a name mostly carry the same keys: those are grouped as they are, before they are taken apart.
    select=f"""\
SELECT
    project_id,
    name,
    key,
    sum(alike) AS events,
    max(latest) AS last_day
FROM
(
    SELECT
        project_id,
        name,
        mapKeys(properties) AS keys,
        count() AS alike,
        max(day) AS latest
    FROM {{source}}
    WHERE name NOT IN {_SYNTHETIC}
    GROUP BY project_id, name, keys
)
ARRAY JOIN keys AS key
GROUP BY project_id, name, key""",
)

# A picker offers values to choose from, so it keeps what can be chosen: nothing longer than a line, and of what
# looks like an id (six digits in a row, or a token of 20 and more characters) one value of 64, as a sample.
MAX_VALUE_BYTES: Final = 256
ID_PATTERN: Final = "[0-9]{6}|^[A-Za-z0-9_-]{20,}$"
SAMPLED_IDS: Final = 64

PROPERTY_VALUES: Final = View(
    name="property_values_view",
    source=tables.EVENTS,
    target=tables.PROPERTY_VALUES,
    select=f"""\
SELECT
    project_id,
    key,
    value,
    count() AS events,
    max(day) AS last_day
FROM {{source}}
ARRAY JOIN mapKeys(properties) AS key, mapValues(properties) AS value
WHERE name NOT IN {_SYNTHETIC}
    AND length(value) BETWEEN 1 AND {MAX_VALUE_BYTES}
GROUP BY project_id, key, value
HAVING cityHash64(value) % {SAMPLED_IDS} = 0 OR NOT match(value, '{ID_PATTERN}')""",
)

PROFILE_ACTIVITY: Final = View(
    name="profile_activity_view",
    source=tables.EVENTS,
    target=tables.PROFILE_ACTIVITY,
    select=f"""\
SELECT
    project_id,
    profile_id,
    min(created_at) AS first_seen,
    max(created_at) AS last_seen,
    count() AS events
FROM {{source}}
WHERE profile_id != '' AND name NOT IN {_SYNTHETIC}
GROUP BY project_id, profile_id""",
)

ALL: Final = (
    SESSIONS,
    SESSION_OPENINGS,
    DAYS,
    PERSON_WEEKS,
    PATHS,
    DIMENSIONS,
    PROPERTY_NAMES,
    PROPERTY_VALUES,
    PROFILE_ACTIVITY,
)

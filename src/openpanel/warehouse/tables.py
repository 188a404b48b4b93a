"""Every table of the warehouse as a value. What fills the ones behind views stands in `views`.

Ids are UInt64. Times are UTC, except `day` and `week`: calendar days of the project's time zone. Text that
repeats is LowCardinality. Nothing here is rendered; `schema.render` does that.
"""

from typing import Final

from openpanel.warehouse.native import Column
from openpanel.warehouse.schema import Index, Table

_NAME: Final = "LowCardinality(String)"
_MOMENT: Final = "DateTime64(3, 'UTC')"
_PROPERTIES: Final = "Map(LowCardinality(String), String)"
_TEXT_CODEC: Final = "ZSTD(1)"
_TIME_CODEC: Final = "Delta, ZSTD(1)"
_NUMBER_CODEC: Final = "T64, ZSTD(1)"


def _names(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, _NAME) for name in names)


def _text(name: str) -> Column:
    return Column(name, "String", _TEXT_CODEC)


def _moment(name: str) -> Column:
    return Column(name, _MOMENT, _TIME_CODEC)


def _sum(name: str, type_name: str = "UInt64") -> Column:
    return Column(name, f"SimpleAggregateFunction(sum, {type_name})", _NUMBER_CODEC)


def _distinct(name: str) -> Column:
    return Column(name, "AggregateFunction(uniqHLL12, UInt64)")


_PROJECT: Final = Column("project_id", _NAME)

EVENTS: Final = Table(
    name="events",
    columns=(
        _PROJECT,
        Column("day", "Date"),
        Column("name", _NAME),
        Column("device_id", "UInt64"),
        _moment("created_at"),
        Column("event_id", "UInt64"),
        Column("session_id", "UInt64"),  # 0: none
        _moment("session_started_at"),  # constant within a session; 1970: none
        Column("person", "UInt64"),
        _text("profile_id"),  # '': anonymous
        _text("device_ref"),
        Column("groups", "Array(String)", _TEXT_CODEC),
        _text("path"),
        *_names("origin"),
        _text("title"),
        _text("referrer"),
        *_names("referrer_name", "referrer_type"),
        *_names("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
        Column("revenue", "Int64", _NUMBER_CODEC),
        Column("duration", "UInt64", _NUMBER_CODEC),  # ms, of session_end only
        *_names("country", "region"),
        _text("city"),
        Column("longitude", "Float32", _TEXT_CODEC),
        Column("latitude", "Float32", _TEXT_CODEC),
        *_names("os", "os_version", "browser", "browser_version", "device", "brand", "model"),
        *_names("sdk_name", "sdk_version"),
        Column("properties", _PROPERTIES, _TEXT_CODEC),
        Column("imported_at", "DateTime('UTC')", _TEXT_CODEC),  # 1970: not imported
        _moment("received_at"),
    ),
    partition_by="toYYYYMM(created_at)",
    order_by="(project_id, toDate(created_at), name, device_id, created_at)",
    # The key leads to project, day and name; these lead to the few blocks with a rare value.
    indexes=(
        Index("by_path", "path", "bloom_filter(0.01)"),
        Index("by_country", "country", "bloom_filter(0.01)"),
        Index("by_profile", "profile_id", "bloom_filter(0.01)"),
        Index("by_session", "session_id", "bloom_filter(0.01)"),
        Index("by_property", "mapKeys(properties)", "bloom_filter(0.01)"),
        Index("by_property_value", "mapValues(properties)", "bloom_filter(0.01)"),
    ),
    shard_by="cityHash64(project_id, device_id)",
)

# How a session's columns are merged, whatever the order its events come in:
# `opened`: the value of the event that opened the session, marked '1'; if that one was filtered away, the
#           greatest of the others, marked '0'.
# `first`, `last`: the value of the earliest or latest event that has one, behind 8 bytes of its place in time.


def _opened(name: str, type_name: str = _NAME) -> tuple[Column, Column]:
    state = Column(f"{name}_opened", f"SimpleAggregateFunction(max, {type_name})", _TEXT_CODEC)
    return state, Column(name, type_name, alias=f"substring({state.name}, 2)")


def _placed(name: str, *, which: str) -> tuple[Column, Column]:
    state = Column(f"{name}_{which}", "SimpleAggregateFunction(max, String)", _TEXT_CODEC)
    return state, Column(name, "String", alias=f"substring({state.name}, 9)")


OPENED_NAMES: Final = (
    "referrer_name",
    "referrer_type",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "country",
    "region",
    "os",
    "os_version",
    "browser",
    "browser_version",
    "device",
    "brand",
    "model",
)
OPENED_TEXTS: Final = ("referrer", "city")

SESSIONS: Final = Table(
    name="sessions",
    columns=(
        _PROJECT,
        _moment("session_started_at"),
        Column("session_id", "UInt64"),
        Column("device_id", "SimpleAggregateFunction(max, UInt64)"),
        Column("first_at", f"SimpleAggregateFunction(min, {_MOMENT})", _TIME_CODEC),
        Column("last_at", f"SimpleAggregateFunction(max, {_MOMENT})", _TIME_CODEC),
        Column(
            "duration_ms", "Int64", alias="toUnixTimestamp64Milli(last_at) - toUnixTimestamp64Milli(first_at)"
        ),
        _sum("views"),
        _sum("events"),  # other than views
        _sum("revenue", "Int64"),
        # Whose session it is: anonymous or not, place in time, person. The least is the first identified one.
        Column("person_first", "SimpleAggregateFunction(min, UInt128)", _TEXT_CODEC),
        Column("person", "UInt64", alias="toUInt64(person_first)"),
        *_placed("profile_id", which="first"),
        Column("groups", "SimpleAggregateFunction(groupUniqArrayArray, Array(String))", _TEXT_CODEC),
        *_placed("entry_path", which="first"),
        *_placed("entry_origin", which="first"),
        *_placed("exit_path", which="last"),
        *(column for name in OPENED_TEXTS for column in _opened(name, "String")),
        *(column for name in OPENED_NAMES for column in _opened(name)),
    ),
    engine="AggregatingMergeTree",
    partition_by="toYYYYMM(session_started_at)",
    # All rows of a session carry the same start, so they meet here, and parts of different hours do not overlap:
    # reading with FINAL merges only what is recent.
    order_by="(project_id, session_started_at, session_id)",
    indexes=(Index("by_id", "session_id", "bloom_filter(0.01)"),),
    granularity=1024,
)

DAYS: Final = Table(
    name="r_day",
    columns=(
        _PROJECT,
        Column("day", "Date"),
        *_names("name"),
        _sum("events"),
        _sum("views"),
        _sum("revenue", "Int64"),
        # Of session_end rows: how long sessions lasted, how many lasted at all, how many bounced.
        _sum("duration"),
        _sum("lasted"),
        _sum("bounced"),
        _distinct("persons"),
        _distinct("devices"),
        _distinct("sessions"),
    ),
    engine="AggregatingMergeTree",
    partition_by="toYYYYMM(day)",
    order_by="(project_id, day, name)",
    granularity=256,
)

PERSON_WEEKS: Final = Table(
    name="r_person_week",
    columns=(
        _PROJECT,
        Column("week", "Date"),  # its Monday
        Column("person", "UInt64"),
        Column("days", "SimpleAggregateFunction(groupBitOr, UInt8)"),  # bit 0: Monday
        _sum("events"),
    ),
    engine="AggregatingMergeTree",
    partition_by="toYYYYMM(week)",
    order_by="(project_id, week, person)",
    granularity=1024,
)

PATHS: Final = Table(
    name="r_path",
    columns=(
        _PROJECT,
        Column("day", "Date"),
        _text("path"),
        *_names("origin"),
        _sum("views"),
        _distinct("persons"),
        _distinct("sessions"),
    ),
    engine="AggregatingMergeTree",
    partition_by="toYYYYMM(day)",
    order_by="(project_id, day, path, origin)",
    granularity=512,
)

DIMENSIONS: Final = Table(
    name="r_dim",
    columns=(
        _PROJECT,
        *_names("dimension"),
        Column("day", "Date"),
        _text("value"),
        _sum("sessions"),
        _sum("views"),  # of places and devices; a view does not know its session's referrer
        _distinct("persons"),
    ),
    engine="AggregatingMergeTree",
    partition_by="toYYYYMM(day)",
    order_by="(project_id, dimension, day, value)",
    granularity=512,
)

PROPERTY_NAMES: Final = Table(
    name="property_names",
    columns=(
        _PROJECT,
        *_names("name", "key"),
        _sum("events"),
        Column("last_day", "SimpleAggregateFunction(max, Date)"),
    ),
    engine="AggregatingMergeTree",
    order_by="(project_id, name, key)",
    granularity=1024,
)

PROPERTY_VALUES: Final = Table(
    name="property_values",
    columns=(
        _PROJECT,
        *_names("key"),
        _text("value"),
        _sum("events"),
        Column("last_day", "SimpleAggregateFunction(max, Date)"),
    ),
    engine="AggregatingMergeTree",
    order_by="(project_id, key, value)",
    ttl="last_day + toIntervalDay(90)",
    granularity=1024,
)

PROFILE_ACTIVITY: Final = Table(
    name="profile_activity",
    columns=(
        _PROJECT,
        _text("profile_id"),
        Column("first_seen", f"SimpleAggregateFunction(min, {_MOMENT})", _TIME_CODEC),
        Column("last_seen", f"SimpleAggregateFunction(max, {_MOMENT})", _TIME_CODEC),
        _sum("events"),
    ),
    engine="AggregatingMergeTree",
    order_by="(project_id, profile_id)",
    granularity=1024,
)

PROFILES: Final = Table(
    name="profiles",
    columns=(
        _PROJECT,
        _text("profile_id"),
        _text("first_name"),
        _text("last_name"),
        _text("email"),
        _text("avatar"),
        Column("properties", _PROPERTIES, _TEXT_CODEC),
        Column("groups", "Array(String)", _TEXT_CODEC),
        _moment("created_at"),
        Column("version", "UInt64"),
        Column("deleted", "UInt8"),
    ),
    engine="ReplacingMergeTree(version, deleted)",
    order_by="(project_id, profile_id)",
    granularity=1024,
    shard_by="cityHash64(project_id, profile_id)",
)

GROUPS: Final = Table(
    name="groups",
    columns=(
        _PROJECT,
        _text("group_id"),
        *_names("type"),
        _text("name"),
        Column("properties", _PROPERTIES, _TEXT_CODEC),
        _moment("created_at"),
        Column("version", "UInt64"),
        Column("deleted", "UInt8"),
    ),
    engine="ReplacingMergeTree(version, deleted)",
    order_by="(project_id, group_id)",
    granularity=1024,
    shard_by="cityHash64(project_id, group_id)",
)

REPLAY_CHUNKS: Final = Table(
    name="replay_chunks",
    columns=(
        _PROJECT,
        Column("session_id", "UInt64"),
        Column("chunk_index", "UInt16"),
        _moment("started_at"),
        _moment("ended_at"),
        Column("events_count", "UInt32"),
        Column("is_full_snapshot", "Bool"),
        Column("payload", "String", "ZSTD(6)"),
    ),
    # Two tabs of one session both begin with chunk 0; the same chunk sent twice is one.
    engine="ReplacingMergeTree",
    partition_by="toDate(started_at)",
    order_by="(project_id, session_id, started_at, chunk_index)",
    ttl="toDateTime(started_at) + toIntervalDay(30)",
    granularity=64,
    shard_by="cityHash64(project_id, session_id)",
)

BOTS: Final = Table(
    name="bots",
    columns=(
        _PROJECT,
        _moment("created_at"),
        *_names("name", "type"),
        _text("path"),
        Column("event_id", "UInt64"),
    ),
    partition_by="toYYYYMM(created_at)",
    order_by="(project_id, created_at)",
    shard_by="cityHash64(project_id, event_id)",
)

DEAD_LETTERS: Final = Table(
    name="dead_letters",
    columns=(
        _PROJECT,
        _moment("received_at"),
        *_names("reason"),
        _text("detail"),
        *_names("kind"),
        _text("body"),
        Column("order", "UInt64"),
        Column("event_id", "UInt64"),
    ),
    partition_by="toYYYYMM(received_at)",
    order_by="(project_id, received_at)",
    granularity=1024,
    shard_by="cityHash64(project_id, event_id)",
)

# Whose a person id really is: an anonymous device that became known, an alias of a profile.
PERSON_OVERRIDES: Final = Table(
    name="person_overrides",
    columns=(
        _PROJECT,
        Column("person", "UInt64"),
        Column("into", "UInt64"),
        Column("version", "UInt64"),
    ),
    engine="ReplacingMergeTree(version)",
    order_by="(project_id, person)",
    granularity=1024,
    shard_by="cityHash64(project_id, person)",
)

# How long a project's data of a kind is kept; the tables' TTL is rendered from it (`retention`).
RETENTION: Final = Table(
    name="retention",
    columns=(
        _PROJECT,
        *_names("kind"),
        Column("days", "UInt32"),  # 0: no limit of the project's own
        Column("version", "UInt64"),
    ),
    engine="ReplacingMergeTree(version)",
    order_by="(project_id, kind)",
    scope="server",
)

SCHEMA_MIGRATIONS: Final = Table(
    name="schema_migrations",
    columns=(
        Column("number", "UInt32"),
        Column("name", "String"),
        Column("state", _NAME),  # started, finished
        Column("at", _MOMENT),
    ),
    order_by="(number, at)",
    scope="server",
)

ALL: Final = (
    EVENTS,
    SESSIONS,
    DAYS,
    PERSON_WEEKS,
    PATHS,
    DIMENSIONS,
    PROPERTY_NAMES,
    PROPERTY_VALUES,
    PROFILE_ACTIVITY,
    PROFILES,
    GROUPS,
    REPLAY_CHUNKS,
    BOTS,
    DEAD_LETTERS,
    PERSON_OVERRIDES,
    RETENTION,
)

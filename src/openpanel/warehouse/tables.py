"""Every table of the warehouse as a value. What fills the ones behind views stands in `views`.

Ids are UInt64. Times are UTC, except `day` and `week`: calendar days of the project's time zone. Text that
repeats is LowCardinality. Nothing here is rendered; `schema.render` does that.
"""

from typing import Final

from openpanel.warehouse.column_kinds import (
    MOMENT,
    NAME,
    NUMBER_CODEC,
    PROJECT,
    PROPERTIES,
    TEXT_CODEC,
    TIME_CODEC,
    moment,
    names,
    text,
    total,
)
from openpanel.warehouse.native import Column
from openpanel.warehouse.rollup_tables import (
    DAYS,
    DIMENSIONS,
    PATHS,
    PERSON_WEEKS,
    PROFILE_ACTIVITY,
    PROPERTY_NAMES,
    PROPERTY_VALUES,
)
from openpanel.warehouse.schema import Index, Table

__all__ = [
    "ALL",
    "BOTS",
    "DAYS",
    "DEAD_LETTERS",
    "DIMENSIONS",
    "EVENTS",
    "GROUPS",
    "OPENED_NAMES",
    "OPENED_TEXTS",
    "PATHS",
    "PERSON_OVERRIDES",
    "PERSON_WEEKS",
    "PROFILES",
    "PROFILE_ACTIVITY",
    "PROPERTY_NAMES",
    "PROPERTY_VALUES",
    "REPLAY_CHUNKS",
    "RETENTION",
    "SCHEMA_MIGRATIONS",
    "SESSIONS",
]

EVENTS: Final = Table(
    name="events",
    columns=(
        PROJECT,
        Column("day", "Date"),
        Column("name", NAME),
        Column("device_id", "UInt64"),
        moment("created_at"),
        Column("event_id", "UInt64"),
        Column("session_id", "UInt64"),  # 0: none
        moment("session_started_at"),  # constant within a session; 1970: none
        Column("person", "UInt64"),
        text("profile_id"),  # '': anonymous
        text("device_ref"),
        Column("groups", "Array(String)", TEXT_CODEC),
        text("path"),
        *names("origin"),
        text("title"),
        text("referrer"),
        *names("referrer_name", "referrer_type"),
        *names("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"),
        Column("revenue", "Int64", NUMBER_CODEC),
        Column("duration", "UInt64", NUMBER_CODEC),  # ms, of session_end only
        *names("country", "region"),
        text("city"),
        Column("longitude", "Float32", TEXT_CODEC),
        Column("latitude", "Float32", TEXT_CODEC),
        *names("os", "os_version", "browser", "browser_version", "device", "brand", "model"),
        *names("sdk_name", "sdk_version"),
        Column("properties", PROPERTIES, TEXT_CODEC),
        Column("imported_at", "DateTime('UTC')", TEXT_CODEC),  # 1970: not imported
        moment("received_at"),
    ),
    partition_by="toYYYYMM(created_at)",
    order_by="(project_id, toDate(created_at), name, device_id, created_at)",
    # The key leads to project, day and name; these lead to the few blocks with a rare value.
    indexes=(
        Index("by_path", "path", "bloom_filter(0.01)"),
        Index("by_country", "country", "bloom_filter(0.01)"),
        Index("by_person", "person", "bloom_filter(0.01)"),
        Index("by_session", "session_id", "bloom_filter(0.01)"),
        Index("by_property", "mapKeys(properties)", "bloom_filter(0.01)"),
        Index("by_property_value", "mapValues(properties)", "bloom_filter(0.01)"),
    ),
    shard_by="cityHash64(project_id, device_id)",
)

# How a session's columns are merged, whatever the order its events come in:
# `opened`: the value of the event that opened the session, marked '2'; if that one was filtered away, that of the
#           session_start row, marked '1'; of an import that has neither, the greatest of its rows, marked '0'.
# `first`, `last`: the value of the earliest or latest event that has one, behind 8 bytes of its place in time.


def _opened(name: str, type_name: str = NAME) -> tuple[Column, Column]:
    state = Column(f"{name}_opened", f"SimpleAggregateFunction(max, {type_name})", TEXT_CODEC)
    return state, Column(name, type_name, alias=f"substring({state.name}, 2)")


def _placed(name: str, *, which: str) -> tuple[Column, Column]:
    state = Column(f"{name}_{which}", "SimpleAggregateFunction(max, String)", TEXT_CODEC)
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
        PROJECT,
        moment("session_started_at"),
        Column("session_id", "UInt64"),
        Column("device_id", "SimpleAggregateFunction(max, UInt64)"),
        Column("first_at", f"SimpleAggregateFunction(min, {MOMENT})", TIME_CODEC),
        Column("last_at", f"SimpleAggregateFunction(max, {MOMENT})", TIME_CODEC),
        Column(
            "duration_ms", "Int64", alias="toUnixTimestamp64Milli(last_at) - toUnixTimestamp64Milli(first_at)"
        ),
        total("views"),
        total("events"),  # other than views
        total("revenue", "Int64"),
        # Whose session it is: anonymous or not, place in time, person. The least is the first identified one.
        Column("person_first", "SimpleAggregateFunction(min, UInt128)", TEXT_CODEC),
        Column("person", "UInt64", alias="toUInt64(person_first)"),
        *_placed("profile_id", which="first"),
        Column("groups", "SimpleAggregateFunction(groupUniqArrayArray, Array(String))", TEXT_CODEC),
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

PROFILES: Final = Table(
    name="profiles",
    columns=(
        PROJECT,
        text("profile_id"),
        text("first_name"),
        text("last_name"),
        text("email"),
        text("avatar"),
        Column("properties", PROPERTIES, TEXT_CODEC),
        Column("groups", "Array(String)", TEXT_CODEC),
        moment("created_at"),
        Column("version", "UInt64"),
        Column("deleted", "UInt8"),
        # Whom the profile describes, so that it is found for persons without a session; 0: not known, the profile is
        # then found by the sessions in which the person was identified.
        Column("person", "UInt64"),
    ),
    engine="ReplacingMergeTree(version, deleted)",
    order_by="(project_id, profile_id)",
    granularity=1024,
    shard_by="cityHash64(project_id, profile_id)",
)

GROUPS: Final = Table(
    name="groups",
    columns=(
        PROJECT,
        text("group_id"),
        *names("type"),
        text("name"),
        Column("properties", PROPERTIES, TEXT_CODEC),
        moment("created_at"),
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
        PROJECT,
        Column("session_id", "UInt64"),
        Column("chunk_index", "UInt16"),
        moment("started_at"),
        moment("ended_at"),
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
        PROJECT,
        moment("created_at"),
        *names("name", "type"),
        text("path"),
        Column("event_id", "UInt64"),
    ),
    partition_by="toYYYYMM(created_at)",
    order_by="(project_id, created_at)",
    shard_by="cityHash64(project_id, event_id)",
)

DEAD_LETTERS: Final = Table(
    name="dead_letters",
    columns=(
        PROJECT,
        moment("received_at"),
        *names("reason"),
        text("detail"),
        *names("kind"),
        text("body"),
        Column("order", "UInt64"),
        Column("event_id", "UInt64"),
    ),
    partition_by="toYYYYMM(received_at)",
    order_by="(project_id, received_at)",
    ttl="toDateTime(received_at) + toIntervalDay(30)",
    granularity=1024,
    shard_by="cityHash64(project_id, event_id)",
)

# Whose a person id really is: an anonymous device that became known, an alias of a profile.
PERSON_OVERRIDES: Final = Table(
    name="person_overrides",
    columns=(
        PROJECT,
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
        PROJECT,
        *names("kind"),
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
        Column("state", NAME),  # started, finished
        Column("at", MOMENT),
    ),
    order_by="(number, at)",
    scope="server",
)

# Of static cohorts: a new computation is a new generation, questions read one of them.
COHORT_MEMBERS: Final = Table(
    name="cohort_members",
    columns=(
        Column("project_id", "LowCardinality(String)"),
        Column("cohort_id", "LowCardinality(String)"),
        Column("generation", "UInt64"),
        Column("person", "UInt64"),
    ),
    engine="ReplacingMergeTree",
    order_by="(project_id, cohort_id, generation, person)",
    granularity=1024,
    shard_by="cityHash64(project_id, person)",
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
    COHORT_MEMBERS,
    RETENTION,
)

"""The tables behind views: what is added up of all events, so that few rows answer for many.

States count different ids; `day` and `week` are calendar days of the project's time zone.
"""

from typing import Final

from openpanel.warehouse.column_kinds import MOMENT, PROJECT, TIME_CODEC, distinct, names, text, total
from openpanel.warehouse.native import Column
from openpanel.warehouse.schema import Table

DAYS: Final = Table(
    name="r_day",
    columns=(
        PROJECT,
        Column("day", "Date"),
        *names("name"),
        total("events"),
        total("views"),
        total("revenue", "Int64"),
        # Of session_end rows: how long sessions lasted, how many lasted at all, how many bounced.
        total("duration"),
        total("lasted"),
        total("bounced"),
        distinct("persons"),
        distinct("devices"),
        distinct("sessions"),
    ),
    engine="AggregatingMergeTree",
    partition_by="toYYYYMM(day)",
    order_by="(project_id, day, name)",
    granularity=256,
)

PERSON_WEEKS: Final = Table(
    name="r_person_week",
    columns=(
        PROJECT,
        Column("week", "Date"),  # its Monday
        Column("person", "UInt64"),
        Column("days", "SimpleAggregateFunction(groupBitOr, UInt8)"),  # bit 0: Monday
        total("events"),
    ),
    engine="AggregatingMergeTree",
    partition_by="toYYYYMM(week)",
    order_by="(project_id, week, person)",
    granularity=1024,
)

PATHS: Final = Table(
    name="r_path",
    columns=(
        PROJECT,
        Column("day", "Date"),
        text("path"),
        *names("origin"),
        total("views"),
        distinct("persons"),
        distinct("sessions"),
    ),
    engine="AggregatingMergeTree",
    partition_by="toYYYYMM(day)",
    # The days of one path lie together: of many paths only the states of a few are wanted, and a state is up to 2.5 KB.
    order_by="(project_id, path, origin, day)",
    granularity=128,
)

DIMENSIONS: Final = Table(
    name="r_dim",
    columns=(
        PROJECT,
        *names("dimension"),
        Column("day", "Date"),
        text("value"),
        total("sessions"),
        total("views"),  # of places and devices; a view does not know its session's referrer
        distinct("persons"),
    ),
    engine="AggregatingMergeTree",
    partition_by="toYYYYMM(day)",
    order_by="(project_id, dimension, value, day)",
    granularity=128,
)

PROPERTY_NAMES: Final = Table(
    name="property_names",
    columns=(
        PROJECT,
        *names("name", "key"),
        total("events"),
        Column("last_day", "SimpleAggregateFunction(max, Date)"),
    ),
    engine="AggregatingMergeTree",
    order_by="(project_id, name, key)",
    granularity=1024,
)

PROPERTY_VALUES: Final = Table(
    name="property_values",
    columns=(
        PROJECT,
        *names("key"),
        text("value"),
        total("events"),
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
        PROJECT,
        text("profile_id"),
        Column("first_seen", f"SimpleAggregateFunction(min, {MOMENT})", TIME_CODEC),
        Column("last_seen", f"SimpleAggregateFunction(max, {MOMENT})", TIME_CODEC),
        total("events"),
    ),
    engine="AggregatingMergeTree",
    order_by="(project_id, profile_id)",
    granularity=1024,
)

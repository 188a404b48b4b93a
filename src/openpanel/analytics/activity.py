"""Who was active in which bucket: from events, or from the rollup of a person's weeks, which is exact as well.

Both give `person` and `bucket` (from 1; 0 is before the first), each pair once. The rollup knows days of the project's
calendar and no events, so it stands in where any activity counts and buckets are days or longer. Persons may have
devices on several shards: pairs are made where the question was asked. Knows no store: SQL over a `Reading`.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from openpanel.analytics.occurrences import occurs
from openpanel.analytics.periods import Bucket, Period
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.reading import ANY_EVENT, SYNTHETIC, Reading
from openpanel.analytics.routing import Source, Span, whole_days
from openpanel.analytics.statements import KNOWN_PERSONS, fill, milliseconds, person_of


def bucket_of_event(buckets: Sequence[Bucket], reading: Reading) -> str:
    """The place of an event's bucket; 0 before the first."""
    edges = reading.value("Array(Int64)", [milliseconds(bucket.start) for bucket in buckets])
    at = "toUnixTimestamp64Milli(seen.created_at)"
    return f"if({at} < {edges}[1], 0, indexOf({edges}, roundDown({at}, {edges})))"


def active_by_events(
    name: str,
    filters: Sequence[PropertyFilter],
    *,
    period: Period,
    buckets: Sequence[Bucket],
    reading: Reading,
) -> str:
    """From the events of a name that pass the filters."""
    person = reading.person()
    conditions = (occurs(name, filters, reading), f"{person} != 0")
    return fill(
        _FROM_EVENTS,
        person=person,
        bucket=bucket_of_event(buckets, reading),
        events=reading.events(period, conditions=conditions),
    )


def active_by_weeks(span: Span, *, buckets: Sequence[Bucket], reading: Reading, ever: bool = False) -> str:
    """From the rollup; `ever`: of all time up to the span's end."""
    zone = ZoneInfo(reading.timezone)
    edges = [(bucket.start.astimezone(zone).date() - _EPOCH).days for bucket in buckets]
    first = reading.value("UInt16", (span.first - _EPOCH).days)
    monday = span.first - timedelta(days=span.first.weekday())
    return fill(
        _FROM_WEEKS,
        person=person_of("weekly.person"),
        known=KNOWN_PERSONS,
        edges=reading.value("Array(UInt16)", edges),
        end=reading.value("Date", span.end),
        since="" if ever else f" AND weekly.week >= {reading.value('Date', monday)}",
        first=first,
        from_day="" if ever else f" AND day >= {first}",
        end_day=reading.value("UInt16", (span.end - _EPOCH).days),
    )


def weeks_met(span: Span, *, reading: Reading, ever: bool = False) -> str:
    """From the rollup, for weeks: `met` has a bit for each person's bucket, bit 0 for those before; `ever`: with these.

    A row of the rollup is a bucket as it is, so no days are taken apart, and persons with equal weeks are one row with
    their number. At most `MOST_MET` buckets.
    """
    monday = span.first - timedelta(days=span.first.weekday())
    first = reading.value("Int32", (span.first - _EPOCH).days)
    return fill(
        _WEEKS_MET,
        person=person_of("weekly.person"),
        known=KNOWN_PERSONS,
        monday=reading.value("Int32", (monday - _EPOCH).days),
        first=first,
        end=reading.value("Int32", (span.end - _EPOCH).days),
        since="" if ever else f" AND weekly.week >= {reading.value('Date', monday)}",
        until=reading.value("Date", span.end),
        before=_BEFORE if ever else "0",
    )


def persons_weeks(source: Source, *, reading: Reading, first: date | None = None) -> str:
    """The rollup as a table, or the same rows made of events in the zone of `reading`; `first`: none before it."""
    if source is Source.ROLLUP:
        return "r_person_week"
    # The day of UTC, which the key leads to, may be one earlier than that of the zone.
    since = "" if first is None else reading.value("Date", first - timedelta(days=1))
    return fill(
        _WEEKS_OF_EVENTS,
        day=f"toDate(seen.created_at, {reading.text(reading.timezone)})",
        synthetic=str(SYNTHETIC),
        since=since and f" AND toDate(seen.created_at) >= {since}",
    )


def weeks_of(
    name: str, filters: Sequence[PropertyFilter], *, period: Period, interval: str, timezone: str
) -> Span | None:
    """The days to read from the rollup, where it can answer."""
    if name != ANY_EVENT or filters or interval in {"minute", "hour"}:
        return None
    span = whole_days(period, timezone=timezone, running_now=True)
    return span if span is not None and span.cut_from is None else None


MOST_MET: Final = 63  # buckets that have a bit each, beside the one for all before
_EPOCH: Final = date(1970, 1, 1)

_WEEKS_OF_EVENTS: Final = """\
(
    SELECT
        seen.project_id AS project_id,
        toMonday(<<day>>) AS week,
        seen.person AS person,
        groupBitOr(toUInt8(bitShiftLeft(1, toDayOfWeek(<<day>>) - 1))) AS days
    FROM events AS seen
    WHERE seen.project_id = {project:String} AND seen.person != 0 AND seen.name NOT IN <<synthetic>><<since>>
    GROUP BY project_id, week, person
)"""

_FROM_EVENTS: Final = """\
SELECT <<person>> AS person, <<bucket>> AS bucket
<<events>>
GROUP BY person, bucket"""

_DAYS_OF_WEEKS: Final = """\
    SELECT
        <<person>> AS person,
        toUInt16(arrayJoin(arrayMap(
            bit -> toUInt16(weekly.week) + bit, bitPositionsToArray(weekly.days)))) AS day
    FROM r_person_week AS weekly
    GLOBAL ANY LEFT JOIN
    (
<<known>>
    ) AS known ON weekly.person = known.person
    WHERE weekly.project_id = {project:String} AND weekly.week < <<end>><<since>>"""

_BUCKET: Final = "if(day < <<first>>, 0, indexOf(<<edges>>, roundDown(day, <<edges>>)))"

_FROM_WEEKS: Final = "\n".join(
    (
        f"SELECT person, {_BUCKET} AS bucket",
        "FROM",
        "(",
        _DAYS_OF_WEEKS,
        ")",
        "WHERE day < <<end_day>><<from_day>>",
        "GROUP BY person, bucket",
    )
)

# The days of a row are those of its week from bit `begins` on, up to bit `ends`: where the period begins or ends within.
_BEFORE: Final = "toUInt64(bitAnd(weekly.days, bitShiftLeft(toUInt16(1), begins) - 1) != 0)"
_WEEKS_MET: Final = """\
SELECT met, count() AS persons
FROM
(
    WITH
        toInt32(toUInt16(weekly.week)) AS at,
        least(greatest(<<first>> - at, 0), 7) AS begins,
        least(<<end>> - at, 7) AS ends,
        bitAnd(weekly.days, bitShiftLeft(toUInt16(1), ends) - bitShiftLeft(toUInt16(1), begins)) != 0 AS within
    SELECT
        <<person>> AS person,
        groupBitOr(bitOr(<<before>>, bitShiftLeft(toUInt64(within), greatest(intDiv(at - <<monday>>, 7) + 1, 0)))) AS met
    FROM r_person_week AS weekly
    GLOBAL ANY LEFT JOIN
    (
<<known>>
    ) AS known ON weekly.person = known.person
    WHERE weekly.project_id = {project:String} AND weekly.week < <<until>><<since>>
    GROUP BY person
)
WHERE met != 0
GROUP BY met"""

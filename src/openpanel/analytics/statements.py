"""SQL text with its parameters, and the few pieces of SQL that several questions share.

Only text: `{name:Type}` parameters, never a value, and identifiers only from this project's own tables. Where a
text has room for another it says `<<name>>`, see `fill`. Times travel as milliseconds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One query."""

    sql: str
    parameters: Mapping[str, object] = field(default_factory=dict)


def fill(template: str, **pieces: str) -> str:
    """`template` with its `<<name>>` replaced; a name without a piece is a `KeyError`."""
    return _ROOM.sub(lambda match: pieces[match[1]], template)


def milliseconds(moment: datetime) -> int:
    """`moment` as the parameters take it."""
    return round(moment.timestamp() * 1000)


def day_of(moment: datetime) -> date:
    """The day by which the table of events is sorted: that of UTC, as far as the store's days reach."""
    return min(max(moment.astimezone(UTC).date(), _FIRST_DAY), _LAST_DAY)


def day_of_milliseconds(number: int) -> date:
    """The same of a time as the parameters take it; of one that nobody lives to see, the last day there is."""
    return day_of(from_milliseconds(min(max(number, 0), _LAST_MS)))


def day_before(until: datetime) -> date:
    """The day of the last moment before `until`."""
    return day_of(until - timedelta(milliseconds=1))


def from_milliseconds(number: int) -> datetime:
    """A time that came back as milliseconds."""
    return datetime.fromtimestamp(number / 1000, tz=UTC)


_FIRST_DAY: Final = date(1970, 1, 1)
_LAST_DAY: Final = date(2149, 6, 6)
_LAST_MS: Final = 5_662_224_000_000  # somewhere in that day
_ROOM: Final = re.compile(r"<<(\w+)>>")

# Who a person id stands for, where it stands for another: an anonymous device for the profile it became, an alias
# for its profile, over as many hops as have been told. Each id has one way on, so the ways end, or they end in a ring
# of ids that are aliases of one another; of a ring the least id stands for all. Only ids that others stand for are
# followed further than one hop, and these are few.
#
# Ways of up to HOPS are followed, and as many again to get around a ring. An id whose way is longer stands for
# the least of the ids that lie between: always the same one, but not the one that the end of the way stands for.
HOPS: Final = 32

_LATEST: Final = """\
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}<<among>>
        GROUP BY person"""

_AMONG_TARGETS: Final = """
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )"""

KNOWN_PERSONS: Final = fill(
    """\
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
<<onward>>
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < <<hops>>, way.1, least(way.1, way.2))),
                range(2 * <<hops>>),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
<<latest>>
    ) AS latest
    WHERE latest.person != target""",
    onward=fill(_LATEST, among=_AMONG_TARGETS),
    latest=fill(_LATEST, among=""),
    hops=str(HOPS),
)


def person_of(column: str) -> str:
    """The person behind `column`, in a query that joins `KNOWN_PERSONS` as `known`."""
    return f"if(known.target = 0, {column}, known.target)"


def number_in(text: str) -> str:
    """The finite number that a text holds, or nothing: "NaN" and "Infinity" are words."""
    return f"if(isFinite(ifNull(toFloat64OrNull({text}), nan)), toFloat64OrNull({text}), NULL)"


def and_all(parts: tuple[str, ...], *, indent: str = "    ") -> str:
    """`AND part` lines to go on a WHERE with; '' for none."""
    return "".join(f"\n{indent}AND {part}" for part in parts)

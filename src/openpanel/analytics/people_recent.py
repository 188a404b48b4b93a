"""Who stands on a page of the people that were seen last: found without reading what everybody ever did.

How many persons were seen last on which day is known by their weeks, mostly by the last ones: that gives the day from
which on the page is full. The events since then say exactly who the page holds; and of those alone the rest is read,
by the index on persons. A page further back reads further back. Knows no store and no clock: text only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from openpanel.analytics.occurrences import named
from openpanel.analytics.person_cursors import PeopleCursor
from openpanel.analytics.reading import ANY_EVENT, Reading
from openpanel.analytics.statements import KNOWN_PERSONS, day_of_milliseconds, fill, milliseconds, person_of

# A calendar day of any zone lies within these hours around the day of the same name in UTC.
_EARLIEST: Final = timedelta(hours=14)
_LATEST: Final = timedelta(hours=12)
# At least one whole week of any zone lies within these days.
_NEAR: Final = timedelta(days=15)


@dataclass(frozen=True, slots=True)
class RecentPeople:
    """The page: `named` stands before the statement and gives the persons seen last a name, so that they are found once.

    `is_short`: that they are fewer than the page has. Only then there is room on it for those who were never seen.
    """

    named: str
    is_short: str

    def did(self, others: str) -> str:
        """The condition that an event was done by one of them; on a short page also by one of `others`."""
        wanted = f"SELECT arrayJoin(recent) AS person\nUNION ALL\n{others}\n    AND {self.is_short}"
        return fill(_DID, wanted=wanted, known=KNOWN_PERSONS)

    def has(self, person: str) -> str:
        """The condition that somebody may stand on the page."""
        return f"({person} GLOBAL IN (SELECT arrayJoin(recent)) OR {self.is_short})"


def recent_people(
    reading: Reading, *, as_of: datetime, after: PeopleCursor | None, limit: int
) -> RecentPeople:
    """The `limit` persons seen last before `as_of`, of those who come after the cursor."""
    own = reading.beside()
    person = own.person()
    events = own.all_events(
        as_of,
        conditions=(
            "toDate(seen.created_at) >= toDate(recent_since)",
            "seen.created_at >= recent_since",
            named(ANY_EVENT, column="seen.name", reading=own),
            f"{person} != 0",
        ),
    )
    newest = milliseconds(as_of) if after is None else after.value
    near = reading.value("Date", day_of_milliseconds(newest - _NEAR // timedelta(milliseconds=1)))
    size = reading.value("UInt32", limit)
    return RecentPeople(
        fill(
            _NAMED,
            near_day=_full_since(reading, as_of, after, size, weeks=f"week.week >= {near}"),
            far_day=_full_since(reading, as_of, after, size, weeks="near_day = toDate(0)"),
            hours=str(_EARLIEST // timedelta(hours=1)),
            person=person,
            events=events,
            where=_beyond(after, reading),
            limit=size,
        ),
        is_short=f"length(recent) < {size}",
    )


def _full_since(
    reading: Reading, as_of: datetime, after: PeopleCursor | None, size: str, *, weeks: str
) -> str:
    """The latest day since which so many persons were seen for the last time, by the weeks that are read."""
    later = reading.beside()
    return fill(
        _FULL_SINCE,
        person=person_of("week.person"),
        known=KNOWN_PERSONS,
        last_day=_LAST_DAY,
        weeks=weeks,
        before=_before(after, reading),
        later_person=later.person(),
        later=later.events_since(as_of, conditions=(named(ANY_EVENT, column="seen.name", reading=later),)),
        enough=size,
    )


def _before(after: PeopleCursor | None, reading: Reading) -> str:
    """That somebody was seen last on a day that was over at the place of the cursor, in every zone."""
    if after is None:
        return ""
    over = day_of_milliseconds(after.value - _LATEST // timedelta(milliseconds=1))
    return f"\n            AND last_day < {reading.value('Date', over)}"


def _beyond(after: PeopleCursor | None, reading: Reading) -> str:
    if after is None:
        return ""
    return fill(
        _BEYOND, value=reading.value("Int64", after.value), person=reading.value("UInt64", after.person)
    )


# The highest bit of a week's days; bit 0 is its Monday.
_LAST_DAY: Final = "max(week.week + arrayMax(bitPositionsToArray(week.days)))"

_BEYOND: Final = """
WHERE at_last < <<value>> OR (at_last = <<value>> AND person > <<person>>)"""

# Most pages are full within the last weeks: only where they are not, all weeks are read. The page begins with that day,
# in the earliest of all zones, or with time itself.
_NAMED: Final = """\
WITH
    (
<<near_day>>
    ) AS near_day,
    (
<<far_day>>
    ) AS far_day,
    greatest(
        toDateTime64(greatest(near_day, far_day), 3, 'UTC') - toIntervalHour(<<hours>>),
        toDateTime64(0, 3, 'UTC')) AS recent_since,
    (
        SELECT groupArray(person)
        FROM
        (
            SELECT person
            FROM
            (
SELECT <<person>> AS person, max(toUnixTimestamp64Milli(seen.created_at)) AS at_last
<<events>>
GROUP BY person
            )<<where>>
            ORDER BY at_last DESC, person
            LIMIT <<limit>>
        )
    ) AS recent
"""

# Who did something after the list's moment may have been seen before it at any time, and is not counted. Where they
# are not enough it is the day 0.
_FULL_SINCE: Final = """\
        SELECT max(last_day)
        FROM
        (
            SELECT last_day, sum(count()) OVER (ORDER BY last_day DESC) AS so_far
            FROM
            (
                SELECT <<person>> AS person, <<last_day>> AS last_day
                FROM r_person_week AS week
                GLOBAL ANY LEFT JOIN
                (
<<known>>
                ) AS known ON week.person = known.person
                WHERE week.project_id = {project:String} AND <<weeks>>
                GROUP BY person
            )
            WHERE person GLOBAL NOT IN
            (
                SELECT <<later_person>>
                <<later>>
            )<<before>>
            GROUP BY last_day
        )
        WHERE so_far >= <<enough>>"""

# The ids that stand for these persons: their own, unless it stands for somebody else, and those of others.
_DID: Final = """\
seen.person GLOBAL IN
    (
        SELECT arrayJoin(if(own.target = 0, arrayPushBack(others.persons, wanted.person), others.persons)) AS person
        FROM
        (
<<wanted>>
        ) AS wanted
        GLOBAL ANY LEFT JOIN
        (
<<known>>
        ) AS own ON wanted.person = own.person
        GLOBAL ANY LEFT JOIN
        (
            SELECT known.target AS target, groupUniqArray(known.person) AS persons
            FROM
            (
<<known>>
            ) AS known
            GROUP BY target
        ) AS others ON wanted.person = others.target
    )"""

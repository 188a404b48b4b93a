"""Who stands on a page of the people that were seen last: found without reading what everybody ever did.

How many persons were seen last on which day is known by their weeks: that gives the day from which on the page is
full. The events since then say exactly who the page holds; and of those alone the rest is read, by the index on
persons. A page further back reads further back. Knows no store and no clock: text only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from openpanel.analytics.occurrences import named
from openpanel.analytics.person_cursors import PeopleCursor
from openpanel.analytics.reading import ANY_EVENT, Reading
from openpanel.analytics.statements import KNOWN_PERSONS, day_of_milliseconds, fill, person_of

# A calendar day of any zone lies within these hours around the day of the same name in UTC.
_EARLIEST: Final = timedelta(hours=14)
_LATEST: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class RecentPeople:
    """The page: `persons` is a sub-select of the persons seen last, `is_short` that they are fewer than the page has.

    Only then there is room on it for those who were never seen.
    """

    persons: str
    is_short: str

    def did(self, others: str) -> str:
        """The condition that an event was done by one of them; on a short page also by one of `others`."""
        wanted = f"{self.persons}\nUNION ALL\n{others}\n    AND {self.is_short}"
        return fill(_DID, wanted=wanted, known=KNOWN_PERSONS)

    def has(self, person: str) -> str:
        """The condition that somebody may stand on the page."""
        return f"({person} GLOBAL IN\n(\n{self.persons}\n)\n    OR {self.is_short})"


def recent_people(
    reading: Reading, *, as_of: datetime, after: PeopleCursor | None, limit: int
) -> RecentPeople:
    """The `limit` persons seen last before `as_of`, of those who come after the cursor."""
    persons = fill(
        _RECENT,
        person=person_of("seen.person"),
        events=_events_since(reading, as_of=as_of, after=after, limit=limit),
        where=_beyond(after, reading),
        limit=reading.value("UInt32", limit),
    )
    return RecentPeople(persons, fill(_IS_SHORT, persons=persons, limit=reading.value("UInt32", limit)))


def _events_since(reading: Reading, *, as_of: datetime, after: PeopleCursor | None, limit: int) -> str:
    own = reading.beside()
    person = own.person()
    later = reading.beside()
    since = fill(
        _SINCE,
        person=person_of("week.person"),
        known=KNOWN_PERSONS,
        last_day=_LAST_DAY,
        before=_before(after, reading),
        later_person=later.person(),
        later=later.events_since(as_of, conditions=(named(ANY_EVENT, column="seen.name", reading=later),)),
        enough=reading.value("UInt32", limit),
        hours=str(_EARLIEST // timedelta(hours=1)),
    )
    return own.all_events(
        as_of,
        conditions=(
            f"toDate(seen.created_at) >= toDate({since})",
            f"seen.created_at >= {since}",
            named(ANY_EVENT, column="seen.name", reading=own),
            f"{person} != 0",
        ),
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

_RECENT: Final = """\
SELECT person
FROM
(
SELECT <<person>> AS person, max(toUnixTimestamp64Milli(seen.created_at)) AS at_last
<<events>>
GROUP BY person
)<<where>>
ORDER BY at_last DESC, person
LIMIT <<limit>>"""

# The beginning, in the earliest of all zones, of the latest day since which enough persons were seen for the last
# time; the beginning of time where they are not enough. Who did something after the list's moment may have been seen
# before it at any time, and is not counted.
_SINCE: Final = """\
(
        SELECT greatest(
            toDateTime64(max(last_day), 3, 'UTC') - toIntervalHour(<<hours>>), toDateTime64(0, 3, 'UTC'))
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
                WHERE week.project_id = {project:String}
                GROUP BY person
            )
            WHERE person GLOBAL NOT IN
            (
                SELECT <<later_person>>
                <<later>>
            )<<before>>
            GROUP BY last_day
        )
        WHERE so_far >= <<enough>>
    )"""

_IS_SHORT: Final = """(SELECT count() FROM
(
<<persons>>
)) < <<limit>>"""

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

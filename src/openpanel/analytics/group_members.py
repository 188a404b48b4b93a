"""Who belongs to a group: in pages, those first who were last seen in it.

A member is a person who did an event that names the group, and one whose profile is assigned to it. Times and numbers
are of events that name the group. What happens after the first page was asked for does not count on the next ones, so
nobody moves, is left out or comes twice. Members may have devices on several shards: they are put together, in order,
and cut where the question was asked. Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.person_cursors import PeopleCursor
from openpanel.analytics.person_ids import is_named
from openpanel.analytics.person_lists import page_of
from openpanel.analytics.person_rows import PeopleListAnswer, people_list
from openpanel.analytics.reading import SYNTHETIC, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import (
    KNOWN_PERSONS,
    Row,
    Statement,
    fill,
    from_milliseconds,
    milliseconds,
    person_of,
)

MAX_LIMIT: Final = 1_000


@dataclass(frozen=True, slots=True)
class GroupMembers:
    """Who belongs to this group, as of `now`?"""

    project: str
    group_id: str
    now: datetime
    limit: int = 50
    after: PeopleCursor | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_LIMIT:
            raise BadFilter("limit", reason=f"expected 1 to {MAX_LIMIT}")

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    @property
    def as_of_ms(self) -> int:
        """What happened later does not count."""
        return milliseconds(self.now) if self.after is None else self.after.as_of_ms

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        reading = Reading(self.project, timezone="UTC")
        listed = members_of((self.group_id,), reading, as_of=from_milliseconds(self.as_of_ms))
        page = page_of(listed, reading, sort="last_seen", descending=True, after=self.after, limit=self.limit)
        return Statement(page, reading.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> PeopleListAnswer:
        assert source is Source.EVENTS
        return people_list(rows, limit=self.limit, as_of_ms=self.as_of_ms)


def members_of(groups: Sequence[str], reading: Reading, *, as_of: datetime) -> str:
    """A sub-select of the members of each group, once per group, with the columns of a list of people."""
    return fill(
        _MEMBERS,
        groups=reading.texts(groups),
        as_of=reading.moment(as_of),
        synthetic=str(SYNTHETIC),
        person=person_of("seen.person"),
        told=person_of("told.person"),
        is_named=is_named("assigned.profile_id", "person"),
        known=KNOWN_PERSONS,
    )


# Of a person's profile ids its own comes before an alias. A profile that does not say whom it describes is found by
# its events; without any it stays apart by its id.
_MEMBERS: Final = """\
SELECT
    group_id,
    person,
    if(person = 0, unseen, substring(max(names), 2)) AS profile_id,
    max(is_known) AS identified,
    max(others) AS other,
    minIf(at_first, member.events > 0) AS first_ms,
    maxIf(at_last, member.events > 0) AS last_ms,
    sum(member.events) AS done
FROM
(
    SELECT
        arrayJoin(arrayIntersect(seen.groups, <<groups>>)) AS group_id,
        <<person>> AS person,
        '' AS unseen,
        max(multiIf(
            seen.profile_id = '', '',
            seen.person = <<person>>, concat('1', seen.profile_id),
            concat('0', seen.profile_id))) AS names,
        max(seen.profile_id != '' OR known.target != 0) AS is_known,
        max(if(seen.person = <<person>>, 0, seen.person)) AS others,
        min(toUnixTimestamp64Milli(seen.created_at)) AS at_first,
        max(toUnixTimestamp64Milli(seen.created_at)) AS at_last,
        count() AS events
    FROM events AS seen
    GLOBAL ANY LEFT JOIN
    (
<<known>>
    ) AS known ON seen.person = known.person
    WHERE seen.project_id = {project:String}
        AND seen.created_at < <<as_of>>
        AND seen.name NOT IN <<synthetic>>
        AND seen.person != 0
        AND hasAny(seen.groups, <<groups>>)
    GROUP BY group_id, person
    UNION ALL
    SELECT
        assigned.group_id AS group_id,
        if(assigned.person != 0, assigned.person, met.person) AS person,
        if(person = 0, assigned.profile_id, '') AS unseen,
        concat(if(assigned.is_own OR met.is_own, '1', '0'), assigned.profile_id) AS names,
        <<is_named>> AS is_known,
        toUInt64(0) AS others,
        toInt64(0) AS at_first,
        toInt64(0) AS at_last,
        toUInt64(0) AS events
    FROM
    (
        SELECT
            told.profile_id AS profile_id,
            <<told>> AS person,
            told.person != 0 AND told.person = <<told>> AS is_own,
            arrayJoin(arrayIntersect(told.groups, <<groups>>)) AS group_id
        FROM profiles AS told FINAL
        GLOBAL ANY LEFT JOIN
        (
<<known>>
        ) AS known ON told.person = known.person
        WHERE told.project_id = {project:String} AND told.deleted = 0 AND hasAny(told.groups, <<groups>>)
    ) AS assigned
    GLOBAL ANY LEFT JOIN
    (
        SELECT DISTINCT
            seen.profile_id AS profile_id,
            <<person>> AS person,
            seen.person = <<person>> AS is_own
        FROM events AS seen
        GLOBAL ANY LEFT JOIN
        (
<<known>>
        ) AS known ON seen.person = known.person
        WHERE seen.project_id = {project:String}
            AND seen.created_at < <<as_of>>
            AND seen.name NOT IN <<synthetic>>
            AND seen.person != 0
            AND seen.profile_id GLOBAL IN
            (
                SELECT profile_id
                FROM profiles FINAL
                WHERE project_id = {project:String} AND deleted = 0 AND hasAny(groups, <<groups>>)
            )
    ) AS met ON assigned.profile_id = met.profile_id
) AS member
GROUP BY group_id, person, unseen"""

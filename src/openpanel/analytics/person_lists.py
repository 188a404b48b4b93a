"""The statement behind a list of people, and behind their number.

Everything a person did before `as_of` is counted in one pass over the events, grouped by who the person really is;
conditions are a set of persons, found beside. The usual list, of everybody by when they were seen last, reads the events
of those on its page alone. Knows no store and no clock: text only.
"""

from datetime import datetime
from typing import Final

from openpanel.analytics.occurrences import named
from openpanel.analytics.people_recent import RecentPeople, recent_people
from openpanel.analytics.person_cursors import PeopleCursor
from openpanel.analytics.person_ids import is_named
from openpanel.analytics.person_selection import PeopleSelection
from openpanel.analytics.property_filters import met, widened
from openpanel.analytics.reading import ANY_EVENT, Reading
from openpanel.analytics.statements import KNOWN_PERSONS, Statement, fill, milliseconds, person_of
from openpanel.identity.ids import from_hex

LAST_SEEN_FIRST: Final = ("last_seen", True)


def of_people(
    selection: PeopleSelection,
    *,
    as_of: datetime,
    order: tuple[str, bool] | None = None,
    after: PeopleCursor | None = None,
    limit: int = 0,
) -> Statement:
    """A page in this order, or without one the number of all."""
    reading = Reading(selection.project, timezone=selection.timezone, cohorts=selection.cohorts)
    recent = None
    if order == LAST_SEEN_FIRST and selection.is_everybody:
        recent = recent_people(reading, as_of=as_of, after=after, limit=limit + 1)
    seen = _seen(selection, as_of, reading, recent)
    listed = fill(_LISTED, seen=seen, told=_told(selection, as_of, reading, recent))
    if order is None:
        return Statement(fill(_COUNT, listed=listed), reading.parameters)
    sort, descending = order
    page = page_of(listed, reading, sort=sort, descending=descending, after=after, limit=limit)
    return Statement(page if recent is None else f"{recent.named}{page}", reading.parameters)


def page_of(
    listed: str,
    reading: Reading,
    *,
    sort: str,
    descending: bool,
    after: PeopleCursor | None,
    limit: int,
) -> str:
    """A page of a sub-select with the columns of `person_rows`, and one row more."""
    return fill(
        _PAGE,
        listed=listed,
        place={"last_seen": "last_ms", "first_seen": "first_ms", "events": "toInt64(done)"}[sort],
        where=_after(after, descending=descending, reading=reading),
        direction=" DESC" if descending else "",
        limit=reading.value("UInt32", limit + 1),
    )


_PAGE: Final = """\
SELECT person, profile_id, identified, other, first_ms, last_ms, done, <<place>> AS place
FROM
(
<<listed>>
)<<where>>
ORDER BY place<<direction>>, person, profile_id
LIMIT <<limit>>"""

_COUNT: Final = """\
SELECT count()
FROM
(
<<listed>>
)"""

_AFTER: Final = """
WHERE place <<beyond>> <<value>>
    OR (place = <<value>> AND (person, if(person = 0, profile_id, '')) > (<<person>>, <<profile>>))"""

# A person, and the profiles that describe it, which may be all there is of it.
_LISTED: Final = """\
SELECT
    person,
    substring(max(names), 2) AS profile_id,
    max(is_known) AS identified,
    max(others) AS other,
    minIf(at_first, number > 0) AS first_ms,
    maxIf(at_last, number > 0) AS last_ms,
    sum(number) AS done
FROM
(
<<seen>>
UNION ALL
<<told>>
)
GROUP BY person, if(person = 0, names, '')
HAVING max(is_listed)"""

# Of a person's profile ids its own comes before an alias.
_SEEN: Final = """\
SELECT
    <<person>> AS person,
    max(multiIf(
        seen.profile_id = '', '',
        seen.person = <<person>>, concat('1', seen.profile_id),
        concat('0', seen.profile_id))) AS names,
    max(<<known>>) AS is_known,
    max(if(seen.person = <<person>>, 0, seen.person)) AS others,
    min(toUnixTimestamp64Milli(seen.created_at)) AS at_first,
    max(toUnixTimestamp64Milli(seen.created_at)) AS at_last,
    count() AS number,
    1 AS is_listed
<<events>>
GROUP BY person<<having>>"""

# Profiles that no event names. Where one does not say whom it describes the person is 0.
_TOLD: Final = """\
SELECT
    <<person>> AS person,
    concat(if(told.person = <<person>>, '1', '0'), told.profile_id) AS names,
    <<is_named>> AS is_known,
    toUInt64(0) AS others,
    toInt64(0) AS at_first,
    toInt64(0) AS at_last,
    toUInt64(0) AS number,
    <<listed>> AS is_listed
FROM profiles AS told FINAL
GLOBAL ANY LEFT JOIN
(
<<overrides>>
) AS known ON told.person = known.person
<<unnamed>><<on_page>>"""

_UNNAMED: Final = """WHERE told.project_id = {project:String} AND told.deleted = 0
    AND told.profile_id GLOBAL NOT IN
    (
        SELECT profile_id
        FROM profile_activity
        WHERE project_id = {project:String}
        GROUP BY profile_id
        HAVING min(profile_activity.first_seen) < <<as_of>>
    )"""

_UNSEEN: Final = """\
SELECT <<person>> AS person
FROM profiles AS told FINAL
GLOBAL ANY LEFT JOIN
(
<<overrides>>
) AS known ON told.person = known.person
<<unnamed>>
    AND told.person != 0"""

_DID: Final = """<<who>> GLOBAL IN
(
SELECT <<person>>
<<events>>
)"""

_DESCRIBED: Final = """(positionCaseInsensitiveUTF8(told.profile_id, <<search>>) > 0
        OR positionCaseInsensitiveUTF8(concat(told.first_name, ' ', told.last_name), <<search>>) > 0
        OR positionCaseInsensitiveUTF8(told.email, <<search>>) > 0)"""

_IS_DESCRIBED: Final = """(positionCaseInsensitiveUTF8(seen.profile_id, <<search>>) > 0
    OR seen.profile_id GLOBAL IN
    (
        SELECT told.profile_id
        FROM profiles AS told FINAL
        WHERE told.project_id = {project:String} AND told.deleted = 0 AND told.profile_id != ''
            AND <<described>>
    )<<device>>)"""

_FOUND: Final = """<<who>> GLOBAL IN
(
SELECT <<person>> AS person
<<events>>
UNION ALL
SELECT <<told>> AS person
FROM profiles AS told FINAL
GLOBAL ANY LEFT JOIN
(
<<overrides>>
) AS known ON told.person = known.person
WHERE told.project_id = {project:String} AND told.deleted = 0 AND told.person != 0
    AND <<described>>
)"""


def _seen(selection: PeopleSelection, as_of: datetime, reading: Reading, recent: RecentPeople | None) -> str:
    own = reading.beside()
    person, known = own.person(), own.is_known()
    conditions = [named(ANY_EVENT, column="seen.name", reading=own), f"{person} != 0"]
    if recent is not None:
        conditions.append(recent.did(_unseen(as_of, reading)))
    if selection.has_conditions:
        conditions.append(_did(selection, as_of, reading, who=person))
    if selection.search:
        conditions.append(_found(selection.search, as_of, own.beside(), who=person))
    return fill(
        _SEEN,
        person=person,
        known=known,
        events=own.all_events(as_of, conditions=conditions),
        having=_having(selection, as_of, own),
    )


def _having(selection: PeopleSelection, as_of: datetime, reading: Reading) -> str:
    parts = []
    if selection.kind != "all":
        parts.append("is_known = 0" if selection.kind == "anonymous" else "is_known = 1")
    if (before := selection.seen_before(as_of)) is not None:
        parts.append(f"at_last < {reading.value('Int64', milliseconds(before))}")
    if selection.min_sessions:
        inside = ["seen.session_id != 0"]
        if (period := selection.period) is not None:
            inside += [
                f"seen.created_at >= {reading.moment(period.start)}",
                f"seen.created_at < {reading.moment(period.until)}",
            ]
        least = reading.value("UInt32", selection.min_sessions)
        parts.append(f"uniqExactIf(seen.session_id, {' AND '.join(inside)}) >= {least}")
    return f"\nHAVING {' AND '.join(parts)}" if parts else ""


def _did(selection: PeopleSelection, as_of: datetime, reading: Reading, *, who: str) -> str:
    """That one event within the period meets all conditions."""
    person = reading.person()
    conditions = [
        named(selection.performed or ANY_EVENT, column="seen.name", reading=reading),
        *met((*widened(selection.filters), *selection.property_filters), reading),
    ]
    if (period := selection.period) is None:
        return fill(_DID, who=who, person=person, events=reading.all_events(as_of, conditions=conditions))
    conditions.append(f"seen.created_at < {reading.moment(as_of)}")
    return fill(_DID, who=who, person=person, events=reading.events(period, conditions=conditions))


def _found(search: str, as_of: datetime, reading: Reading, *, who: str) -> str:
    """That an event of the person carries a profile that is searched for, or was done on the device."""
    text = reading.text(search)
    device = from_hex(search)
    is_device = "" if device is None else f"\n    OR seen.device_id = {reading.value('UInt64', device)}"
    described = fill(_DESCRIBED, search=text)
    is_described = fill(_IS_DESCRIBED, search=text, described=described, device=is_device)
    return fill(
        _FOUND,
        who=who,
        person=reading.person(),
        events=reading.all_events(as_of, conditions=(is_described,)),
        told=person_of("told.person"),
        overrides=KNOWN_PERSONS,
        described=described,
    )


def _told(selection: PeopleSelection, as_of: datetime, reading: Reading, recent: RecentPeople | None) -> str:
    person = person_of("told.person")
    is_known = is_named("told.profile_id", person)
    conditions = [] if selection.kind == "all" else [is_known]
    if selection.takes_unseen and selection.search:
        conditions.append(fill(_DESCRIBED, search=reading.text(selection.search)))
    listed = " AND ".join(conditions) or "1"
    return fill(
        _TOLD,
        person=person,
        is_named=is_known,
        overrides=KNOWN_PERSONS,
        listed=listed if selection.takes_unseen else "0",
        unnamed=fill(_UNNAMED, as_of=reading.moment(as_of)),
        on_page="" if recent is None else f"\n    AND {recent.has(person)}",
    )


def _unseen(as_of: datetime, reading: Reading) -> str:
    """The persons whose profiles no event names; their devices may have done something."""
    unnamed = fill(_UNNAMED, as_of=reading.moment(as_of))
    return fill(_UNSEEN, person=person_of("told.person"), overrides=KNOWN_PERSONS, unnamed=unnamed)


def _after(cursor: PeopleCursor | None, *, descending: bool, reading: Reading) -> str:
    if cursor is None:
        return ""
    return fill(
        _AFTER,
        beyond="<" if descending else ">",
        value=reading.value("Int64", cursor.value),
        person=reading.value("UInt64", cursor.person),
        profile=reading.text(cursor.profile_id),
    )

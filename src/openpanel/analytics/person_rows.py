"""A person as lists show it, and a page of them from rows. Asked by the list of people and of a group's members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openpanel.analytics.person_cursors import PeopleCursor
from openpanel.analytics.person_ids import id_of
from openpanel.analytics.statements import Row, from_milliseconds
from openpanel.identity.ids import person_of_profile


@dataclass(frozen=True, slots=True)
class Person:
    """One person. Without a profile `profile_id` is ''; who was described and never seen has no times.

    `id` is what to ask for the person by, as in an address.
    """

    person: int
    id: str
    profile_id: str
    identified: bool
    first_seen: datetime | None
    last_seen: datetime | None
    events: int


@dataclass(frozen=True, slots=True)
class PeopleListAnswer:
    """A page; `cursor` continues after the last of them, `None` when there are no more."""

    people: tuple[Person, ...]
    cursor: PeopleCursor | None


def people_list(rows: Sequence[Row], *, limit: int, as_of_ms: int) -> PeopleListAnswer:
    """The page in these rows, of which one more was asked for than it holds."""
    people = tuple(_person(row) for row in rows[:limit])
    if len(rows) <= limit:
        return PeopleListAnswer(people, None)
    person, profile_id, *_, place = rows[limit - 1]
    return PeopleListAnswer(people, PeopleCursor(as_of_ms, place, person, "" if person else profile_id))


def _person(row: Row) -> Person:
    """`person` is 0 for one who was never seen; `other` is an id that stands for the person."""
    person, profile_id, identified, other, first_ms, last_ms, events, _ = row
    return Person(
        person=person or person_of_profile(profile_id),
        id=id_of(person, profile_id=profile_id, device=other),
        profile_id=profile_id,
        identified=bool(identified),
        first_seen=from_milliseconds(first_ms) if events else None,
        last_seen=from_milliseconds(last_ms) if events else None,
        events=events,
    )

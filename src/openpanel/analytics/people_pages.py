"""Who is behind a number: persons in the order of their ids, in pages, however many there are.

Knows no store: it wraps a sub-select of persons that a question wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.reading import NAMED, Reading
from openpanel.analytics.statements import Row, fill

MAX_PEOPLE: Final = 1_000  # of one page


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A person, and the profile that it has; '' for one that is anonymous."""

    person: int
    profile_id: str


@dataclass(frozen=True, slots=True)
class PeopleAnswer:
    """A page; `cursor` is the `after` of the next one, `None` when there is none."""

    people: tuple[FoundPerson, ...]
    cursor: int | None


def check_page(limit: int) -> None:
    """Refuse a page of another length than 1 to `MAX_PEOPLE`."""
    if not 1 <= limit <= MAX_PEOPLE:
        raise BadFilter(f"limit {limit}", reason=f"expected 1 to {MAX_PEOPLE}")


def page_of_people(persons: str, reading: Reading, *, after: int, limit: int) -> str:
    """The statement over a sub-select with the column `person`, which may hold someone twice."""
    return fill(
        _PAGE,
        persons=persons,
        after=reading.value("UInt64", after),
        limit=reading.value("UInt32", limit + 1),
        named=NAMED,
    )


def people_of(rows: Sequence[Row], *, limit: int) -> PeopleAnswer:
    """The page in these rows."""
    people = tuple(FoundPerson(person, profile_id) for person, profile_id in rows[:limit])
    return PeopleAnswer(people, people[-1].person if len(rows) > limit else None)


_PAGE: Final = """\
SELECT listed.person AS person, named.profile_id AS profile_id
FROM
(
SELECT DISTINCT person
FROM
(
<<persons>>
)
WHERE person > <<after>>
ORDER BY person
LIMIT <<limit>>
) AS listed
GLOBAL ANY LEFT JOIN
(
<<named>>
) AS named ON listed.person = named.person
ORDER BY person"""

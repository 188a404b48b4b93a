"""Who these persons are: profile, devices, when they were there, and where and on what last.

Asked for one person's page, and beside lists that know persons by their ids: sessions, members, cohorts. What the
project was told of them is in `described_profiles`. Events of few persons are found by the index on persons. A person's
devices may lie on several shards: what each shard has is put together where the question was asked. Knows no store and
no clock: text and rows only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.person_ids import id_of, is_named, is_one_of
from openpanel.analytics.reading import SYNTHETIC, Reading
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import KNOWN_PERSONS, Row, Statement, fill, person_of
from openpanel.identity.ids import person_of_profile

MAX_PERSONS: Final = 1_000
MAX_IDS: Final = 100  # devices, and as many profiles, that are named of one person


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Place and device of a person's latest event within a session, or of its latest one where it had no session."""

    country: str
    region: str
    city: str
    os: str
    os_version: str
    browser: str
    browser_version: str
    device: str
    brand: str
    model: str


@dataclass(frozen=True, slots=True)
class PersonDetails:
    """One person, by everything it ever did. `profile_ids` are its own and its aliases, `id` is what to ask for it by."""

    person: int
    id: str
    profile_id: str
    identified: bool
    profile_ids: tuple[str, ...]
    device_ids: tuple[int, ...]
    first_seen: datetime
    last_seen: datetime
    events: int
    last: Surroundings


@dataclass(frozen=True, slots=True)
class PersonsDetails:
    """Who are these persons? By the ids given; those who never did anything are left out of the answer."""

    project: str
    persons: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.persons) > MAX_PERSONS:
            raise BadFilter(f"{len(self.persons)} persons", reason=f"at most {MAX_PERSONS}")

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        return _of(self.project, self.persons)

    def answer(self, rows: Sequence[Row], source: Source) -> Mapping[int, PersonDetails]:
        """By who they really are."""
        assert source is Source.EVENTS
        return {row[0]: _details(row) for row in rows}


@dataclass(frozen=True, slots=True)
class PersonDetail:
    """Who is this? By a profile's id, an alias, or a device's id; `None` for one who never did anything."""

    project: str
    profile: str

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        return _of(self.project, (person_of_profile(self.profile),))

    def answer(self, rows: Sequence[Row], source: Source) -> PersonDetails | None:
        assert source is Source.EVENTS
        return _details(rows[0]) if rows else None


_SURROUNDINGS: Final = (
    *("country", "region", "city", "os", "os_version", "browser", "browser_version"),
    *("device", "brand", "model"),
)

_DETAILS: Final = """\
SELECT
    <<person>> AS person,
    substring(max(greatest(described.names, multiIf(
        seen.profile_id = '', '',
        seen.person = <<person>>, concat('1', seen.profile_id),
        concat('0', seen.profile_id)))), 2) AS profile,
    max(seen.profile_id != '' OR known.target != 0 OR described.is_named) AS identified,
    max(if(seen.person = <<person>>, 0, seen.person)) AS other,
    arraySort(arrayDistinct(arrayConcat(
        any(described.profile_ids),
        groupUniqArrayIf(<<most>>)(seen.profile_id, seen.profile_id != '')))) AS profiles,
    arraySort(groupUniqArrayIf(<<most>>)(seen.device_id, seen.device_id != 0)) AS devices,
    min(seen.created_at) AS first_seen,
    max(seen.created_at) AS last_seen,
    count() AS done,
    argMax((<<surroundings>>), (seen.session_id != 0, seen.created_at, seen.event_id)) AS surroundings
FROM events AS seen
GLOBAL ANY LEFT JOIN
(
<<known>>
) AS known ON seen.person = known.person
GLOBAL ANY LEFT JOIN
(
    SELECT
        <<described>> AS person,
        max(concat(if(told.person = <<described>>, '1', '0'), told.profile_id)) AS names,
        max(<<is_named>>) AS is_named,
        groupUniqArray(<<most>>)(told.profile_id) AS profile_ids
    FROM profiles AS told FINAL
    GLOBAL ANY LEFT JOIN
    (
<<known>>
    ) AS known ON told.person = known.person
    WHERE told.project_id = {project:String} AND told.deleted = 0 AND told.person != 0
        AND <<these_profiles>>
    GROUP BY person
) AS described ON <<person>> = described.person
WHERE seen.project_id = {project:String}
    AND seen.name NOT IN <<synthetic>>
    AND seen.person != 0
    AND <<these>>
GROUP BY person"""


def _of(project: str, persons: Sequence[int]) -> Statement:
    reading = Reading(project, timezone="UTC")
    sql = fill(
        _DETAILS,
        person=person_of("seen.person"),
        known=KNOWN_PERSONS,
        most=str(MAX_IDS),
        surroundings=", ".join(f"seen.{name}" for name in _SURROUNDINGS),
        synthetic=str(SYNTHETIC),
        described=person_of("told.person"),
        is_named=is_named("told.profile_id", person_of("told.person")),
        these=is_one_of("seen.person", persons, reading),
        these_profiles=is_one_of("told.person", persons, reading),
    )
    return Statement(sql, reading.parameters)


def _details(row: Row) -> PersonDetails:
    person, profile_id, identified, other, profiles, devices, first_seen, last_seen, done, surroundings = row
    return PersonDetails(
        person=person,
        id=id_of(person, profile_id=profile_id, device=other),
        profile_id=profile_id,
        identified=bool(identified),
        profile_ids=tuple(profiles),
        device_ids=tuple(devices),
        first_seen=first_seen.replace(tzinfo=UTC),
        last_seen=last_seen.replace(tzinfo=UTC),
        events=done,
        last=Surroundings(*surroundings),
    )

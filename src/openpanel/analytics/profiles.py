"""One person as the project knows it: what it was told about itself, and when it was there.

Knows no store and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement


@dataclass(frozen=True, slots=True)
class ProfileAnswer:
    """The profile. A person that only did things has no names; one that was only described was never seen."""

    profile_id: str
    first_name: str
    last_name: str
    email: str
    avatar: str
    properties: dict[str, str]
    groups: tuple[str, ...]
    created_at: datetime | None
    first_seen: datetime | None
    last_seen: datetime | None
    events: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Who is this? The answer is `None` for an id that nobody used."""

    project: str
    profile_id: str

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        return Statement(_PROFILE, {"project": self.project, "profile": self.profile_id})

    def answer(self, rows: Sequence[Row], source: Source) -> ProfileAnswer | None:
        assert source is Source.EVENTS
        found = {row[0]: row[1:] for row in rows}
        if not found:
            return None
        first_name, last_name, email, avatar, properties, groups, created_at, *_ = found.get("told", _NOTHING)
        *_, first_seen, last_seen, events = found.get("seen", _NOTHING)
        return ProfileAnswer(
            profile_id=self.profile_id,
            first_name=first_name,
            last_name=last_name,
            email=email,
            avatar=avatar,
            properties=dict(properties),
            groups=tuple(groups),
            created_at=_moment(created_at),
            first_seen=_moment(first_seen),
            last_seen=_moment(last_seen),
            events=events,
        )


_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final[Row] = ("", "", "", "", {}, (), _NEVER, _NEVER, _NEVER, 0)

_PROFILE: Final = """\
SELECT
    'told' AS part, first_name, last_name, email, avatar, properties, groups, created_at,
    toDateTime64(0, 3, 'UTC') AS first_seen, toDateTime64(0, 3, 'UTC') AS last_seen, 0 AS events
FROM profiles FINAL
WHERE project_id = {project:String} AND profile_id = {profile:String} AND deleted = 0
UNION ALL
SELECT
    'seen' AS part, '', '', '', '', map(), [], toDateTime64(0, 3, 'UTC'),
    min(profile_activity.first_seen), max(profile_activity.last_seen), sum(profile_activity.events)
FROM profile_activity
WHERE project_id = {project:String} AND profile_id = {profile:String}
HAVING count() > 0"""


def _moment(value: datetime) -> datetime | None:
    moment = value.replace(tzinfo=UTC)
    return None if moment == _NEVER else moment

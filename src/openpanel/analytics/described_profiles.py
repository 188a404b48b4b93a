"""What persons were told to be, for many of them at once. Asked for the profiles beside a page of events.

A profile lies on one shard, all its versions with it. Knows no store and no clock: text and rows only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement


@dataclass(frozen=True, slots=True)
class DescribedProfile:
    """A profile as the project described it."""

    profile_id: str
    first_name: str
    last_name: str
    email: str
    avatar: str
    properties: dict[str, str]
    groups: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DescribedProfiles:
    """Who are these? Ids that nobody described, or that were erased, are left out of the answer."""

    project: str
    ids: tuple[str, ...]

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        return Statement(_PROFILES, {"project": self.project, "ids": list(self.ids)})

    def answer(self, rows: Sequence[Row], source: Source) -> Mapping[str, DescribedProfile]:
        assert source is Source.EVENTS
        return {row[0]: _profile(row) for row in rows}


_PROFILES: Final = """\
SELECT profile_id, first_name, last_name, email, avatar, properties, groups, created_at
FROM profiles FINAL
WHERE project_id = {project:String} AND profile_id IN {ids:Array(String)} AND deleted = 0"""


def _profile(row: Row) -> DescribedProfile:
    profile_id, first_name, last_name, email, avatar, properties, groups, created_at = row
    return DescribedProfile(
        profile_id=profile_id,
        first_name=first_name,
        last_name=last_name,
        email=email,
        avatar=avatar,
        properties=dict(properties),
        groups=tuple(groups),
        created_at=created_at.replace(tzinfo=UTC),
    )

"""Which profiles are these? One question for all profiles of a page of events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from openpanel.analytics.routing import Source, Span
from openpanel.analytics.statements import Row, Statement
from openpanel_api.public.event_json import moment_json


@dataclass(frozen=True, slots=True)
class Profiles:
    """Who are these? Ids that nobody described are left out of the answer."""

    project: str
    ids: tuple[str, ...]

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, _source: Source) -> Statement:
        return Statement(_PROFILES, {"project": self.project, "ids": list(self.ids)})

    def answer(self, rows: Sequence[Row], _source: Source) -> Mapping[str, dict[str, Any]]:
        return {row[0]: _profile(row) for row in rows}


_PROFILES: Final = """\
SELECT profile_id, first_name, last_name, email, avatar, properties, groups, created_at
FROM profiles FINAL
WHERE project_id = {project:String} AND profile_id IN {ids:Array(String)} AND deleted = 0"""


def _profile(row: Row) -> dict[str, Any]:
    profile_id, first_name, last_name, email, avatar, properties, groups, created_at = row
    return {
        "id": profile_id,
        "firstName": first_name,
        "lastName": last_name,
        "email": email,
        "avatar": avatar,
        "properties": dict(properties),
        "groups": list(groups),
        "createdAt": moment_json(created_at.replace(tzinfo=UTC)),
    }

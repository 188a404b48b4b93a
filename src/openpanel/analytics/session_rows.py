"""A session as lists and details show it, and back from a row.

Knows no store and no clock: text and rows only.
"""

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from openpanel.analytics.statements import KNOWN_PERSONS, Row, fill, person_of

_CAME_WITH: Final = ("referrer", "referrer_name", "referrer_type")
_CAMPAIGN: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_PLACE: Final = ("country", "region", "city")
_DEVICE: Final = ("os", "os_version", "browser", "browser_version", "device", "brand", "model")


@dataclass(frozen=True, slots=True)
class Session:
    """One visit. `person` is who it really was; `profile_id` is '' where nobody was identified within the session.

    Source, place and device are those of its first event. Times are in UTC, the duration in milliseconds, and
    `is_bounce` says that it saw at most one screen.
    """

    session_id: int
    started_at: datetime
    ended_at: datetime
    duration: int
    device_id: int
    person: int
    profile_id: str
    views: int
    events: int
    revenue: int
    groups: tuple[str, ...]
    entry_path: str
    entry_origin: str
    exit_path: str
    referrer: str
    referrer_name: str
    referrer_type: str
    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str
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
    has_replay: bool

    @property
    def is_bounce(self) -> bool:
        return self.views <= 1


def sessions_of(page: str) -> str:
    """The statement for the sessions of a sub-select of `session_started_at` and `session_id`, newest first."""
    return fill(_SESSIONS, columns=_COLUMNS, person=person_of("visit.person"), known=KNOWN_PERSONS, page=page)


def session(row: Row) -> Session:
    """The session in a row of `sessions_of`."""
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    for name in ("started_at", "ended_at"):
        values[name] = values[name].replace(tzinfo=UTC)
    values["groups"] = tuple(sorted(values["groups"]))
    values["has_replay"] = bool(values["has_replay"])
    return Session(**values)


_NAMES: Final = tuple(item.name for item in fields(Session))
_COLUMNS: Final = ",\n".join(
    f"    visit.{name} AS {name}"
    for name in (
        *("profile_id", "views", "events", "revenue", "groups", "entry_path", "entry_origin", "exit_path"),
        *_CAME_WITH,
        *_CAMPAIGN,
        *_PLACE,
        *_DEVICE,
    )
)

_SESSIONS: Final = """\
SELECT
    visit.session_id AS session_id,
    visit.session_started_at AS started_at,
    visit.last_at AS ended_at,
    visit.duration_ms AS duration,
    visit.device_id AS device_id,
    <<person>> AS person,
<<columns>>,
    visit.session_id GLOBAL IN
    (
        SELECT session_id
        FROM replay_chunks
        WHERE project_id = {project:String} AND session_id GLOBAL IN
        (
            SELECT session_id
            FROM
            (
<<page>>
            )
        )
    ) AS has_replay
FROM sessions AS visit FINAL
GLOBAL ANY LEFT JOIN
(
<<known>>
) AS known ON visit.person = known.person
WHERE visit.project_id = {project:String}
    AND (visit.session_started_at, visit.session_id) GLOBAL IN
    (
<<page>>
    )
ORDER BY started_at DESC, session_id DESC"""

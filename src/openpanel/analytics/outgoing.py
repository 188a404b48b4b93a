"""Links that lead away from the site, by how often they were followed: the `link_out` events of the script.

Persons may have devices on several shards: they are counted where the question was asked. Knows no store and no clock:
text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.analytics.overview import Overview
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.statements import Row, Statement, fill
from openpanel.analytics.top_rows import check_limit


@dataclass(frozen=True, slots=True)
class OutgoingLink:
    """One address; `text` is what the link said when it was followed last."""

    href: str
    text: str
    clicks: int
    visitors: int
    sessions: int


@dataclass(frozen=True, slots=True)
class OutgoingAnswer:
    """The links that were followed most, and whether there are more."""

    links: tuple[OutgoingLink, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class OutgoingLinks:
    """Where did visitors go from here?"""

    scope: Overview
    limit: int = 10

    def __post_init__(self) -> None:
        check_limit(self.limit)

    @property
    def project(self) -> str:
        return self.scope.project

    @property
    def exact(self) -> Source:
        return Source.EVENTS

    @property
    def rolled_up(self) -> tuple[Span, ...]:
        return ()

    def statement(self, source: Source) -> Statement:
        assert source is Source.EVENTS
        scoped = Scoped(self.scope)
        person = scoped.reading.person()
        sql = fill(
            _LINKS,
            person=person,
            events=scoped.events(self.scope.period, wanted=_IS_LINK),
            limit=scoped.reading.value("UInt32", self.limit + 1),
        )
        return Statement(sql, scoped.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> OutgoingAnswer:
        assert source is Source.EVENTS
        links = tuple(OutgoingLink(*row) for row in rows[: self.limit])
        return OutgoingAnswer(links, more=len(rows) > self.limit)


_IS_LINK: Final = ("seen.name = 'link_out'", "seen.properties['href'] != ''")

_LINKS: Final = """\
SELECT
    seen.properties['href'] AS href,
    argMax(seen.properties['text'], (seen.created_at, seen.event_id)) AS text,
    count() AS times,
    uniqExactIf(<<person>>, <<person>> != 0) AS visitors,
    uniqExactIf(seen.session_id, seen.session_id != 0) AS sessions
<<events>>
GROUP BY href
ORDER BY times DESC, href
LIMIT <<limit>>"""

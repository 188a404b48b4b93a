"""Pages that were seen before a conversion: of the persons who saw a page, how many converted within some hours after.

The conversion may come after the end of the period, in another session, or outside of any: who saw the page on the last
day has as much time as the others. Several pages may stand before the same conversion, so their numbers must not be
added up. Persons may have devices on several shards: they are put together where the question was asked. Knows no store
and no clock: text and rows only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from openpanel.analytics.filters import MAX_DECLARED, BadFilter
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import Period
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.statements import Row, Statement, fill
from openpanel.analytics.top_rows import check_limit
from openpanel.analytics.visits import LONGEST_SESSION

MAX_HOURS: Final = 24 * 90


@dataclass(frozen=True, slots=True)
class PageConversion:
    """One page: who saw it, how many of them converted after it, and how many conversions that were."""

    origin: str
    path: str
    visitors: int
    converted: int
    conversions: int

    @property
    def rate(self) -> float | None:
        return self.converted / self.visitors if self.visitors else None


@dataclass(frozen=True, slots=True)
class PageConversionsAnswer:
    """The pages with most who converted first, and whether there are more."""

    pages: tuple[PageConversion, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class PageConversions:
    """Which pages were seen within `hours` before an event of these names?"""

    scope: Overview
    names: tuple[str, ...]
    hours: int = 24
    limit: int = 50

    def __post_init__(self) -> None:
        check_limit(self.limit)
        if not 1 <= len(self.names) <= MAX_DECLARED:
            raise BadFilter(
                f"{len(self.names)} names", reason=f"expected 1 to {MAX_DECLARED} names of events"
            )
        if not 1 <= self.hours <= MAX_HOURS:
            raise BadFilter(f"{self.hours} hours", reason=f"expected 1 to {MAX_HOURS:,}")

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
        reading = scoped.reading
        person = reading.person()
        period = self.scope.period
        window = timedelta(hours=self.hours)
        sql = fill(
            _CONVERSIONS,
            person=person,
            window=reading.value("Int64", window // timedelta(milliseconds=1)),
            views=scoped.pageviews(period, wanted=(f"{person} != 0",)),
            events=reading.events(
                Period(period.start - LONGEST_SESSION, period.until + LONGEST_SESSION + window),
                conditions=(f"seen.name IN {reading.texts(self.names)}", f"{person} != 0"),
            ),
            limit=reading.value("UInt32", self.limit + 1),
        )
        return Statement(sql, scoped.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> PageConversionsAnswer:
        assert source is Source.EVENTS
        pages = tuple(PageConversion(*row) for row in rows[: self.limit])
        return PageConversionsAnswer(pages, more=len(rows) > self.limit)


_CONVERSIONS: Final = """\
SELECT site, page, count() AS visitors, countIf(followed > 0) AS converted, sum(followed) AS conversions
FROM
(
    SELECT
        viewed.site AS site,
        viewed.page AS page,
        arrayCount(
            at -> arrayExists(view -> view < at AND at - view <= <<window>>, viewed.times),
            done.times) AS followed
    FROM
    (
        SELECT
            <<person>> AS person,
            toString(seen.origin) AS site,
            seen.path AS page,
            groupUniqArray(toUnixTimestamp64Milli(seen.created_at)) AS times
        <<views>>
        GROUP BY person, site, page
    ) AS viewed
    GLOBAL ANY LEFT JOIN
    (
        SELECT <<person>> AS person, groupArray(toUnixTimestamp64Milli(seen.created_at)) AS times
        <<events>>
        GROUP BY person
    ) AS done ON viewed.person = done.person
)
GROUP BY site, page
ORDER BY converted DESC, visitors DESC, page, site
LIMIT <<limit>>"""

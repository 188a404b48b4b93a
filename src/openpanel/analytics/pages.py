"""Pages with what is known of each: title, sessions, views, time on it, bounce rate and revenue; searched, sorted, in pages.

A page is a path of an origin. The time on it runs to the next view in the same session, whichever page that is; the
last view of a session has none. A session bounced when it had one view at most. Revenue is that of the sessions that
saw the page, so that pages of one session share it and must not be added up. The title is the latest that is not empty.

A session lies on one shard, pages are put together where the question was asked. While views are put into the order of
their sessions a page is a number, the hash of its names; names and titles are read beside that, once per page. Knows
no store and no clock: text and rows only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from openpanel.analytics.filters import BadFilter
from openpanel.analytics.overview import Overview
from openpanel.analytics.routing import Source, Span
from openpanel.analytics.scoped import Scoped
from openpanel.analytics.statements import Row, Statement, fill
from openpanel.analytics.top_rows import check_limit

MAX_OFFSET: Final = 100_000  # pages; who wants more takes an export
MAX_SEARCH: Final = 1_000  # characters
PageSort = Literal["pageviews", "sessions", "average", "bounce_rate", "revenue", "path"]


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `average_ms` is `None` where nobody went on from it."""

    origin: str
    path: str
    title: str
    sessions: int
    pageviews: int
    average_ms: float | None
    bounce_rate: float | None
    revenue: int


@dataclass(frozen=True, slots=True)
class PagesAnswer:
    """The asked lines, and how many pages there are altogether."""

    pages: tuple[Page, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Pages:
    """How did each page do? `search` looks in path and title without regard to case."""

    scope: Overview
    search: str = ""
    sort: PageSort = "pageviews"
    descending: bool = True
    limit: int = 50
    offset: int = 0

    def __post_init__(self) -> None:
        check_limit(self.limit)
        if self.sort not in get_args(PageSort):
            raise BadFilter(self.sort, reason=f"expected one of {', '.join(get_args(PageSort))}")
        if not 0 <= self.offset <= MAX_OFFSET:
            raise BadFilter(f"offset {self.offset}", reason=f"expected 0 to {MAX_OFFSET:,}")
        if len(self.search) > MAX_SEARCH:
            raise BadFilter("search", reason=f"at most {MAX_SEARCH:,} characters")

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
        counted = " AND ".join(scoped.are_counted()) or "1"
        events = scoped.views_and(self.scope.period, others="seen.name = 'revenue'")
        reading = scoped.reading
        sql = fill(
            _PAGES,
            number=_NUMBER,
            moment=_MOMENT,
            counted=counted,
            events=events,
            views=scoped.pageviews(self.scope.period),
            search=fill(_SEARCH, text=reading.text(self.search)) if self.search else "",
            sort=_SORTS[self.sort],
            direction="DESC" if self.descending else "ASC",
            offset=reading.value("UInt32", self.offset),
            end=reading.value("UInt32", self.offset + self.limit),
        )
        return Statement(sql, scoped.parameters)

    def answer(self, rows: Sequence[Row], source: Source) -> PagesAnswer:
        """The first page is always among the rows: it knows how many there are."""
        assert source is Source.EVENTS
        wanted = [row[2:] for row in rows if row[0] > self.offset]
        return PagesAnswer(tuple(Page(*columns) for columns in wanted), total=rows[0][1] if rows else 0)


_SORTS: Final[Mapping[PageSort, str]] = {
    "pageviews": "pageviews",
    "sessions": "visited",
    "average": "average_ms",
    "bounce_rate": "bounce_rate",
    "revenue": "amount",
    "path": "page",
}

_SEARCH: Final = """
        WHERE positionCaseInsensitiveUTF8(page, <<text>>) > 0 OR positionCaseInsensitiveUTF8(last_title, <<text>>) > 0"""

# By session: its views in their order, each one number: its place in time, its page, and whether it counts. Then by page.
_PAGES: Final = """\
SELECT place, total, site, page, last_title, visited, pageviews, average_ms, bounce_rate, amount
FROM
(
    SELECT
        *,
        count() OVER () AS total,
        row_number() OVER (ORDER BY <<sort>> <<direction>> NULLS LAST, page, site) AS place
    FROM
    (
        SELECT
            toUInt64(view) AS number,
            countIf(nth = 1) AS visited,
            count() AS pageviews,
            countIf(next != 0) AS timed,
            sumIf(toInt64(bitShiftRight(next, 85)) - toInt64(bitShiftRight(view, 85)), next != 0) AS taken,
            if(timed = 0, NULL, taken / timed) AS average_ms,
            countIf(nth = 1 AND length(views) <= 1) / visited AS bounce_rate,
            sumIf(amount_of_session, nth = 1) AS amount
        FROM
        (
            SELECT
                seen.session_id AS session,
                arraySort(groupArrayIf(
                    bitOr(
                        bitShiftLeft(toUInt128(<<moment>>), 64),
                        toUInt128(bitOr(<<number>>, if(<<counted>>, 1, 0)))),
                    seen.name = 'screen_view')) AS views,
                sumIf(seen.revenue, seen.name = 'revenue') AS amount_of_session
            <<events>>
            GROUP BY session
        )
        ARRAY JOIN
            views AS view,
            arrayShiftLeft(views, 1) AS next,
            arrayEnumerateUniq(arrayMap(each -> toUInt64(each), views)) AS nth
        WHERE bitTest(number, 0)
        GROUP BY number
    ) AS figures
    INNER JOIN
    (
        SELECT
            bitOr(<<number>>, 1) AS number,
            toString(seen.origin) AS site,
            seen.path AS page,
            substring(
                maxIf(concat(reinterpretAsFixedString(byteSwap(<<moment>>)), seen.title), seen.title != ''),
                9) AS last_title
        <<views>>
        GROUP BY seen.origin, seen.path
    ) AS names ON figures.number = names.number<<search>>
)
WHERE place = 1 OR (place > <<offset>> AND place <= <<end>>)
ORDER BY place"""

# A page without its last bit, which says of a view whether it counts.
_NUMBER: Final = "bitShiftLeft(cityHash64(seen.origin, seen.path), 1)"

# The place in time by which a session orders its events: 43 bits of milliseconds, 21 bits of the event's id.
_MOMENT: Final = "bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 21), bitAnd(seen.event_id, 2097151))"

"""The same answers as somebody would write them who has only the table of events, and the questions that give them."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from benchmarks import traffic
from benchmarks.questions import FIRST_WEEK, STEPS, WEEKS, ZONE, scope
from openpanel.analytics.asking import Question
from openpanel.analytics.attempts import Attempts
from openpanel.analytics.funnels import Funnel
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.occurrences import Step
from openpanel.analytics.periods import Period
from openpanel.analytics.retention import Retention
from openpanel.analytics.routing import Source
from openpanel.analytics.series import Series
from openpanel.analytics.statements import Statement, milliseconds
from openpanel.analytics.top_pages import TopPages

Bounds = tuple[float | None, float | None]
UNBOUND: Final[Bounds] = (None, None)

_IN_PERIOD: Final = """
FROM events
WHERE project_id = {project:String}
    AND created_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND created_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')"""
DAILY_UNIQUES: Final = (
    f"SELECT toDate(created_at) AS day, uniq(person) AS visitors{_IN_PERIOD} GROUP BY day ORDER BY day"
)
PAGES: Final = (
    f"SELECT path, uniq(person) AS visitors, uniq(session_id) AS sessions, count() AS views{_IN_PERIOD}"
    " AND name = 'screen_view' GROUP BY path ORDER BY views DESC LIMIT 10"
)
SESSIONS: Final = f"""\
SELECT uniq(person), count(), sum(views), countIf(views <= 1), avgIf(duration, duration > 0)
FROM
(
    SELECT any(person) AS person, countIf(name = 'screen_view') AS views,
        max(toUnixTimestamp64Milli(created_at)) - min(toUnixTimestamp64Milli(created_at)) AS duration{_IN_PERIOD}
        AND name NOT IN ('session_start', 'session_end') AND session_id != 0
    GROUP BY session_id
)"""
SESSIONS_PER_DAY: Final = f"""\
SELECT toDate(started) AS day, count() AS sessions, uniq(person), sum(views), countIf(views <= 1)
FROM
(
    SELECT min(created_at) AS started, any(person) AS person, countIf(name = 'screen_view') AS views{_IN_PERIOD}
        AND name NOT IN ('session_start', 'session_end') AND session_id != 0
    GROUP BY session_id
)
GROUP BY day ORDER BY day"""
RETENTION: Final = f"""\
SELECT start, distance, count()
FROM
(
    SELECT groupUniqArray(toMonday(created_at)) AS weeks, arrayMin(weeks) AS start,
        arrayJoin(arrayMap(week -> intDiv(week - start, 7), weeks)) AS distance{_IN_PERIOD}
    GROUP BY person
)
GROUP BY start, distance ORDER BY start, distance"""
FUNNEL: Final = f"""\
SELECT reached, count()
FROM
(
    SELECT windowFunnel(86400)(toDateTime(created_at), name = 'screen_view', name = 'add_to_cart', name = 'signup')
        AS reached{_IN_PERIOD} AND session_id != 0
    GROUP BY session_id
)
GROUP BY reached ORDER BY reached"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A question of a period and its text by hand; `bounds`: so many times faster, at least and as an aim."""

    what: str
    text: str
    period: Period
    question: Question[Any]
    source: Source
    bounds: Bounds = UNBOUND

    @property
    def by_hand(self) -> Statement:
        """What an analyst asks."""
        start, until = milliseconds(self.period.start), milliseconds(self.period.until)
        return Statement(self.text, {"project": self.question.project, "start": start, "until": until})

    @property
    def own(self) -> Statement:
        """What this product asks."""
        return self.question.statement(self.source)


def peers() -> tuple[Peer, ...]:
    """All over 90 days, the funnel over 30."""
    quarter, month = scope("90d"), scope("30d")
    days, thirty = quarter.period, month.period
    first = datetime.combine(FIRST_WEEK, time(), tzinfo=UTC)
    weeks = Retention(traffic.LARGE, ZONE, Period(first, first + timedelta(weeks=WEEKS)), mode="on")
    funnel = Funnel(Attempts(traffic.LARGE, ZONE, thirty, tuple(Step(name) for name in STEPS)))
    return (
        Peer("daily uniques, 90 days", DAILY_UNIQUES, days, Series(quarter), Source.ROLLUP, (10, 40)),
        Peer(f"retention, {WEEKS} weeks", RETENTION, days, weeks, Source.ROLLUP, (3, 7)),
        Peer("sessions, 90 days", SESSIONS, days, Metrics(quarter), Source.SESSIONS, (3, 7)),
        Peer("sessions per day, 90 days", SESSIONS_PER_DAY, days, Series(quarter), Source.SESSIONS, (3, 7)),
        Peer("top pages, 90 days", PAGES, days, TopPages(quarter), Source.ROLLUP, (3, 7)),
        Peer("funnel, three steps, 30 days", FUNNEL, thirty, funnel, Source.EVENTS),
    )

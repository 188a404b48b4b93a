"""How much a question may read in relation to its range, from the plan of the store: the same on every machine.

A project of one day has as many events as the other days; whoever asks about one day reads about that day.
"""

import random
import re
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest
from clickhouse_connect import get_client

from openpanel.analytics.asking import LIMITS, Question
from openpanel.analytics.attempts import Attempts
from openpanel.analytics.chart_people import ChartPeople
from openpanel.analytics.chart_series import EventSeries
from openpanel.analytics.charts import Chart
from openpanel.analytics.conversions import Conversion
from openpanel.analytics.event_exports import EventPlace, ExportedEvents
from openpanel.analytics.event_stats import Conversions, EventStats
from openpanel.analytics.events import Cursor, EventCount, Events, Selection
from openpanel.analytics.explaining import explain
from openpanel.analytics.flows import Flow
from openpanel.analytics.funnels import Funnel
from openpanel.analytics.occurrences import Step
from openpanel.analytics.people import People, PeopleSelection
from openpanel.analytics.periods import Period
from openpanel.analytics.realtime import Realtime
from openpanel.analytics.routing import Source
from openpanel.analytics.sessions import SessionCursor, Sessions, SessionSelection
from openpanel.warehouse import Warehouse, tables
from openpanel_local.engines.clickhouse import ClickHouse
from tests.analytics import behaviour, lists, web
from tests.analytics.behaviour import NOW, ZONE
from tests.analytics.questions import scope
from tests.analytics.twin.histories import a_history
from tests.analytics.worlds import Insert, load

PROJECT: Final = "long march"
FIRST: Final = date(2026, 3, 1)
DAYS: Final = 12
MANY_DAYS: Final = 48
AFTER_MANY: Final = datetime(2026, 4, 18, tzinfo=UTC)
ROWS_A_DAY: Final = 8_192  # a granule
PERSONS_A_DAY: Final = 2_000  # of whom two thirds were there on the day before
LAST: Final = datetime(2026, 3, 12, 11, tzinfo=UTC)
DAY: Final = Period(datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 3, 7, tzinfo=UTC))
SINCE: Final = r"\(created_at in \['"  # a lower bound, in the words of the plan
DAY_MS: Final = 86_400_000
STEPS: Final = (Step("screen_view"), Step("click"))


@pytest.fixture(scope="module")
def march(insert: Insert) -> str:
    """Twelve days in one part of the table; every person comes on three of them at most."""
    insert(tables.EVENTS, _marched(PROJECT))
    return PROJECT


OF_A_DAY: Final[dict[str, Callable[[], Question[Any]]]] = {
    "chart": lambda: Chart(PROJECT, "UTC", DAY, (EventSeries("click", "user"),), breakdowns=("path",)),
    "people of a point": lambda: ChartPeople(PROJECT, "UTC", DAY, EventSeries("click")),
    "events": lambda: Events(Selection(PROJECT, start=DAY.start, end=DAY.end)),
    "count of events": lambda: EventCount(Selection(PROJECT, start=DAY.start, end=DAY.end)),
    "export": lambda: ExportedEvents(Selection(PROJECT, start=DAY.start, end=DAY.end), 100),
    "events by name": lambda: EventStats(PROJECT, "UTC", DAY, "hour"),
    "conversions": lambda: Conversions(PROJECT, "UTC", DAY, ("click",)),
    "realtime": lambda: Realtime(PROJECT, LAST),
}
OF_A_DAY_AND_WHAT_FOLLOWS: Final[dict[str, Callable[[], Question[Any]]]] = {
    "funnel": lambda: Funnel(Attempts(PROJECT, "UTC", DAY, STEPS)),
    "conversion": lambda: Conversion(Attempts(PROJECT, "UTC", DAY, STEPS)),
    "flow": lambda: Flow(PROJECT, "UTC", DAY, start=STEPS[0]),
}


@pytest.mark.parametrize("name", OF_A_DAY)
def test_question_about_a_day_reads_that_day(warehouse: Warehouse, march: str, name: str) -> None:
    read, of_all = _granules(warehouse, OF_A_DAY[name]())

    assert of_all >= DAYS
    assert 0 < read <= 3


@pytest.mark.parametrize("name", OF_A_DAY_AND_WHAT_FOLLOWS)
def test_question_about_what_follows_reads_some_days_more(
    warehouse: Warehouse, march: str, name: str
) -> None:
    read, of_all = _granules(warehouse, OF_A_DAY_AND_WHAT_FOLLOWS[name]())

    assert of_all >= DAYS
    assert 0 < read <= of_all * 2 / 3


def test_list_of_events_goes_on_at_its_cursor(warehouse: Warehouse, march: str) -> None:
    early = Cursor(round(DAY.start.timestamp() * 1000), 1)

    read, of_all = _granules(warehouse, Events(Selection(PROJECT), after=early))

    assert 0 < read <= of_all * 2 / 3


MANY: Final = """\
INSERT INTO events
    (project_id, name, day, created_at, session_started_at, session_id, event_id, person, device_id)
SELECT
    {project:String}, if(number % 2 = 0, 'screen_view', 'click'), toDate('2026-03-01') + intDiv(number, 2048),
    toDateTime64('2026-03-01 00:00:00', 3, 'UTC') + toIntervalDay(intDiv(number, 2048)) AS at, at,
    number + 1, number + 1, number + 1, number % 2048 * 4 + {part:UInt8}
FROM numbers({days:UInt16} * 2048)"""


@pytest.fixture(scope="module")
def many_marches(warehouse: Warehouse) -> str:
    """Many days in several parts, each of which has events of all of them."""
    project = "many marches"
    for part in range(4):
        warehouse.command(MANY, parameters={"project": project, "part": part, "days": MANY_DAYS})
    return project


A_PAGE_OF_ALL: Final[dict[str, Callable[[str], Question[Any]]]] = {
    "export": lambda project: ExportedEvents(Selection(project), 100),
    "export from the middle on": lambda project: ExportedEvents(
        Selection(project), 100, EventPlace(round(DAY.start.timestamp() * 1000), "click", 1, 1)
    ),
    "events": lambda project: Events(Selection(project)),
    "later page of events": lambda project: Events(Selection(project), page=5),
    "sessions": lambda project: Sessions(SessionSelection(project)),
    "sessions from the middle on": lambda project: Sessions(
        SessionSelection(project), after=SessionCursor(round(DAY.end.timestamp() * 1000), 1)
    ),
}


@pytest.mark.parametrize("name", A_PAGE_OF_ALL)
def test_page_of_all_there_is_is_read_where_it_lies(
    warehouse: Warehouse, clickhouse: ClickHouse, many_marches: str, name: str
) -> None:
    """What the plan says of the order does not tell where reading stops: the rows that were read do."""
    answered, read = _read_rows(warehouse, clickhouse, A_PAGE_OF_ALL[name](many_marches))

    assert answered
    assert read <= MANY_DAYS * ROWS_A_DAY / 2


def test_days_of_people_seen_last_are_found_by_the_last_weeks(
    warehouse: Warehouse, clickhouse: ClickHouse, many_marches: str
) -> None:
    """Every event has a person of its own, so all weeks together would be as many rows as all events."""
    everybody = PeopleSelection(many_marches, "UTC", AFTER_MANY)

    answered, read = _read_rows(warehouse, clickhouse, People(everybody, limit=1))

    assert answered
    assert read <= MANY_DAYS * ROWS_A_DAY * 2 / 3


@pytest.mark.parametrize("limit", [1, 5])
def test_people_seen_last_are_found_in_the_last_days(warehouse: Warehouse, march: str, limit: int) -> None:
    """Who they are is read of the last days, and of all days only where they did something."""
    statement = People(PeopleSelection(march, "UTC", LAST), limit=limit).statement(Source.EVENTS)
    rows = warehouse.query(
        f"EXPLAIN indexes = 1 {statement.sql}", parameters=statement.parameters, settings=LIMITS
    )
    plan = "\n".join(line for (line,) in rows)

    by_person = [int(found) for found in re.findall(r"Name: by_person.*?Granules: (\d+)/", plan, re.DOTALL)]
    assert by_person
    assert max(by_person) <= DAYS / 2


def every(project: str) -> dict[str, Question[Any]]:
    """All questions that are put anywhere in these tests."""
    asked = (behaviour.questions(project), lists.questions(project), web.questions(scope(project)))
    return {f"{place} {name}": each for place, group in enumerate(asked) for name, each in group.items()}


@pytest.fixture(scope="module")
def lived(insert: Insert) -> str:
    """A project with a little of everything."""
    return load(a_history(random.Random(1), sessions=30, days=8, timezone=ZONE, now=NOW), insert)


@pytest.mark.parametrize("name", every("p"))
def test_where_a_time_is_asked_for_the_key_leads_to_its_days(
    warehouse: Warehouse, lived: str, name: str
) -> None:
    """The key begins with project and day; a moment alone would only be found within equal names and devices."""
    question = every(lived)[name]
    statement = question.statement(question.exact)
    sql = f"EXPLAIN indexes = 1 {statement.sql}"
    rows = warehouse.query(sql, parameters=statement.parameters, settings=LIMITS)

    for read in "\n".join(line for (line,) in rows).split("ReadFromMergeTree (")[1:]:
        key = read.partition("PrimaryKey")[2].partition("Granules")[0]
        if read.partition(")")[0].endswith(".events") and re.search(SINCE, key):
            assert "toDate(created_at)" in key, key


def _marched(project: str) -> list[dict[str, Any]]:
    """As many events on every day."""
    first_day = (FIRST - date(1970, 1, 1)).days
    return [
        {
            "project_id": project,
            "name": ("screen_view", "click")[number % 2],
            "path": "/",
            "day": first_day + day,
            "created_at": (first_day + day) * DAY_MS + number * 5_000,
            "session_started_at": (first_day + day) * DAY_MS + number * 5_000,
            "session_id": day * ROWS_A_DAY + number + 1,
            "event_id": day * ROWS_A_DAY + number + 1,
            "person": day * 700 + number % PERSONS_A_DAY + 1,
            "device_id": number + 1,
        }
        for day in range(DAYS)
        for number in range(ROWS_A_DAY)
    ]


def _read_rows(warehouse: Warehouse, clickhouse: ClickHouse, question: Question[Any]) -> tuple[int, int]:
    """How many rows are answered, and how many are read for it."""
    statement = question.statement(question.exact)
    in_small_pieces = {**LIMITS, "max_threads": 1, "max_block_size": 1_024}
    with closing(get_client(dsn=f"{clickhouse.url}/{warehouse.database}")) as client:
        answer = client.query(statement.sql, parameters=dict(statement.parameters), settings=in_small_pieces)
    return len(answer.result_rows), int(answer.summary["read_rows"])


def _granules(warehouse: Warehouse, question: Question[Any]) -> tuple[int, int]:
    """The most that is read of events at once, of all there are."""
    reads = [each for each in explain(warehouse, question).reads if each.table == "events"]
    return max(each.granules for each in reads), max(each.of_granules for each in reads)

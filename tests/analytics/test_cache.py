"""Answers that are kept: given while nothing changed, read once, and never without saying that they are old."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from openpanel.analytics import fingerprints
from openpanel.analytics.asking import Question, ask
from openpanel.analytics.cache import KEPT_FOR, Cache
from openpanel.analytics.flights import Caller, HungUp
from openpanel.analytics.group_members import GroupMembers
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import MetricsAnswer
from openpanel.analytics.people import People, PeopleSelection
from openpanel.analytics.realtime import Realtime
from openpanel.analytics.routing import Source
from openpanel.analytics.statements import Statement
from openpanel.warehouse import Unavailable, Warehouse, tables
from openpanel_local.engines.clickhouse import ClickHouse
from tests.analytics.questions import NOW, questions, scope
from tests.analytics.worlds import Insert
from tests.warehouse.test_client import NEVER_ENDS

PATIENCE_S = 60.0
SOON = timedelta(minutes=5)


class Watched(Warehouse):
    """A warehouse that counts the statements about sessions, and can go away."""

    def __init__(self, url: str, *, database: str) -> None:
        super().__init__(url, database=database)
        self.read = 0
        self.away = False

    def query(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> list[tuple[Any, ...]]:
        if self.away:
            raise Unavailable("away")
        self.read += "FROM sessions" in sql
        return super().query(sql, parameters=parameters, settings=settings)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def watched(clickhouse: ClickHouse, warehouse: Warehouse) -> Iterator[Watched]:
    with Watched(clickhouse.url, database=warehouse.database) as opened:
        yield opened


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def store(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        yield client


Open = Callable[..., Cache]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(watched: Watched, background: ThreadPoolExecutor, clock: Clock) -> Open:
    """Makes a cache as each process has one, that misses nothing."""
    return lambda store=None: Cache(
        watched,
        clock=clock,
        fresh_name=lambda: f"test-{secrets.token_hex(8)}",
        background=background,
        store=store,
        version_kept_s=0,
    )


def test_kept_answer_is_that_of_the_warehouse_for_every_question(
    opened: Open, warehouse: Warehouse, insert: Insert, project: str, store: redis.Redis
) -> None:
    visit(insert, project, 1)

    for name, question in questions(project).items():
        read, kept, shared = (cache.ask(question) for cache in [opened(store)] * 2 + [opened(store)])
        assert read.answer == kept.answer == shared.answer == ask(warehouse, question), name
        assert read.read_at == shared.read_at


def test_answer_is_given_again_while_nothing_was_counted(
    opened: Open, watched: Watched, insert: Insert, project: str
) -> None:
    cache = opened()
    visit(insert, project, 1)

    first, again = cache.ask(Metrics(scope(project))), cache.ask(Metrics(scope(project)))
    visit(insert, project, 2)
    after = cache.ask(Metrics(scope(project)))

    assert [found.answer.current.sessions for found in (first, again, after)] == [1, 1, 2]
    assert all(found.fresh and found.source is Source.SESSIONS for found in (first, again, after))
    assert watched.read == 2


def test_persons_who_turn_out_to_be_one_make_a_new_answer(opened: Open, insert: Insert, project: str) -> None:
    cache = opened()
    visit(insert, project, 1)
    visit(insert, project, 2)
    before = cache.ask(Metrics(scope(project))).answer.current.visitors

    insert(tables.PERSON_OVERRIDES, [{"project_id": project, "person": 1, "into": 2, "version": 1}])

    assert (before, cache.ask(Metrics(scope(project))).answer.current.visitors) == (2, 1)


def test_other_process_is_given_what_one_has_read(
    opened: Open, watched: Watched, insert: Insert, project: str, store: redis.Redis
) -> None:
    visit(insert, project, 1)

    answers = [opened(store).ask(Metrics(scope(project))).answer for _ in range(3)]

    assert answers[0] == answers[1] == answers[2]
    assert watched.read == 1


def test_process_that_read_it_before_is_given_what_another_has_read_since(
    opened: Open, watched: Watched, insert: Insert, project: str, store: redis.Redis
) -> None:
    first, second = opened(store), opened(store)
    visit(insert, project, 1)
    for cache in (first, second):
        cache.ask(Metrics(scope(project)))
    visit(insert, project, 2)

    answers = [cache.ask(Metrics(scope(project))).answer.current.sessions for cache in (first, second)]

    assert (answers, watched.read) == ([2, 2], 2)


def test_older_answer_of_another_process_does_not_replace_a_newer_one(
    opened: Open,
    clock: Clock,
    background: ThreadPoolExecutor,
    insert: Insert,
    *,
    project: str,
    store: redis.Redis,
) -> None:
    """Redis was away while the newer one was read."""
    cache = opened(store)
    visit(insert, project, 1)
    cache.ask(Metrics(scope(project)))
    (key,) = store.keys(f"op:answers:*:{project}:*".replace("[", "\\["))
    older: Any = store.get(key)
    visit(insert, project, 2)
    clock.now += timedelta(seconds=1)
    cache.ask(Metrics(scope(project)))
    store.set(key, older)
    visit(insert, project, 3)

    stale = cache.ask(Metrics(scope(project)), stale_for=SOON)
    background.shutdown(wait=True)

    assert (stale.fresh, stale.answer.current.sessions) == (False, 2)


def test_what_another_release_kept_is_not_read(
    opened: Open,
    watched: Watched,
    insert: Insert,
    *,
    project: str,
    store: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visit(insert, project, 1)
    opened(store).ask(Metrics(scope(project)))

    monkeypatch.setattr(fingerprints, "CODE", b"of another release")
    opened(store).ask(Metrics(scope(project)))

    assert watched.read == 2


def people(project: str, now: datetime) -> Question[Any]:
    return People(PeopleSelection(project, "UTC", now), limit=1)


def members(project: str, now: datetime) -> Question[Any]:
    return GroupMembers(project, "team", now, limit=1)


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
@pytest.mark.parametrize(
    ("asked_at", "later"),
    [
        (people, timedelta(milliseconds=500)),
        (people, timedelta(minutes=3)),
        (members, timedelta(milliseconds=500)),
        (members, timedelta(minutes=3)),
        (Realtime, timedelta(minutes=3)),
    ],
)
def test_kept_answer_is_as_of_the_moment_it_was_asked_for(
    opened: Open,
    clock: Clock,
    background: ThreadPoolExecutor,
    insert: Insert,
    *,
    project: str,
    store: redis.Redis,
    asked_at: Callable[[str, datetime], Question[Any]],
    later: timedelta,
    shared: bool,
) -> None:
    for number in (1, 2):
        visit(insert, project, number, ago=timedelta(minutes=10), groups=("team",))
    clock.now = NOW.replace(second=0)
    first = opened(store).ask(asked_at(project, clock.now))

    cache = opened(store) if shared else opened()
    if not shared:
        cache.ask(asked_at(project, clock.now))
    kept = cache.ask(asked_at(project, clock.now + later), stale_for=SOON)
    background.shutdown(wait=True)

    assert kept.fresh == (later < timedelta(seconds=10))
    assert kept.answer == first.answer


def test_person_who_acts_between_two_pages_stands_on_one_of_them(
    opened: Open, background: ThreadPoolExecutor, clock: Clock, insert: Insert, project: str
) -> None:
    """Whoever was to come on the second page, by the first that is given some minutes old."""
    cache = opened()
    for number in (1, 2):
        visit(insert, project, number)
    asked = People(PeopleSelection(project, "UTC", NOW), limit=1)
    cache.ask(asked)
    visit(insert, project, 1, event=3, ago=timedelta(minutes=-1))

    clock.now += timedelta(minutes=2)
    listed = People(PeopleSelection(project, "UTC", clock.now), limit=1)
    first = cache.ask(listed, stale_for=SOON).answer
    second = cache.ask(replace(listed, after=first.cursor)).answer
    background.shutdown(wait=True)

    assert sorted(each.person for page in (first, second) for each in page.people) == [1, 2]


def test_stale_answer_says_so_and_is_read_anew_beside(
    opened: Open, background: ThreadPoolExecutor, insert: Insert, project: str, store: redis.Redis
) -> None:
    cache = opened(store)
    visit(insert, project, 1)
    cache.ask(Metrics(scope(project)))
    visit(insert, project, 2)

    stale = cache.ask(Metrics(scope(project)), stale_for=SOON)
    background.shutdown(wait=True)
    fresh = cache.ask(Metrics(scope(project)))

    assert (stale.fresh, stale.answer.current.sessions) == (False, 1)
    assert (fresh.fresh, fresh.answer.current.sessions) == (True, 2)


def test_stale_answer_that_somebody_waited_for_meanwhile_is_not_read_once_more(
    opened: Open, background: ThreadPoolExecutor, watched: Watched, insert: Insert, project: str
) -> None:
    cache, let = opened(), Event()
    visit(insert, project, 1)
    cache.ask(Metrics(scope(project)))
    visit(insert, project, 2)
    busy = [background.submit(let.wait, PATIENCE_S) for _ in range(4)]

    stale = cache.ask(Metrics(scope(project)), stale_for=SOON)
    fresh = cache.ask(Metrics(scope(project)))
    let.set()
    background.shutdown(wait=True)

    assert [one.result() for one in busy] == [True] * 4
    assert (stale.fresh, fresh.fresh, watched.read) == (False, True, 2)


def test_answer_older_than_allowed_is_waited_for(
    opened: Open, clock: Clock, insert: Insert, project: str
) -> None:
    cache = opened()
    visit(insert, project, 1)
    cache.ask(Metrics(scope(project)))
    visit(insert, project, 2)
    clock.now += SOON + timedelta(seconds=1)

    found = cache.ask(Metrics(scope(project)), stale_for=SOON)

    assert (found.fresh, found.answer.current.sessions) == (True, 2)


def test_nothing_is_kept_for_ever(
    opened: Open, clock: Clock, watched: Watched, insert: Insert, project: str
) -> None:
    cache = opened()
    visit(insert, project, 1)
    cache.ask(Metrics(scope(project)))

    clock.now += KEPT_FOR + timedelta(seconds=1)
    cache.ask(Metrics(scope(project)))

    assert watched.read == 2


def test_equal_questions_at_once_are_read_once(
    opened: Open, watched: Watched, insert: Insert, project: str
) -> None:
    cache = opened()
    visit(insert, project, 1)
    assert cache.ask(Metrics(scope(f"{project} other"))).answer.current.sessions == 0

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: cache.ask(Metrics(scope(project))).answer, range(16)))

    assert found == [found[0]] * 16
    assert watched.read == 2


def test_store_that_is_away_only_costs_time(opened: Open, insert: Insert, project: str) -> None:
    nobody = redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    visit(insert, project, 1)

    assert opened(nobody).ask(Metrics(scope(project))).answer.current.sessions == 1


def test_what_others_left_in_the_store_is_not_believed(
    opened: Open, watched: Watched, insert: Insert, project: str, store: redis.Redis
) -> None:
    visit(insert, project, 1)
    opened(store).ask(Metrics(scope(project)))
    for key in store.keys(f"op:answers:{watched.database}:{project}:*".replace("[", "\\[")):
        store.set(key, b"noise")

    assert opened(store).ask(Metrics(scope(project))).answer.current.sessions == 1
    assert watched.read == 2


def test_query_is_stopped_when_who_asked_hangs_up(opened: Open, project: str, warehouse: Warehouse) -> None:
    cache, caller = opened(), Caller()
    asked = Event()
    endless = f"/* {secrets.token_hex(8)} */ {NEVER_ENDS}"

    @dataclass(frozen=True)
    class Endless(Metrics):
        def statement(self, source: Source) -> Statement:
            assert source is Source.SESSIONS
            asked.set()
            return Statement(endless)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(cache.ask, Endless(scope(project)), caller=caller)
        assert asked.wait(PATIENCE_S)
        caller.hang_up()
        with pytest.raises(HungUp):
            waiting.result(PATIENCE_S)

    assert running(warehouse, endless) == 0


def test_failure_is_not_kept(opened: Open, watched: Watched, insert: Insert, project: str) -> None:
    cache = opened()
    visit(insert, project, 1)
    watched.away = True
    with pytest.raises(Unavailable):
        cache.ask(Metrics(scope(project)))

    watched.away = False
    answer: MetricsAnswer = cache.ask(Metrics(scope(project))).answer

    assert answer.current.sessions == 1


def visit(
    insert: Insert,
    project: str,
    number: int,
    *,
    event: int | None = None,
    ago: timedelta = timedelta(hours=1),
    groups: tuple[str, ...] = (),
) -> None:
    at = round((NOW - ago).timestamp() * 1000) + number
    insert(
        tables.EVENTS,
        [
            {
                "project_id": project,
                "name": "screen_view",
                "path": "/",
                "created_at": at,
                "session_started_at": at,
                "day": datetime.fromtimestamp(at / 1000, tz=UTC).date().toordinal() - 719_163,
                "session_id": number,
                "event_id": event or number,
                "person": number,
                "groups": groups,
            }
        ],
    )


def running(warehouse: Warehouse, sql: str) -> int:
    found = warehouse.query(
        "SELECT count() FROM system.processes WHERE query LIKE {text:String} AND query NOT LIKE '%system.processes%'",
        parameters={"text": f"%{sql}%"},
    )
    return int(found[0][0])

"""What every answer has, the export's and the cohorts' as well: asked once, confirmed by its tag, explained, never old."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response

from openpanel.analytics.cache import Cache
from openpanel.warehouse import Warehouse, tables
from openpanel_api.public.asking import fresh_name
from openpanel_api.public.services import Services
from openpanel_local.engines.clickhouse import ClickHouse
from tests.api.public.asking import Json, asked, managed
from tests.api.public.conftest import Clock, Place, an_app
from tests.api.public.small_worlds import make_project, ms, put, put_events
from tests.api.public.world import NOW

PAYERS = {"kind": "events", "rules": [{"name": "revenue"}]}


class Counting(Warehouse):
    """A warehouse that remembers what was asked for somebody."""

    asked: list[str]

    def query(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:  # fmt: skip
        if (settings or {}).get("log_comment"):
            self.asked.append(sql)
        return super().query(sql, parameters=parameters, settings=settings)


@pytest.fixture
def counting(shop: Place, clickhouse: ClickHouse) -> Iterator[Counting]:
    with Counting(clickhouse.url, database=shop.warehouse.database) as opened:
        opened.asked = []
        yield opened


@pytest.fixture
def app(shop: Place, counting: Counting, clock: Clock) -> FastAPI:
    """An application that misses nothing that was counted."""
    services = Services(shop.database, counting, clock_ms=clock)
    app = an_app(services)
    app.state.answers = Cache(
        counting,
        clock=services.now,
        fresh_name=fresh_name,
        background=services.background,
        version_kept_s=0,
    )
    return app


@pytest.fixture
async def cohort(shop: Place) -> str:
    body = {"name": "Payers", "definition": PAYERS}
    return str((await managed(shop, "POST", "projects/shop/cohorts", body))["id"])


async def members(shop: Place, cohort: str, **asked_for: Any) -> Response:
    path = f"/manage/projects/shop/cohorts/{cohort}/members"
    return await asked(shop, path, who="shop/admin", **asked_for)


async def test_equal_exports_are_read_once(shop: Place, app: FastAPI, counting: Counting) -> None:
    export = {"event": "signup", "includes": "properties"}

    answers = await asyncio.gather(*(asked(shop, "/export/events", export, app=app) for _ in range(5)))

    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json()["meta"]["totalCount"] == 2
    assert len(counting.asked) == 2  # the page, and how many there are


async def test_an_export_sees_what_was_counted_since(shop: Place, app: FastAPI) -> None:
    project = make_project(shop, "exported")
    who = f"{project}/reader"
    found = []
    for number in (1, 2):
        put_events(shop, [{"project_id": project, "name": "click", "at": NOW, "event_id": number}])
        answer = await asked(shop, "/export/events", who=who, app=app)
        found.append(answer.json()["meta"]["totalCount"])

    assert found == [1, 2]


async def test_an_export_that_has_not_changed_is_only_confirmed(shop: Place) -> None:
    first = await asked(shop, "/export/events", {"limit": 2})
    tag = first.headers["etag"]

    same = await asked(shop, "/export/events", {"limit": 2}, headers={"if-none-match": tag})
    other = await asked(shop, "/export/events", {"limit": 3}, headers={"if-none-match": tag})

    assert (same.status_code, same.content, other.status_code) == (304, b"", 200)
    assert "ratelimit" in same.headers


@pytest.mark.parametrize(
    ("path", "questions"),
    [
        ("/export/events?explain=true", ["Events", "EventCount"]),
        ("/export/events?explain=true&cursor=0000019000000000000000000000000f", ["Events"]),
        ("/export/events?explain=true&format=parquet", ["ExportedEvents"]),
    ],
    ids=["page", "cursor", "file"],
)
async def test_an_export_can_be_explained(shop: Place, path: str, questions: list[str]) -> None:
    plans = (await asked(shop, path)).json()["plans"]

    assert [plan["question"] for plan in plans] == questions
    assert all(plan["source"] == "events" for plan in plans)
    assert {read["table"] for plan in plans for read in plan["reads"]} == {"events"}


async def test_members_are_read_once_confirmed_and_explained(
    shop: Place, app: FastAPI, counting: Counting, cohort: str
) -> None:
    first = await members(shop, cohort, app=app)
    again = await members(shop, cohort, app=app)
    confirmed = await members(shop, cohort, app=app, headers={"if-none-match": first.headers["etag"]})
    plans = (await members(shop, cohort, parameters={"explain": "true"})).json()["plans"]

    assert first.json() == again.json()
    assert [each["profileId"] for each in first.json()["data"]] == ["ada"]
    assert (len(counting.asked), confirmed.status_code) == (1, 304)
    assert [plan["question"] for plan in plans] == ["CohortMembers"]


async def test_a_definition_is_tried_once_and_explained(
    shop: Place, app: FastAPI, counting: Counting
) -> None:
    async def tried(**parameters: Any) -> Json:
        path, body = "/manage/projects/shop/cohorts/preview", {"definition": PAYERS}
        return (await asked(shop, path, parameters, body=body, who="shop/admin", app=app)).json()

    first, again = await tried(), await tried()
    asked_for = len(counting.asked)
    plans = (await tried(explain="true"))["plans"]

    assert first == again == {"data": {"members": 1}}
    assert asked_for == 1
    assert [plan["question"] for plan in plans] == ["CohortSize"]


async def test_a_replay_that_arrives_is_told_of_at_once(shop: Place, app: FastAPI) -> None:
    """Of two visits one is recorded, after both were counted and shown."""
    project = make_project(shop, "recorded")
    put_events(shop, [
        {"project_id": project, "name": name, "at": NOW - timedelta(hours=1), "session_id": session, "person": session, "device_id": session}
        for session in (1, 2) for name in ("session_start", "screen_view")
    ])  # fmt: skip

    async def recorded() -> list[tuple[str, bool]]:
        answer = await asked(shop, f"/insights/{project}/sessions", who=f"{project}/reader", app=app)
        return sorted((row["id"], row["hasReplay"]) for row in answer.json())

    before = await recorded()
    kept = ms(
        datetime(2100, 1, 1, tzinfo=UTC)
    )  # parts of replays go after thirty days of the store's own clock
    chunk = {"project_id": project, "session_id": 2, "started_at": kept, "ended_at": kept}
    put(shop, tables.REPLAY_CHUNKS, [chunk])

    assert before == [("0000000000000001", False), ("0000000000000002", False)]
    assert await recorded() == [("0000000000000001", False), ("0000000000000002", True)]


async def test_an_older_list_says_its_age_also_where_only_a_part_of_it_is_old(
    shop: Place, app: FastAPI, clock: Clock
) -> None:
    """The list of people is as of now, what they were told to be is not."""
    await asked(shop, "/insights/shop/profiles", app=app)
    clock.ms += 30_000

    stale = await asked(shop, "/insights/shop/profiles", app=app, headers={"cache-control": "max-stale=60"})

    assert (stale.status_code, stale.headers["age"]) == (200, "30")

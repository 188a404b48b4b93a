"""What every question has: a plan, a tag, a table, an age, limits that say what to narrow, and one asking for all."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from fastapi import FastAPI
from httpx import Response

from openpanel.warehouse import Unavailable, Warehouse
from openpanel_api.public.app import create_app
from openpanel_api.public.services import Services
from openpanel_local.engines.clickhouse import ClickHouse
from tests.api.public.asking import Json, asked
from tests.api.public.conftest import Clock, Place
from tests.api.public.small_worlds import make_project

OVERVIEW = "/insights/shop/overview"


class Counting(Warehouse):
    """A warehouse that counts statements about sessions, and may refuse them."""

    read = 0
    error: Unavailable | None = None

    def query(
        self, sql: str, *, parameters: Mapping[str, object] | None = None, settings: Mapping[str, object] | None = None
    ) -> list[tuple[Any, ...]]:  # fmt: skip
        if "FROM sessions" in sql:
            self.read += 1
            if self.error is not None:
                raise self.error
        return super().query(sql, parameters=parameters, settings=settings)


@pytest.fixture
def counting(shop: Place, clickhouse: ClickHouse) -> Iterator[Counting]:
    with Counting(clickhouse.url, database=shop.warehouse.database) as opened:
        yield opened


@pytest.fixture
def app(shop: Place, counting: Counting, clock: Clock) -> FastAPI:
    return create_app(Services(shop.database, counting, clock_ms=clock))


async def test_a_question_can_be_explained_instead_of_answered(shop: Place) -> None:
    answer = await asked(shop, OVERVIEW, {"explain": "true"})

    metrics, series = answer.json()["plans"]
    assert (metrics["question"], series["question"], metrics["source"]) == ("Metrics", "Series", "sessions")
    assert "events are quick to read" in metrics["reason"]
    assert metrics["parameters"]["project"] == "shop"
    assert "shop" not in metrics["sql"]
    assert {read["table"] for read in metrics["reads"]} >= {"sessions"}


async def test_an_answer_that_has_not_changed_is_only_confirmed(shop: Place) -> None:
    first = await asked(shop, OVERVIEW)
    tag = first.headers["etag"]

    same = await asked(shop, OVERVIEW, headers={"if-none-match": f'"other", {tag}'})
    other = await asked(shop, OVERVIEW, {"range": "7d"}, headers={"if-none-match": tag})

    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert (other.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    assert "ratelimit" in same.headers


FUNNEL = {"steps": [{"name": "screen_view"}, {"name": "signup"}], "range": "7d"}
CHART = {"series": [{"name": "screen_view"}], "range": "7d", "projectId": "shop"}
PREVIEW = {"definition": {"kind": "events", "rules": [{"name": "signup"}]}}
POSTED = [
    ("/insights/shop/funnel", FUNNEL),
    ("/insights/shop/conversion", FUNNEL),
    ("/export/charts", CHART),
    ("/manage/projects/shop/cohorts/preview", PREVIEW),
]


@pytest.mark.parametrize(("path", "question"), POSTED, ids=[path for path, _ in POSTED])
async def test_an_answer_to_a_posted_question_is_confirmed_as_a_failed_condition(
    shop: Place, path: str, question: Json
) -> None:
    async def post(body: Json, **headers: str) -> Response:
        return await asked(shop, path, body=body, headers=headers, who="shop/admin")

    first = await post(question)
    tag = {"if-none-match": first.headers["etag"]}
    same, explained = (
        await post(question, **tag),
        await asked(shop, f"{path}?explain=true", body=question, headers=tag, who="shop/admin"),
    )

    assert (first.status_code, same.status_code) == (200, 412)
    assert same.json() == {
        "status": 412, "error": "Precondition Failed", "message": "The answer is still the one that If-None-Match names",
    }  # fmt: skip
    assert same.headers["etag"] == first.headers["etag"]
    assert explained.status_code == 200


async def test_equal_questions_are_asked_once(shop: Place, app: FastAPI, counting: Counting) -> None:
    answers = await asyncio.gather(*(asked(shop, OVERVIEW, app=app) for _ in range(5)))

    assert {answer.text for answer in answers} == {answers[0].text}
    assert counting.read == 2  # the numbers, and their series


async def test_processes_share_their_answers(
    shop: Place, counting: Counting, clock: Clock, valkey_url: str
) -> None:
    with redis.Redis.from_url(valkey_url) as store:
        store.flushdb()
        for _ in range(2):
            services = Services(shop.database, counting, clock_ms=clock, shared=store)
            answer = await asked(shop, "/insights/shop/country", app=create_app(services))
            assert answer.status_code == 200

    assert counting.read == 1


async def test_an_older_answer_is_given_to_who_takes_it_and_says_its_age(
    shop: Place, counting: Counting, clock: Clock
) -> None:
    with ThreadPoolExecutor(1) as background:
        app = create_app(Services(shop.database, counting, clock_ms=clock, background=background))
        await asked(shop, OVERVIEW, app=app)
        clock.ms += 30_000
        stale = await asked(shop, OVERVIEW, app=app, headers={"cache-control": "max-stale=60"})

    fresh = await asked(shop, OVERVIEW, app=app)
    assert (stale.status_code, stale.headers["age"], "age" in fresh.headers) == (200, "30", False)


async def test_a_question_over_a_limit_is_told_what_to_narrow(
    shop: Place, app: FastAPI, counting: Counting
) -> None:
    counting.error = Unavailable("Timeout exceeded", code=159)

    answer = await asked(shop, OVERVIEW, {"range": "365d"}, app=app)

    assert answer.status_code == 422
    body = answer.json()
    assert (body["status"], body["limit"]) == (422, "time")
    assert body["advice"] == "Ask for a shorter range than 365 days or a filter."
    assert (
        body["message"] == f"The question is too large: it would take more than 30 seconds. {body['advice']}"
    )


async def test_a_store_that_is_away_is_no_answer(shop: Place, app: FastAPI, counting: Counting) -> None:
    counting.error = Unavailable("away")

    answer = await asked(shop, OVERVIEW, app=app)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "away" not in answer.text


async def test_a_list_is_a_table_on_demand(shop: Place) -> None:
    table = await asked(shop, "/insights/shop/country", {"format": "csv"})
    lines = await asked(shop, "/insights/shop/country", {"format": "ndjson"})
    plain = await asked(shop, "/insights/shop/country")

    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(row["name"], row["visitors"], row["share"]) for row in rows] == [
        ("KR", "2", "66.67"),
        ("DE", "1", "33.33"),
    ]
    assert [json.loads(line) for line in lines.text.splitlines()] == plain.json()
    assert lines.headers["content-type"] == "application/x-ndjson"


async def test_a_table_keeps_quotes_lists_and_gaps(shop: Place) -> None:
    answer = await asked(shop, "/insights/shop/sessions", {"format": "csv", "profileId": "ada", "limit": 1})

    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["groups"], row["isBounce"], row["utmSource"]) == ('["acme"]', "true", "")
    assert answer.headers["link"].endswith('; rel="next"')


async def test_a_series_is_a_table_of_its_buckets(shop: Place) -> None:
    answer = await asked(
        shop,
        OVERVIEW,
        {"format": "csv", "interval": "day", "startDate": "2026-02-27", "endDate": "2026-02-28"},
    )

    assert [line.split(",")[:3] for line in answer.text.splitlines()] == [
        ["date", "unique_visitors", "total_sessions"],
        ["2026-02-27T00:00:00+09:00", "1", "1"],
        ["2026-02-28T00:00:00+09:00", "1", "1"],
    ]


NO_ROWS: list[tuple[str, Json, str]] = [
    ("events?eventNames=never", None, "id,name,projectId,deviceId"),
    ("events/names?search=never", None, "name,count,last_day"),
    ("events/stats?event=never&range=1d", None, "name,date,count"),
    ("sessions?profileId=nobody", None, "id,"),
    ("profiles?search=nobody", None, "id,isExternal,firstName,lastName,email,avatar,properties,groups,createdAt,firstSeenAt"),
    ("groups?type=none", None, "id,"),
    ("links?startDate=2026-01-01&endDate=2026-01-02", None, "href,text,clicks,visitors,sessions"),
    ("map?startDate=2026-01-01&endDate=2026-01-02", None, "country,region,city,latitude,longitude"),
    ("pages/performance?search=nothing", None, "origin,path,sessions,pageviews,revenue,title,avg_duration,bounce_rate,seo_signals.high_bounce"),
    ("traffic/series?dimension=city&startDate=2026-01-01&endDate=2026-01-02", None, "prefix,name,date,visitors"),
    ("user_flow?startEvent=never", None, "source,target,value"),
    ("funnel/people?", {"steps": [{"name": "a"}, {"name": "b"}], "step": 1}, "id,anonymous"),
    ("funnel?", {"steps": [{"name": "a"}, {"name": "b"}], "breakdowns": ["country"]}, "breakdown.country,other,step,eventName"),
    ("chart/people?", {"series": {"name": "never"}}, "id,anonymous"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "columns"), NO_ROWS, ids=[each[0].partition("?")[0] for each in NO_ROWS]
)
async def test_a_table_without_rows_still_names_its_columns(
    shop: Place, path: str, body: Json, columns: str
) -> None:
    answer = await asked(shop, f"/insights/shop/{path}&format=csv", body=body)

    header, *rows = answer.text.split("\r\n")
    assert (answer.status_code, rows) == (200, [""])
    assert header.startswith(columns)


async def test_a_project_without_people_has_a_table_of_them_too(shop: Place) -> None:
    project = make_project(shop, "nobody")

    answer = await asked(shop, f"/insights/{project}/engagement?format=csv", who=f"{project}/reader")

    assert answer.text == "days,users\r\n"


async def test_a_chart_without_rows_names_its_columns(shop: Place) -> None:
    question = {"series": '[{"name":"never"}]', "breakdowns": "country", "format": "csv"}

    answer = await asked(shop, "/export/charts", question)

    assert answer.text == "series,name,breakdown.country,other,date,count\r\n"


async def test_who_is_here_now_is_asked_once_while_nothing_happens(
    shop: Place, counting: Counting, clock: Clock
) -> None:
    app = create_app(Services(shop.database, counting, clock_ms=clock))

    first = await asked(shop, "/insights/shop/realtime", app=app)
    clock.ms += 3_000
    second = await asked(shop, "/insights/shop/realtime", app=app)
    asked_for = counting.read
    clock.ms += 10_000
    await asked(shop, "/insights/shop/realtime", app=app)

    assert first.json() == second.json()
    assert (asked_for > 0, counting.read) == (True, 2 * asked_for)

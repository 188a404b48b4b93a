"""`/export/charts`: the FinalChart of the small shop, by query string and by JSON, and refusals with their path."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.api.public.asking import Json, asked
from tests.api.public.conftest import Place
from tests.api.public.small_worlds import make_project, put_events
from tests.api.public.world import NOW

pytestmark = pytest.mark.usefixtures("shop")
DAYS = {"startDate": "2026-02-27", "endDate": "2026-03-01"}
VIEWS = [{"name": "screen_view"}]


async def chart(shop: Place, **asked_for: Any) -> Json:
    """The answer to a question in JSON, which is the same as that to the query string."""
    plain = {
        name: value if isinstance(value, str | int) else json.dumps(value)
        for name, value in asked_for.items()
    }
    posted = await asked(shop, "/export/charts", body={**DAYS, **asked_for})
    got = await asked(shop, "/export/charts", {**DAYS, **plain})
    assert (posted.status_code, got.status_code) == (200, 200), (posted.text, got.text)
    assert posted.json() == got.json()
    return posted.json()


def lines(body: Json) -> dict[str, list[float | None]]:
    """The values of each line by its names."""
    return {" ".join(line["names"]): [point["count"] for point in line["data"]] for line in body["series"]}


async def test_a_chart_has_the_shape_of_a_final_chart(shop: Place) -> None:
    body = await chart(shop, series=[{"name": "screen_view", "segment": "user", "id": "views"}])

    assert body == {
        "series": [{
            "id": "A", "names": ["screen_view"], "other": False,
            "event": {"id": "views", "name": "screen_view", "breakdowns": {}},
            "metrics": {"sum": 4.0, "average": 4 / 3, "min": 1.0, "max": 2.0, "count": 3.0, "previous": None},
            "data": [
                {"date": "2026-02-27T00:00:00+09:00", "count": 1.0, "previous": None},
                {"date": "2026-02-28T00:00:00+09:00", "count": 1.0, "previous": None},
                {"date": "2026-03-01T00:00:00+09:00", "count": 2.0, "previous": None},
            ],
        }],
        "metrics": {"sum": 4.0, "average": 4 / 3, "min": 1.0, "max": 2.0},
        "approximate": False,
        "references": [],
    }  # fmt: skip


SHAPES: list[tuple[str, dict[str, Any], dict[str, list[float | None]]]] = [
    ("segments", {"series": [{"name": "*", "segment": "session"}]}, {"*": [1, 1, 2]}),
    ("property", {"series": [{"name": "revenue", "segment": "property_sum", "property": "revenue"}]}, {"revenue": [5000, 0, 0]}),
    ("filters-of-a-series", {"series": [{"name": "screen_view", "filters": [{"name": "path", "value": "/pricing"}]}]}, {"screen_view": [1, 1, 0]}),
    ("filters-of-all", {"series": VIEWS, "filters": [{"name": "country", "operator": "isNot", "value": ["KR"]}]}, {"screen_view": [0, 2, 0]}),
    ("breakdown", {"series": VIEWS, "breakdowns": ["country"]}, {"screen_view KR": [2, 0, 2], "screen_view DE": [0, 2, 0]}),
    ("other", {"series": VIEWS, "breakdowns": [{"name": "city"}], "limit": 1}, {"screen_view Seoul": [2, 0, 1], "screen_view Other": [0, 2, 1]}),
    ("several", {"series": [*VIEWS, {"name": "signup", "displayName": "New"}]}, {"(A) screen_view": [2, 2, 2], "(B) New": [1, 0, 1]}),
    ("formula-with-hidden", {"series": [*VIEWS, {"name": "signup"}, {"type": "formula", "formula": "B / A * 100", "displayName": "Rate", "hideSeries": ["A", "B"]}]}, {"(C) Rate": [50, 0, 50]}),
    ("total", {"series": VIEWS, "chartType": "metric"}, {"screen_view": [6]}),
    ("own-cohort", {"series": VIEWS, "cohorts": [{"id": "payers", "events": [{"name": "revenue"}]}], "breakdowns": ["cohort:payers"]}, {"screen_view true": [2, 0, 1], "screen_view false": [0, 2, 1]}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "expected"), [each[1:] for each in SHAPES], ids=[each[0] for each in SHAPES]
)
async def test_a_chart_counts_what_was_asked(
    shop: Place, question: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert lines(await chart(shop, **question)) == expected


async def test_the_time_before_stands_beside_each_point(shop: Place) -> None:
    body = (await asked(shop, "/export/charts", {"series": json.dumps(VIEWS), "range": "today", "interval": "day", "previous": "true"})).json()  # fmt: skip

    (line,) = body["series"]
    assert line["data"][0]["previous"] == {"value": 2.0, "diff": 0.0, "state": "neutral"}
    assert line["metrics"]["previous"]["sum"] == {"value": 2.0, "diff": 0.0, "state": "neutral"}


async def test_a_chart_as_a_table_has_a_line_for_each_point(shop: Place) -> None:
    question = {"series": json.dumps(VIEWS), "breakdowns": "country", "format": "csv", **DAYS}

    answer = await asked(shop, "/export/charts", question)

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.splitlines()[:2] == [
        "series,name,breakdown.country,other,date,count",
        "A,screen_view,KR,false,2026-02-27T00:00:00+09:00,2.0",
    ]
    assert len(answer.text.splitlines()) == 7


ADA, SECOND = {"true": [2, 0, 1], "false": [0, 2, 1]}, {"true": [0, 2, 0], "false": [2, 0, 2]}


@pytest.mark.parametrize(
    ("start", "end", "views"),
    [
        ("2026-02-27", "2026-02-27", ADA),
        ("2026-02-27", "2026-02-28", {"true": [2, 2, 1], "false": [0, 0, 1]}),
        ("2026-02-28T09:00:00", "2026-02-28T09:00:00", SECOND),
        ("2026-02-28T00:00:00Z", "2026-02-28T00:00Z", SECOND),
    ],
    ids=["day", "days", "second", "minute"],
)
async def test_a_cohort_of_the_question_includes_its_end(
    shop: Place, start: str, end: str, views: dict[str, list[float]]
) -> None:
    then = {"id": "then", "events": [{"name": "screen_view", "start": start, "end": end}]}

    body = await chart(shop, series=VIEWS, cohorts=[then], breakdowns=["cohort:then"])

    assert lines(body) == {f"screen_view {is_in}": counts for is_in, counts in views.items()}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("no-series", {"series": []}, "series: List should have at least 1 item"),
    ("segment", {"series": [{"name": "a", "segment": "users"}]}, "series[0].segment: Input should be 'event', 'user'"),
    ("field", {"series": VIEWS, "breakdowns": ["colour"]}, "breakdowns[0].name: no such field, expected one of name"),
    ("operator", {"series": VIEWS, "filters": [{"name": "created_at", "operator": "contains", "value": ["x"]}]}, "filters[0].name: contains is not for values of type datetime"),
    ("property", {"series": [{"name": "a", "segment": "property_sum"}]}, "series[0].segment: needs a property"),
    ("formula", {"series": [*VIEWS, {"type": "formula", "formula": "A +"}]}, "series[1].formula: formula 'A +' at 4: something is missing at the end"),
    ("letter", {"series": [*VIEWS, {"type": "formula", "formula": "A / C"}]}, "'C' is no series and no function"),
    ("hidden", {"series": [*VIEWS, {"type": "formula", "formula": "A", "hideSeries": ["C"]}]}, "hideSeries: there is no series C; expected some of A, B"),
    ("points", {"series": VIEWS, "range": "365d", "interval": "minute"}, "interval: too many buckets"),
    ("cohort", {"series": VIEWS, "breakdowns": ["cohort:none"]}, "breakdowns[0].name: no cohort of this project"),
    ("own-cohort", {"series": VIEWS, "cohorts": [{"id": "x"}], "breakdowns": ["cohort"]}, "cohorts[0]: expected either events or profile"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "message"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
async def test_a_wrong_chart_is_refused_with_its_path(
    shop: Place, question: dict[str, Any], message: str
) -> None:
    answer = await asked(shop, "/export/charts", body=question)

    assert answer.status_code == 400
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, 'series: expected a JSON array such as [{"name":"screen_view"}]'),
        ({"series": "[{]"}, "series: Invalid JSON"),
        ({"events": '[{"name":"a","segment":"x"}]'}, "events[0].segment: Input should be"),
        (
            {"series": '[{"name":"a"}]', "globalFilters": '[{"name":"a","operator":"x"}]'},
            "globalFilters[0].operator",
        ),
        (
            {"series": '[{"name":"a"}]', "events": '[{"name":"b"}]'},
            "events: expected either series or events",
        ),
        (
            {"series": '[{"name":"a"}]', "projectId": "shop", "project_id": "mine"},
            "projectId: is given 2 times",
        ),
    ],
    ids=["none", "json", "legacy-name", "global-filters", "both-names", "both-projects"],
)
async def test_a_wrong_query_string_is_refused_with_its_path(
    shop: Place, parameters: dict[str, str], message: str
) -> None:
    answer = await asked(shop, "/export/charts", parameters)

    assert answer.status_code == 400
    assert message in answer.json()["message"]


async def test_a_value_that_is_called_other_is_not_all_the_others(shop: Place) -> None:
    """Two people of a country called Other, one each of two more; and two pairs of values that read alike together."""
    project = make_project(shop, "likenesses")
    did = [("Other", "x"), ("Other", "x"), ("DE", "y"), ("FR", "z")]
    alike = [("a", "b-c"), ("a-b", "c")]
    put_events(
        shop,
        [
            {"project_id": project, "name": name, "at": NOW - timedelta(hours=number), "person": number,
             "session_id": number, "device_id": number, "country": country, "city": city}
            for name, pairs in (("visit", did), ("pair", alike))
            for number, (country, city) in enumerate(pairs, start=1)
        ],
    )  # fmt: skip
    who, days = f"{project}/reader", {"range": "7d", "limit": 1, "breakdowns": ["country"]}
    steps = {"steps": [{"name": "visit"}, {"name": "visit"}], "groupBy": "profile_id", **days}
    path = f"/insights/{project}"

    lines = await asked(shop, "/export/charts", body={"series": [{"name": "visit"}], **days}, who=who)
    pairs = {"series": [{"name": "pair"}], "range": "7d", "breakdowns": ["country", "city"]}
    found = await asked(shop, "/export/charts", body=pairs, who=who)
    funnel = await asked(shop, f"{path}/funnel", body=steps, who=who)
    conversion = await asked(shop, f"{path}/conversion", body=steps, who=who)
    retention = await asked(shop, f"{path}/retention/cohort", body={"interval": "week", **days}, who=who)

    assert [(line["id"], line["other"]) for line in lines.json()["series"]] == [
        ("A-Other", False),
        ("A.other", True),
    ]
    assert sorted(line["id"] for line in found.json()["series"]) == ["A-a%2Db-c", "A-a-b%2Dc"]
    rows = (*funnel.json()["rows"], *conversion.json(), *retention.json())
    assert {row["breakdowns"]["country"] for row in rows} == {"Other"}
    assert [row["other"] for row in (*funnel.json()["rows"], *conversion.json())] == [False, True] * 2
    weeks = len(retention.json()) // 2
    assert [row["other"] for row in retention.json()] == [*[False] * weeks, *[True] * weeks]

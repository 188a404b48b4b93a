"""`/insights/{projectId}/reports/{reportId}/data`: every kind of report, saved and answered over HTTP."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from openpanel.metadata import reports
from tests.api.public.asking import Json, asked
from tests.api.public.conftest import Place
from tests.api.public.world import NOW

pytestmark = pytest.mark.usefixtures("shop")
DAYS = {"startDate": "2026-02-27", "endDate": "2026-03-01"}
VIEWS: list[Json] = [{"name": "screen_view"}]
STEPS: list[Json] = [{"name": "screen_view"}, {"name": "signup"}]


async def saved(shop: Place, report: Json) -> str:
    """The id of a new report of the shop."""
    board = await asked(shop, "/manage/projects/shop/dashboards", body={"name": "Board"}, who="shop/admin")
    path = f"/manage/projects/shop/dashboards/{board.json()['data']['id']}/reports"
    made = await asked(shop, path, body={"name": "Saved", "report": {**DAYS, **report}}, who="shop/admin")
    assert made.status_code == 200, made.text
    return str(made.json()["data"]["id"])


def counts(body: Json) -> Any:
    """The values of each line of a chart."""
    return [[point["count"] for point in line["data"]] for line in body["series"]]


def rates(rows: Json) -> Any:
    return [(row["total"], row["conversions"], row["rate"]) for row in rows]


KINDS: list[tuple[str, Json, Callable[[Json], Any], Any, list[str]]] = [
    *[(kind, {"series": VIEWS}, counts, [[2.0, 2.0, 2.0]], ["series", "name", "date", "count"]) for kind in ("linear", "area", "histogram")],
    ("bar", {"series": VIEWS, "breakdowns": ["country"]}, counts, [[4.0], [2.0]], ["series", "name", "breakdown.country", "other", "date", "count"]),
    ("pie", {"series": [{"name": "screen_view", "segment": "user"}], "breakdowns": ["country"]}, counts, [[2.0], [1.0]], ["series", "name", "breakdown.country", "other", "date", "count"]),
    ("metric", {"series": [*VIEWS, {"name": "signup"}, {"type": "formula", "formula": "B / A * 100", "hideSeries": ["A", "B"]}]}, counts, [[pytest.approx(100 / 3)]], ["series", "name", "date", "count"]),
    ("map", {"series": VIEWS, "breakdowns": ["country"], "filters": [{"name": "country", "value": ["KR"]}]}, counts, [[4.0]], ["series", "name", "breakdown.country", "other", "date", "count"]),
    ("funnel", {"steps": STEPS}, lambda body: [(step["eventName"], step["users"]) for step in body["rows"][0]["steps"]], [("screen_view", 4), ("signup", 2)],
     ["step", "eventName", "users"]),
    ("conversion", {"steps": STEPS, "group": "person", "interval": "day"}, rates, [(3, 2, 66.67)], ["date", "total", "conversions", "rate"]),
    ("retention", {"interval": "day"}, lambda rows: (rows[0]["cohort_interval"], rows[0]["sum"], rows[0]["values"]), ("Weighted Average", 3, [2, 1, None]), ["cohort_interval", "sum", "values"]),
    ("sankey", {"mode": "after", "start": {"name": "screen_view"}, "steps": 2}, lambda body: (body["sessions"], len(body["links"]) > 0), (4, True), ["source", "target", "value"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "report", "read", "expected", "columns"), KINDS, ids=[each[0] for each in KINDS]
)
async def test_a_saved_report_is_answered(
    shop: Place, *, kind: str, report: Json, read: Callable[[Json], Any], expected: Any, columns: list[str]
) -> None:
    path = f"/insights/shop/reports/{await saved(shop, {'chartType': kind, **report})}/data"

    plain = await asked(shop, path)
    table = await asked(shop, path, {"format": "csv"})
    plans = await asked(shop, path, {"explain": "true"})

    assert plain.status_code == 200, plain.text
    body = plain.json()
    assert (body["name"], body["chartType"]) == ("Saved", kind)
    assert (body["startDate"], body["endDate"]) == ("2026-02-27T00:00:00+09:00", "2026-03-02T00:00:00+09:00")
    assert read(body["data"]) == expected
    header = next(csv.reader(io.StringIO(table.text)))
    assert header[: len(columns)] == columns
    assert [plan["parameters"]["project"] for plan in plans.json()["plans"]] == ["shop"]


@pytest.mark.parametrize(
    ("kind", "report"),
    [
        ("linear", {"series": [{"name": "never"}], "breakdowns": ["country"]}),
        ("funnel", {"steps": [{"name": "never"}, {"name": "signup"}], "breakdowns": ["country"]}),
        ("conversion", {"steps": [{"name": "never"}, {"name": "signup"}], "breakdowns": ["country"]}),
        ("retention", {"starts": {"name": "never"}, "breakdowns": ["country"]}),
        ("sankey", {"start": {"name": "never"}}),
    ],
)
async def test_a_report_of_nothing_is_an_answer_and_a_table_with_its_columns(
    shop: Place, kind: str, report: Json
) -> None:
    path = f"/insights/shop/reports/{await saved(shop, {'chartType': kind, **report})}/data"

    plain = await asked(shop, path)
    table = await asked(shop, path, {"format": "csv"})

    assert (plain.status_code, table.status_code) == (200, 200)
    assert table.text.split("\r\n")[0] != ""


async def test_a_report_compares_and_runs_in_the_project_s_time(shop: Place) -> None:
    report = {"startDate": None, "endDate": None, "range": "today", "interval": "day", "previous": True}
    path = await saved(shop, {"chartType": "linear", "series": VIEWS, **report})

    body = (await asked(shop, f"/insights/shop/reports/{path}/data")).json()

    assert (body["range"], body["startDate"]) == ("today", "2026-03-01T00:00:00+09:00")
    assert body["data"]["series"][0]["data"][0]["previous"]["value"] == 2.0


@pytest.mark.parametrize(("given", "used"), [(None, "week"), ("hour", "day"), ("month", "month")])
async def test_a_report_of_who_comes_back_tells_the_interval_of_its_rows(
    shop: Place, given: str | None, used: str
) -> None:
    report = await saved(shop, {"chartType": "retention", "interval": given})

    body = (await asked(shop, f"/insights/shop/reports/{report}/data")).json()

    first = {"week": "2026-02-23", "day": "2026-02-27", "month": "2026-02-01"}
    assert (body["interval"], body["data"][1]["cohort_interval"]) == (used, first[used])


@pytest.mark.parametrize(
    ("parameters", "status", "message"),
    [
        ({"format": "xml"}, 400, "format: Input should be 'json', 'csv' or 'ndjson'"),
        ({"limit": "3"}, 400, "limit: is not known here"),
        ({"explain": "perhaps"}, 400, "explain: Input should be a valid boolean"),
    ],
    ids=["format", "unknown", "explain"],
)
async def test_a_wrong_parameter_is_refused(
    shop: Place, parameters: dict[str, str], status: int, message: str
) -> None:
    report = await saved(shop, {"chartType": "linear", "series": VIEWS})

    answer = await asked(shop, f"/insights/shop/reports/{report}/data", parameters)

    assert answer.status_code == status
    assert message in answer.json()["message"]


@pytest.mark.parametrize(
    "report", ["none", "'; DROP TABLE events --", "%00", "0190a0c2-1111-7000-8000-000000000000"]
)
async def test_a_report_that_is_not_there_is_not_found(shop: Place, report: str) -> None:
    answer = await asked(shop, f"/insights/shop/reports/{report}/data")

    assert (answer.status_code, answer.json()["message"]) == (404, "Report not found")


async def test_a_report_of_another_project_is_not_found(shop: Place) -> None:
    report = await saved(shop, {"chartType": "linear", "series": VIEWS})

    answer = await asked(shop, f"/insights/mine/reports/{report}/data", who="mine/reader")
    foreign = await asked(shop, f"/insights/shop/reports/{report}/data", who="mine/reader")

    assert (answer.status_code, foreign.status_code) == (404, 403)


async def test_a_report_that_cannot_be_asked_any_more_says_why(shop: Place) -> None:
    path = f"/insights/shop/reports/{await saved(shop, {'chartType': 'retention'})}/data"
    reports.change(
        shop.database, project="shop", report=path.split("/")[4], expected=None, at=NOW, name=None, dashboard=None,
        question={"chartType": "retention", "previous": True},
    )  # fmt: skip

    answer = await asked(shop, path)

    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "report.previous: Extra inputs are not permitted; save the report anew"
    )


async def test_a_cohort_that_is_gone_is_named(shop: Place) -> None:
    by_cohort = {"chartType": "linear", "series": VIEWS, "breakdowns": ["cohort:gone"]}
    refused = await asked(
        shop,
        "/manage/projects/shop/dashboards",
        body={"name": "Board"},
        who="shop/admin",
    )
    path = f"/manage/projects/shop/dashboards/{refused.json()['data']['id']}/reports"

    answer = await asked(shop, path, body={"name": "x", "report": by_cohort}, who="shop/admin")

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("report.breakdowns[0].name: no cohort of this project")

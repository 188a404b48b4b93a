"""Dashboards and reports: saved as they were asked, refused when they could not be, and safe with two editors."""

import asyncio
from typing import Any

import pytest

from tests.api.public.manage.conftest import Asking

STEP = {"name": "checkout", "filters": [{"name": "country", "operator": "is", "value": ["KR"]}]}
REPORTS: list[dict[str, Any]] = [
    {"chartType": "linear", "range": "30d", "interval": "day", "previous": True, "series": [{"name": "screen_view"}]},
    {
        "chartType": "bar", "breakdowns": [{"name": "properties.plan"}, {"name": "country"}], "limit": 5,
        "series": [
            {"name": "*", "segment": "user"}, {"name": "paid", "segment": "property_sum", "property": "revenue"},
            {"type": "formula", "formula": "B / A", "displayName": "per person", "hideSeries": ["A"]},
        ],
        "filters": [{"name": "profile.properties.plan", "operator": "isNotNull"}], "unit": "€",
    },
    {"chartType": "metric", "startDate": "2026-01-01", "endDate": "2026-01-31", "series": [{"segment": "session"}]},
    {"chartType": "map", "range": "all", "series": [{"name": "screen_view"}]},
    {
        "chartType": "funnel", "steps": [{"name": "screen_view"}, STEP, {"name": "paid"}], "windowHours": 0.5,
        "group": "person", "order": "strict", "exclusions": [{"name": "refund", "after": 1, "before": 3}],
    },
    {"chartType": "conversion", "steps": [{"name": "screen_view"}, STEP], "interval": "week", "compare": "year"},
    {"chartType": "funnel", "steps": [{"name": "a"}, STEP], "group": "property", "key": "properties.orderId"},
    {"chartType": "retention", "starts": {"name": "sign_up"}, "interval": "week", "mode": "on", "begins": "ever"},
    {"chartType": "sankey", "mode": "after", "start": {"name": "screen_view"}, "steps": 4, "exclude": ["noise"]},
]  # fmt: skip
KINDS = [str(each["chartType"]) for each in REPORTS]


async def a_report(ask: Asking, project: str, board: str, **fields: Any) -> Any:
    body = {"name": "Views", "report": REPORTS[0], **fields}
    return await ask.data("POST", f"/projects/{project}/dashboards/{board}/reports", body)


async def test_a_dashboard_is_made_renamed_and_deleted(ask: Asking) -> None:
    project = (await ask.project())["id"]
    made = await ask.dashboard(project, "Sales")
    path = f"/projects/{project}/dashboards/{made['id']}"

    renamed = await ask.data("PATCH", path, {"name": "Revenue"})
    listed = await ask.data("GET", f"/projects/{project}/dashboards")
    deleted = await ask("DELETE", path)

    assert (made["name"], made["projectId"], made["version"]) == ("Sales", project, 1)
    assert (renamed["name"], renamed["version"]) == ("Revenue", 2)
    assert listed == [renamed]
    assert deleted.json() == {"success": True}
    assert (await ask("GET", path)).status_code == 404


@pytest.mark.parametrize("report", REPORTS, ids=KINDS)
async def test_every_kind_of_report_is_read_as_it_was_saved(ask: Asking, report: dict[str, Any]) -> None:
    project = (await ask.project())["id"]
    board = (await ask.dashboard(project))["id"]

    made = await a_report(ask, project, board, report=report)

    assert made["report"] == report
    assert (made["dashboardId"], made["layout"], made["version"]) == (board, None, 1)
    assert await ask.data("GET", f"/projects/{project}/reports/{made['id']}") == made
    assert await ask.data("GET", f"/projects/{project}/dashboards/{board}/reports") == [made]


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "report: "),
    ({"chartType": "doughnut"}, "report: "),
    ({"chartType": "linear"}, "report.series: "),
    ({"chartType": "linear", "series": []}, "report.series: "),
    ({"chartType": "linear", "series": [{"name": "a", "segment": "planets"}]}, "report.series[0].segment: "),
    ({"chartType": "linear", "series": [{"name": "a"}], "secret": 1}, "report.secret: "),
    ({"chartType": "linear", "series": [{"name": "a"}], "range": "soon"}, "report.range: "),
    ({"chartType": "linear", "series": [{"name": "a"}], "startDate": "2026-02-02", "endDate": "2026-02-01"}, "report.endDate: "),
    ({"chartType": "linear", "series": [{"name": "a"}], "filters": [{"name": "planet", "value": "x"}]}, "report.filters[0].name: "),
    ({"chartType": "linear", "series": [{"name": "a"}], "filters": [{"name": "revenue", "operator": "gt", "value": "much"}]}, "report.filters[0].name: "),
    ({"chartType": "linear", "series": [{"name": "a"}, {"type": "formula", "formula": "A / Z"}]}, "report.series[1].formula: formula "),
    ({"chartType": "linear", "series": [{"name": "a"}], "filters": [{"name": "cohort", "operator": "inCohort", "value": "nobody"}]}, "report.filters[0].value"),
    ({"chartType": "linear", "series": [{"type": "formula", "formula": "1"}]}, "report.series: "),
    ({"chartType": "bar", "series": [{"name": "a"}], "breakdowns": ["os", "os"]}, "report.breakdowns: "),
    ({"chartType": "sankey", "mode": "after"}, "report.mode: "),
    ({"chartType": "funnel", "steps": [{"name": "a"}]}, "report.steps: "),
    ({"chartType": "conversion", "steps": [{"name": "a"}] * 3}, "report.steps: "),
    ({"chartType": "funnel", "steps": [{"name": "a"}] * 2, "windowHours": 0}, "report.windowHours: "),
    ({"chartType": "sankey", "mode": "between", "start": {"name": "a"}}, ""),
    ({"chartType": "sankey", "start": {"name": "a"}, "compare": "year"}, "report.compare: "),
    ({"chartType": "retention", "previous": True}, "report.previous: "),
    ({"chartType": "funnel", "steps": [{"name": "a"}] * 2, "group": "property"}, "report.group: needs a key"),
]  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=[f"{number}-{case[1]}" for number, case in enumerate(BAD)])
async def test_a_question_that_cannot_be_asked_is_not_saved(
    ask: Asking, case: tuple[dict[str, Any], str]
) -> None:
    report, message = case
    project = (await ask.project())["id"]
    board = (await ask.dashboard(project))["id"]
    path = f"/projects/{project}/dashboards/{board}/reports"

    answer = await ask("POST", path, {"name": "x", "report": report})

    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(message), answer.text
    assert await ask.data("GET", path) == []


async def test_a_report_is_changed_copied_moved_and_deleted(ask: Asking) -> None:
    project = (await ask.project())["id"]
    board, other = [(await ask.dashboard(project, name))["id"] for name in ("One", "Two")]
    made = await a_report(ask, project, board)
    path = f"/projects/{project}/reports/{made['id']}"

    changed = await ask.data("PATCH", path, {"name": "Funnel", "report": REPORTS[4]})
    copy = await ask.data("POST", f"{path}/duplicate", {})
    named = await ask.data("POST", f"{path}/duplicate", {"name": "Mine"})
    moved = await ask.data("PATCH", path, {"dashboardId": other})
    deleted = await ask("DELETE", f"/projects/{project}/reports/{copy['id']}")

    assert (changed["name"], changed["report"], changed["version"]) == ("Funnel", REPORTS[4], 2)
    assert (copy["name"], copy["report"], copy["dashboardId"], copy["version"]) == (
        "Funnel (copy)", REPORTS[4], board, 1,
    )  # fmt: skip
    assert (named["name"], moved["dashboardId"], moved["version"]) == ("Mine", other, 3)
    assert deleted.status_code == 200
    left = await ask.data("GET", f"/projects/{project}/dashboards/{board}/reports")
    assert [each["id"] for each in left] == [named["id"]]


async def test_a_report_does_not_move_to_a_board_of_another_project(ask: Asking) -> None:
    project, second = [(await ask.project())["id"] for _ in range(2)]
    board, foreign = (await ask.dashboard(project))["id"], (await ask.dashboard(second))["id"]
    made = await a_report(ask, project, board)

    moved = await ask(
        "PATCH", f"/projects/{project}/reports/{made['id']}", {"dashboardId": foreign, "name": "y"}
    )
    through = await ask("GET", f"/projects/{second}/reports/{made['id']}")

    assert (moved.status_code, through.status_code) == (404, 404)
    assert await ask.data("GET", f"/projects/{project}/reports/{made['id']}") == made


async def test_a_layout_places_all_reports_at_once(ask: Asking) -> None:
    project = (await ask.project())["id"]
    board = (await ask.dashboard(project))["id"]
    first, second = [(await a_report(ask, project, board))["id"] for _ in range(2)]
    place = {"x": 0, "y": 0, "w": 12, "h": 4}
    path = f"/projects/{project}/dashboards/{board}"

    arranged = await ask.data("PUT", f"{path}/layout", {"places": {first: place, second: {**place, "y": 4}}})
    both = await ask.data("GET", f"{path}/reports")
    await ask.data("PUT", f"{path}/layout", {"places": {second: place}})
    one = await ask.data("GET", f"{path}/reports")

    assert arranged["version"] == 2
    assert [each["layout"] for each in both] == [place, {**place, "y": 4}]
    assert [each["layout"] for each in one] == [None, place]
    assert [each["version"] for each in one] == [1, 1]


@pytest.mark.parametrize(
    ("where", "status"),
    [
        ({"x": 8, "y": 0, "w": 6, "h": 4}, 400), ({"x": -1, "y": 0, "w": 6, "h": 4}, 400),
        ({"x": 0, "y": 0, "w": 6}, 400), ({"x": 0, "y": 0, "w": 6, "h": 4}, 404),
    ],
)  # fmt: skip
async def test_a_layout_that_is_wrong_places_nothing(ask: Asking, where: dict[str, int], status: int) -> None:
    project = (await ask.project())["id"]
    board = (await ask.dashboard(project))["id"]
    made = await a_report(ask, project, board)
    good = {"x": 0, "y": 0, "w": 6, "h": 4}
    path = f"/projects/{project}/dashboards/{board}"

    answer = await ask("PUT", f"{path}/layout", {"places": {made["id"]: good, "no-such-report": where}})

    assert answer.status_code == status, answer.text
    assert await ask.data("GET", f"{path}/reports") == [made]


async def test_who_read_an_older_version_changes_nothing(ask: Asking) -> None:
    project = (await ask.project())["id"]
    board = (await ask.dashboard(project))["id"]
    report = (await a_report(ask, project, board))["id"]
    for path, body in (
        (f"/projects/{project}/dashboards/{board}", {"name": "First"}),
        (f"/projects/{project}/reports/{report}", {"name": "First"}),
    ):
        read = (await ask("GET", path)).headers["etag"]

        first = await ask("PATCH", path, body, headers={"If-Match": read})
        second = await ask("PATCH", path, {"name": "Second"}, headers={"If-Match": read})
        deleted = await ask("DELETE", path, headers={"If-Match": read})
        third = await ask("PATCH", path, {"name": "Third"}, headers={"If-Match": first.headers["etag"]})

        assert (first.status_code, second.status_code, deleted.status_code) == (200, 412, 412)
        assert second.headers["etag"] == first.headers["etag"] == '"2"'
        assert second.json()["message"].startswith("Somebody has changed it meanwhile")
        assert (third.status_code, third.json()["data"]["name"]) == (200, "Third")


async def test_of_many_edits_at_once_one_wins(ask: Asking) -> None:
    project = (await ask.project())["id"]
    board = await ask.dashboard(project)
    path = f"/projects/{project}/dashboards/{board['id']}"

    answers = await asyncio.gather(
        *(ask("PATCH", path, {"name": f"Name {number}"}, headers={"If-Match": '"1"'}) for number in range(8))
    )

    won = [answer for answer in answers if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert (await ask.data("GET", path)) == won[0].json()["data"]


@pytest.mark.parametrize("tag", ["1", 'W/"1"', '"one"', '"1", "2"'])
async def test_a_tag_of_another_form_is_refused(ask: Asking, tag: str) -> None:
    project = (await ask.project())["id"]
    board = (await ask.dashboard(project))["id"]

    answer = await ask("DELETE", f"/projects/{project}/dashboards/{board}", headers={"If-Match": tag})

    assert (answer.status_code, answer.json()["message"].split(":")[0]) == (400, "if-match")

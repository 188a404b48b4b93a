"""Another time zone for a project: what was counted before is told by the days of the new one."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from openpanel.warehouse import tables
from tests.api.public.manage.conftest import Asking
from tests.warehouse.rows import insert

MORNING_IN_SEOUL = datetime(2026, 2, 27, 23, tzinfo=UTC)
DAYS = {"startDate": "2026-02-26", "endDate": "2026-02-28"}


@pytest.mark.parametrize("path", ["events/stats", "metrics"])
async def test_what_was_counted_before_is_read_where_times_are_instants(ask: Asking, path: str) -> None:
    project = await _seoul(ask)

    plans = []
    for zone in ("Asia/Seoul", "UTC"):
        await ask.data("PATCH", f"/projects/{project}", {"timezone": zone})
        answer = await _insight(ask, project, path, explain="true")
        plans.append({(plan["source"], "time zone" in plan["reason"]) for plan in answer["plans"]})

    before = {"events/stats": ("rollup", False), "metrics": ("sessions", False)}[path]
    after = {"events/stats": ("events", True), "metrics": ("sessions", True)}[path]
    assert plans == [{before}, {after}]


async def test_a_day_of_the_former_zone_becomes_one_of_the_new_zone(ask: Asking) -> None:
    project = await _seoul(ask)

    found = []
    for zone in ("Asia/Seoul", "UTC", "Asia/Seoul"):
        await ask.data("PATCH", f"/projects/{project}", {"timezone": zone})
        (clicks,) = await _insight(ask, project, "events/stats")
        found.append([point["date"][:10] for point in clicks["data"] if point["count"]])

    assert found == [["2026-02-28"], ["2026-02-27"], ["2026-02-28"]]


async def test_all_time_begins_with_the_first_day_of_the_new_zone(ask: Asking) -> None:
    project = await _seoul(ask)

    await ask.data("PATCH", f"/projects/{project}", {"timezone": "UTC"})
    (clicks,) = await _insight(ask, project, "events/stats", range="all", startDate=None, endDate=None)

    assert (clicks["data"][0]["date"][:10], clicks["total"]) == ("2026-02-27", 1)


async def _seoul(ask: Asking) -> str:
    """A project with one event, of a morning in Seoul."""
    project: str = (await ask.project(timezone="Asia/Seoul"))["id"]
    row = {
        "project_id": project,
        "name": "click",
        "created_at": round(MORNING_IN_SEOUL.timestamp() * 1000),
        "day": (date(2026, 2, 28) - date(1970, 1, 1)).days,
        "event_id": 1,
        "person": 1,
    }
    insert(ask.place.warehouse, tables.EVENTS, [row], token=project)
    return project


async def _insight(ask: Asking, project: str, path: str, **parameters: Any) -> Any:
    ask.clock.ms += 1_000
    asked = {name: value for name, value in {**DAYS, **parameters}.items() if value is not None}
    answer = await ask.api.get(
        f"/insights/{project}/{path}", params=asked, headers=ask.place.headers("managed-org/*")
    )
    assert answer.status_code == 200, answer.text
    return answer.json()

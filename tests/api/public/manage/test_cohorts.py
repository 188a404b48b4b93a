"""Cohorts: tried, made, kept, read in pages, exported whole, refreshed; usable in reports."""

import asyncio
import csv
import io
import json
from typing import Any

import pytest

from openpanel.analytics.asking import ask as answer_of
from openpanel.analytics.cohorts import CohortSize
from openpanel.identity.ids import to_hex
from openpanel.metadata import Database, projects
from openpanel_api.public.manage.cohort_members import memberships
from tests.api.public.conftest import NOON
from tests.api.public.manage.conftest import Asking

BUYERS = {"kind": "events", "rules": [{"name": "paid", "frequency": "gte", "times": 2, "days": 30}]}
PRO = {"kind": "profile", "filters": [{"name": "profile.properties.plan", "operator": "is", "value": "pro"}]}
MANY = 2_345  # persons; more than one page of an export


async def a_shop(ask: Asking, *, buyers: int = 3, visitors: int = 5) -> str:
    """A project where the first `buyers` of the visitors paid twice."""
    project: str = (await ask.project())["id"]
    ask.place.warehouse.command(
        "INSERT INTO events (project_id, name, created_at, event_id, device_id, person)"
        " SELECT {project:String}, if(number % 3 = 0, 'screen_view', 'paid'),"
        " fromUnixTimestamp64Milli({now:Int64}, 'UTC') - INTERVAL 1 HOUR, number, intDiv(number, 3) + 1, intDiv(number, 3) + 1"
        " FROM numbers({visitors:UInt32} * 3) WHERE number % 3 = 0 OR intDiv(number, 3) < {buyers:UInt32}",
        parameters={"project": project, "now": ask.clock.ms, "visitors": visitors, "buyers": buyers},
    )
    return project


async def a_cohort(ask: Asking, project: str, **fields: Any) -> Any:
    body = {"name": "Buyers", "definition": BUYERS, **fields}
    return await ask.data("POST", f"/projects/{project}/cohorts", body)


async def one_more_buyer(ask: Asking, project: str, person: int) -> None:
    ask.place.warehouse.command(
        "INSERT INTO events (project_id, name, created_at, event_id, device_id, person)"
        " SELECT {project:String}, 'paid', fromUnixTimestamp64Milli({now:Int64}, 'UTC') - INTERVAL 1 MINUTE,"
        " 900000 + {person:UInt64} * 2 + number, {person:UInt64}, {person:UInt64} FROM numbers(2)",
        parameters={"project": project, "now": ask.clock.ms, "person": person},
    )


async def test_a_preview_counts_and_keeps_nothing(ask: Asking) -> None:
    project = await a_shop(ask)

    for definition, members in (
        (BUYERS, 3),
        ({**BUYERS, "rules": [{"name": "paid", "frequency": "eq", "times": 0}]}, 2),
        ({"kind": "events", "combine": "or", "rules": [{"name": "paid"}, {"name": "screen_view"}]}, 5),
        (PRO, 0),
    ):
        said = await ask.data("POST", f"/projects/{project}/cohorts/preview", {"definition": definition})
        assert said == {"members": members}

    assert await ask.data("GET", f"/projects/{project}/cohorts") == []


@pytest.mark.parametrize("kind", ["dynamic", "static"])
async def test_a_rule_includes_the_whole_day_of_its_end(ask: Asking, kind: str) -> None:
    project = await a_shop(ask)  # they paid on March 1
    rule = {"name": "paid", "times": 2, "start": "2026-02-01", "end": "2026-03-01"}

    made = await a_cohort(ask, project, type=kind, definition={"kind": "events", "rules": [rule]})

    assert (made["members"], made["definition"]["rules"]) == (3, [rule])


@pytest.mark.parametrize("kind", ["dynamic", "static"])
async def test_a_cohort_is_read_as_it_was_made(ask: Asking, kind: str) -> None:
    project = await a_shop(ask)

    made = await a_cohort(ask, project, type=kind, description="bought twice")

    assert (made["members"], made["type"], made["definition"], made["description"], made["version"]) == (
        3, kind, BUYERS, "bought twice", 1,
    )  # fmt: skip
    assert await ask.data("GET", f"/projects/{project}/cohorts/{made['id']}") == made
    assert await ask.data("GET", f"/projects/{project}/cohorts") == [made]


async def test_a_static_cohort_stays_until_it_is_refreshed(ask: Asking) -> None:
    project = await a_shop(ask)
    static = await a_cohort(ask, project, type="static")
    dynamic = await a_cohort(ask, project, type="dynamic")
    await one_more_buyer(ask, project, 4)

    stays = [len(await _members(ask, project, each["id"])) for each in (static, dynamic)]
    refreshed = [
        (await ask.data("POST", f"/projects/{project}/cohorts/{each['id']}/refresh"))["members"]
        for each in (static, dynamic)
    ]

    assert stays == [3, 4]
    assert refreshed == [4, 4]
    assert [person for person, _ in await _members(ask, project, static["id"])] == [1, 2, 3, 4]


async def test_both_kinds_are_filters_for_questions(ask: Asking) -> None:
    project = await a_shop(ask)
    for kind in ("static", "dynamic"):
        await a_cohort(ask, project, type=kind, name=kind)
    database: Database = ask.place.database
    record = projects.load(database, project=project)
    assert record is not None

    found = memberships(database, record, now=NOON)
    sizes = [answer_of(ask.place.warehouse, CohortSize(project, "UTC", each)) for each in found]

    assert sizes == [3, 3]


async def test_a_report_may_name_a_cohort_of_its_project(ask: Asking) -> None:
    project, other = await a_shop(ask), await a_shop(ask)
    cohort = (await a_cohort(ask, project))["id"]
    report = {
        "chartType": "linear", "series": [{"name": "paid"}], "breakdowns": [{"name": "cohort"}],
        "filters": [{"name": "cohort", "operator": "inCohort", "value": [cohort]}],
    }  # fmt: skip

    answers = []
    for where in (project, other):
        board = (await ask.dashboard(where))["id"]
        path = f"/projects/{where}/dashboards/{board}/reports"
        answers.append(await ask("POST", path, {"name": "x", "report": report}))

    assert [answer.status_code for answer in answers] == [200, 400], [answer.text for answer in answers]


async def test_members_come_in_pages_without_gaps(ask: Asking) -> None:
    project = await a_shop(ask, buyers=7, visitors=8)
    cohort = (await a_cohort(ask, project))["id"]

    first = f"/projects/{project}/cohorts/{cohort}/members?limit=3"
    found: list[str] = []
    page: str | None = first
    while page is not None:
        answer = await ask("GET", page)
        assert answer.status_code == 200, answer.text
        found += [each["personId"] for each in answer.json()["data"]]
        cursor = answer.json()["cursor"]
        page = None if cursor is None else f"{first}&cursor={cursor}"

    assert found == [to_hex(person) for person in range(1, 8)]


@pytest.mark.parametrize("kind", ["dynamic", "static"])
async def test_an_export_has_everybody(ask: Asking, kind: str) -> None:
    project = await a_shop(ask, buyers=MANY, visitors=MANY + 10)
    cohort = (await a_cohort(ask, project, type=kind))["id"]
    path = f"/projects/{project}/cohorts/{cohort}/members/export"

    table = await ask("GET", path)
    lines = await ask("GET", f"{path}?format=ndjson")

    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert table.headers["content-type"].startswith("text/csv")
    assert [row["personId"] for row in rows] == [to_hex(person) for person in range(1, MANY + 1)]
    assert [json.loads(line)["personId"] for line in lines.text.splitlines()] == [
        row["personId"] for row in rows
    ]


async def test_another_definition_computes_a_static_cohort_anew(ask: Asking) -> None:
    project = await a_shop(ask)
    made = await a_cohort(ask, project, type="static")
    path = f"/projects/{project}/cohorts/{made['id']}"
    anybody = {"kind": "events", "rules": [{"name": "screen_view"}]}

    renamed = await ask.data("PATCH", path, {"name": "All"}, headers={"If-Match": '"1"'})
    stale = await ask("PATCH", path, {"definition": anybody}, headers={"If-Match": '"1"'})
    before = await ask.data("GET", path)
    changed = await ask.data("PATCH", path, {"definition": anybody}, headers={"If-Match": '"2"'})

    assert (renamed["version"], renamed["members"]) == (2, 3)
    assert (stale.status_code, before) == (412, renamed)
    assert (changed["version"], changed["members"], changed["definition"]) == (3, 5, anybody)
    assert len(await _members(ask, project, made["id"])) == 5


async def test_refreshes_at_once_leave_one_whole_generation(ask: Asking) -> None:
    project = await a_shop(ask)
    cohort = (await a_cohort(ask, project, type="static"))["id"]

    answers = await asyncio.gather(
        *(ask("POST", f"/projects/{project}/cohorts/{cohort}/refresh") for _ in range(4))
    )

    assert [answer.json()["data"]["members"] for answer in answers] == [3] * 4
    assert len(await _members(ask, project, cohort)) == 3


async def test_a_deleted_cohort_is_gone_with_its_members(ask: Asking) -> None:
    project = await a_shop(ask)
    made = await a_cohort(ask, project, type="static")
    path = f"/projects/{project}/cohorts/{made['id']}"

    assert (await ask("DELETE", path)).json() == {"success": True}

    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert (await ask(method, path, body)).status_code == 404
    assert (await ask("GET", f"{path}/members")).status_code == 404


BAD: list[tuple[Any, str]] = [
    ({}, "definition: "),
    ({"kind": "planets"}, "definition: "),
    ({"kind": "events", "rules": []}, "definition.rules: "),
    ({"kind": "events", "rules": [{"name": "a", "times": -1}]}, "definition.rules[0].times: "),
    ({"kind": "events", "rules": [{"name": "a", "frequency": "often"}]}, "definition.rules[0].frequency: "),
    ({"kind": "events", "rules": [{"name": "a", "frequency": "gte", "times": 0}]}, "definition.rules[0].times: "),
    ({"kind": "events", "rules": [{"name": "a", "days": 3, "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}]}, "definition.rules[0].days: "),
    ({"kind": "events", "rules": [{"name": "a", "start": "0001-01-01T00:00:00+14:00", "end": "2026-01-02T00:00:00Z"}]}, "definition.rules[0].start: expected a time from 1970"),
    ({"kind": "events", "rules": [{"name": "a", "start": "0001-01-01T00:00:00", "end": "2026-01-02T00:00:00Z"}]}, "definition.rules[0].start: expected a time from 1970"),
    ({"kind": "events", "rules": [{"name": "a", "start": "2026-01-02T00:00:00Z", "end": "9999-12-31T23:59:59-14:00"}]}, "definition.rules[0].end: expected a time from 1970"),
    ({"kind": "events", "rules": [{"name": "a", "days": 0}]}, "definition.rules[0].days: "),
    ({"kind": "events", "rules": [{"name": "a", "start": "2026-01-02", "end": "2026-01-01"}]}, "definition.rules[0].end: lies before the start"),
    *(({"kind": "events", "rules": [{"name": "a", "start": "2026-01-02", "end": end}]}, "definition.rules[0].end: expected a ") for end in (1772366400, "1772366400", "tomorrow", "2026-02-30")),
    ({"kind": "events", "rules": [{"name": "a", "filters": [{"name": "planet", "value": "x"}]}]}, "definition.rules[0].filters[0].name: "),
    ({"kind": "events", "rules": [{"name": "a", "filters": [{"name": "cohort", "operator": "inCohort", "value": "me"}]}]}, "definition.rules[0].filters[0].value"),
    ({"kind": "profile", "filters": []}, "definition.filters: "),
    ({"kind": "profile", "filters": [{"name": "country", "value": "KR"}]}, "definition.filters[0].name: "),
]  # fmt: skip


@pytest.mark.parametrize("case", BAD, ids=[f"{number}-{case[1]}" for number, case in enumerate(BAD)])
async def test_a_definition_that_cannot_be_asked_is_refused(ask: Asking, case: tuple[Any, str]) -> None:
    definition, message = case
    for path, more in (("/preview", {}), ("", {"name": "x"}), ("", {"name": "x", "type": "static"})):
        answer = await ask("POST", f"/projects/described/cohorts{path}", {"definition": definition, **more})

        assert answer.status_code == 400, answer.text
        assert answer.json()["message"].startswith(message), answer.text


async def _members(ask: Asking, project: str, cohort: str) -> list[tuple[int, str]]:
    answer = await ask("GET", f"/projects/{project}/cohorts/{cohort}/members?limit=1000")
    assert answer.status_code == 200, answer.text
    return [(int(each["personId"], 16), each["profileId"]) for each in answer.json()["data"]]

"""Rows as a table: what a visitor wrote stays text in a spreadsheet, and all pages of a list have the same columns."""

import csv
import io
import json
from datetime import timedelta
from itertools import count
from typing import Any, Final

import pytest
from httpx import Response

from openpanel.identity.ids import person_of_profile
from openpanel_api.public.tables import as_csv, as_ndjson, cell
from tests.api.public.asking import asked
from tests.api.public.conftest import Place
from tests.api.public.small_worlds import make_project, put_events
from tests.api.public.world import NOW

FORMULA: Final = '=HYPERLINK("https://evil.example","Total")'
_names = count(1)


@pytest.mark.parametrize("text", [FORMULA, "+49 30", "-1+1", "@SUM(A1)", "\tx", "\rx"])
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [-1, -0.5, 4200, "a=b", "/pricing", "", " =1", "'=1"])
def test_numbers_and_every_other_text_are_themselves(value: Any) -> None:
    assert cell(value) == value


def test_one_object_a_line_is_exact() -> None:
    row = {"name": FORMULA, "change": -1.5}

    assert json.loads(as_ndjson([row])) == row
    assert rows_of(as_csv([row]).decode()) == [{"name": f"'{FORMULA}", "change": "-1.5"}]


async def test_every_csv_keeps_what_visitors_wrote_from_being_computed(shop: Place) -> None:
    project = visited(shop, profile_id="=1+1", path=FORMULA, properties={"note": "@x"}, revenue=-5)
    rule = {"kind": "events", "rules": [{"name": "screen_view"}]}
    cohort = await as_admin(
        shop, f"/manage/projects/{project}/cohorts", body={"name": "All", "definition": rule}
    )
    members = f"/manage/projects/{project}/cohorts/{cohort.json()['data']['id']}/members/export"

    (exported,) = await table(shop, f"/export/events?projectId={project}&event=screen_view", project)
    (listed,) = await table(shop, f"/insights/{project}/events?eventNames=screen_view", project)
    (page,) = await table(shop, f"/insights/{project}/pages?range=1d", project)
    (member,) = rows_of((await as_admin(shop, members)).text)

    for event in (exported, listed):
        shown = (event["profileId"], event["path"], event["revenue"], event["properties"])
        assert shown == ("'=1+1", f"'{FORMULA}", "-5", '{"note":"@x"}')
    assert page["path"] == f"'{FORMULA}"
    assert member["profileId"] == "'=1+1"


async def test_lines_show_what_visitors_wrote_as_it_is(shop: Place) -> None:
    project = visited(shop, profile_id="=1+1", path=FORMULA)

    answer = await asked(shop, f"/insights/{project}/events?format=ndjson", who=f"{project}/reader")

    event = json.loads(answer.text)
    assert (event["profileId"], event["path"]) == ("=1+1", FORMULA)


async def test_pages_of_events_with_other_properties_have_the_same_columns(shop: Place) -> None:
    project = visited(shop, properties={"plan": "pro"})
    put_events(shop, [an_event(project, at=NOW - timedelta(hours=2), properties={"colour": "red"})])

    first = await asked(
        shop, f"/insights/{project}/events", {"format": "csv", "limit": 1}, who=f"{project}/reader"
    )
    second = await asked(shop, first.links["next"]["url"], who=f"{project}/reader")

    assert first.text.splitlines()[0] == second.text.splitlines()[0]
    assert [json.loads(rows_of(each.text)[0]["properties"]) for each in (first, second)] == [
        {"plan": "pro"},
        {"colour": "red"},
    ]


def visited(shop: Place, **fields: Any) -> str:
    """A project of its own with one event."""
    project = make_project(shop, f"tables-{next(_names)}")
    put_events(shop, [an_event(project, at=NOW - timedelta(hours=1), **fields)])
    return project


def an_event(project: str, **fields: Any) -> dict[str, Any]:
    person = person_of_profile(fields["profile_id"]) if "profile_id" in fields else 1
    plain = {"project_id": project, "name": "screen_view", "person": person, "device_id": 1, "session_id": 1}
    return {**plain, "path": "/", **fields}


async def table(shop: Place, path: str, project: str) -> list[dict[str, str]]:
    answer = await asked(shop, f"{path}&format=csv", who=f"{project}/reader")
    assert answer.status_code == 200, answer.text
    return rows_of(answer.text)


async def as_admin(shop: Place, path: str, body: Any = None) -> Response:
    project = path.split("/")[3]
    answer = await asked(shop, path, body=body, who=f"{project}/admin")
    assert answer.status_code == 200, answer.text
    return answer


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))

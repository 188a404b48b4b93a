"""References: noted, read by project, changed and forgotten."""

from typing import Any

import pytest

from tests.api.public.manage.conftest import Asking

MOMENT = "2026-03-01T10:00:00.000Z"


async def a_reference(ask: Asking, project: str, **fields: Any) -> Any:
    body = {"projectId": project, "title": "Release", "datetime": MOMENT, **fields}
    return await ask.data("POST", "/references", body)


async def test_references_of_a_project_are_listed_newest_first(ask: Asking) -> None:
    project = (await ask.project())["id"]
    old = await a_reference(ask, project, datetime="2026-02-01T10:00:00+09:00", description="first")
    new = await a_reference(ask, project)

    assert await ask.data("GET", f"/references?projectId={project}") == [new, old]
    assert old["datetime"] == "2026-02-01T01:00:00.000Z"
    assert (old["description"], new["description"], new["datetime"]) == ("first", "", MOMENT)
    everything = [each["id"] for each in await ask.data("GET", "/references")]
    assert {new["id"], old["id"]} <= set(everything)


async def test_each_field_is_changed_alone(ask: Asking) -> None:
    project = (await ask.project())["id"]
    made = await a_reference(ask, project)

    for change in ({"title": "Rollback"}, {"description": "why"}, {"datetime": "2026-03-02T00:00:00.000Z"}):
        made = {**made, **change}
        changed = await ask.data("PATCH", f"/references/{made['id']}", change)
        assert {**changed, "updatedAt": None} == {**made, "updatedAt": None}

    assert (await ask("DELETE", f"/references/{made['id']}")).json() == {"success": True}
    for method in ("GET", "DELETE"):
        assert (await ask(method, f"/references/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""), ("title", 3), ("description", "x" * 2_001), ("datetime", "yesterday"),
        ("datetime", "2026-03-01T10:00:00"), ("datetime", "0001-01-01T00:00:00+14:00"),
        ("datetime", 1_772_366_400), ("datetime", 1e9), ("datetime", "1772366400"), ("datetime", "2026-03-01"),
        ("datetime", "9999-12-31T23:00:00-12:00"), ("projectId", None), ("more", 1),
    ],
)  # fmt: skip
async def test_wrong_values_are_refused_with_their_path(ask: Asking, field: str, value: Any) -> None:
    body = {"projectId": "described", "title": "x", "datetime": MOMENT, field: value}

    answer = await ask("POST", "/references", body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(f"{field}: ")

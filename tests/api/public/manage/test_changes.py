"""Bodies of a PATCH: what is left out stays, and null is refused where nothing can be of that value."""

from typing import Any

import pytest

from openpanel_api.public.manage.changes import Changes
from openpanel_api.public.manage.clients import ClientChanges
from openpanel_api.public.manage.cohorts import CohortChanges
from openpanel_api.public.manage.project_json import ProjectChanges
from openpanel_api.public.manage.references import ReferenceChanges
from openpanel_api.public.manage.reports import ReportChanges
from tests.api.public.manage.conftest import Asking

CHANGES: list[tuple[str, type[Changes]]] = [
    ("/projects/described", ProjectChanges),
    ("/clients/none", ClientChanges),
    ("/references/none", ReferenceChanges),
    ("/projects/described/cohorts/none", CohortChanges),
    ("/projects/described/reports/none", ReportChanges),
]
FIELDS = [
    (path, field.alias or name)
    for path, changes in CHANGES
    for name, field in changes.model_fields.items()
    if name not in changes.erasable
]


@pytest.mark.parametrize(("path", "field"), FIELDS, ids=[f"{path} {field}" for path, field in FIELDS])
async def test_null_is_refused_and_not_taken_for_left_out(ask: Asking, path: str, field: str) -> None:
    answer = await ask("PATCH", path, {field: None})

    assert (answer.status_code, answer.json()["message"]) == (
        400,
        f"{field}: expected a value, or nothing of it",
    )


async def test_an_address_of_a_project_is_erased_by_null(ask: Asking) -> None:
    project = await ask.project(domain="https://shop.example")

    changed = await ask.data("PATCH", f"/projects/{project['id']}", {"domain": None})

    assert (project["domain"], changed["domain"]) == ("https://shop.example", None)


@pytest.mark.parametrize(("path", "changes"), CHANGES, ids=[path for path, _ in CHANGES])
def test_the_description_names_no_null_that_is_refused(path: str, changes: type[Changes]) -> None:
    shown = changes.model_json_schema()["properties"]

    assert {name for name, schema in shown.items() if _takes_null(schema)} == set(changes.erasable)


def _takes_null(schema: dict[str, Any]) -> bool:
    return "default" in schema or {"type": "null"} in schema.get("anyOf", [])

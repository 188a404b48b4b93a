"""Erasures of persons, asked for and seen; and everything about a person in one file."""

import json
from typing import Any

import pytest

from openpanel.identity.ids import person_of_profile, to_hex
from openpanel.metadata import person_erasures
from tests.api.public.manage.conftest import Asking


async def asked(ask: Asking, project: str, **whom: str) -> Any:
    answer = await ask("POST", f"/projects/{project}/erasures", whom)
    assert answer.status_code == 202, answer.text
    return answer.json()["data"]


async def test_an_erasure_is_asked_for_and_found_again(ask: Asking) -> None:
    project = (await ask.project())["id"]

    first = await asked(ask, project, profileId="kim/4711")
    second = await asked(ask, project, deviceId="9a1f0c3be2d84756")

    assert (first["state"], first["profileId"], first["deviceId"], first["receipt"]) == (
        "asked",
        "kim/4711",
        None,
        None,
    )
    assert first["askedBy"] == ask.place.issued["managed-org/*"].client_id
    assert first["until"] > first["askedAt"]
    assert second["deviceId"] == "9a1f0c3be2d84756"
    assert await ask.data("GET", f"/projects/{project}/erasures") == [second, first]
    assert await ask.data("GET", f"/projects/{project}/erasures/{first['id']}") == first


async def test_who_is_being_erased_is_not_erased_twice(ask: Asking) -> None:
    project = (await ask.project())["id"]

    first = await asked(ask, project, profileId="kim")

    assert await asked(ask, project, profileId="kim") == first
    assert (await asked(ask, project, profileId="lee"))["id"] != first["id"]


async def test_a_receipt_does_not_say_who_it_was(ask: Asking) -> None:
    project = (await ask.project())["id"]
    first = await asked(ask, project, profileId="kim")
    person_erasures.begin(ask.place.database, project=project, erasure=first["id"])
    receipt = {"persons": 2, "rows": {"events": 3}, "keys": 1, "stays": ["Backups."]}

    person_erasures.finish(ask.place.database, project=project, erasure=first["id"], looks=1, receipt=receipt)

    found = await ask("GET", f"/projects/{project}/erasures/{first['id']}")
    assert "kim" not in found.text
    assert (found.json()["data"]["state"], found.json()["data"]["receipt"]) == ("done", receipt)
    assert (await asked(ask, project, profileId="kim"))["id"] != first["id"]


async def test_a_failed_erasure_says_why(ask: Asking) -> None:
    project = (await ask.project())["id"]
    first = await asked(ask, project, profileId="kim")

    person_erasures.fail(ask.place.database, project=project, erasure=first["id"], reason="no table")

    found = await ask.data("GET", f"/projects/{project}/erasures/{first['id']}")
    assert (found["state"], found["reason"]) == ("failed", "no table")


@pytest.mark.parametrize(
    "body",
    [{}, {"profileId": "kim", "deviceId": "a"}, {"profileId": ""}, {"deviceId": "x" * 65}, {"profileId": "a\0b"}, {"name": "kim"}],
    ids=["nobody", "two", "empty", "long", "nul", "unknown"],
)  # fmt: skip
async def test_whom_nobody_can_be_is_refused(ask: Asking, body: Any) -> None:
    project = (await ask.project())["id"]

    answer = await ask("POST", f"/projects/{project}/erasures", body)

    assert (answer.status_code, answer.json()["error"]) == (400, "Bad Request")


async def test_an_erasure_of_another_project_is_not_found(ask: Asking) -> None:
    one, other = (await ask.project())["id"], (await ask.project())["id"]
    first = await asked(ask, one, profileId="kim")

    answer = await ask("GET", f"/projects/{other}/erasures/{first['id']}")

    assert (answer.status_code, answer.json()["message"]) == (404, "Erasure not found")


async def test_a_person_is_exported_line_by_line(ask: Asking) -> None:
    project = (await ask.project())["id"]
    person = person_of_profile("kim/4711")
    for number in (1, 2):
        ask.place.warehouse.command(
            "INSERT INTO events (project_id, name, created_at, event_id, person, profile_id, properties) SELECT"
            " {project:String}, 'buy', now64(3), {id:UInt64}, {person:UInt64}, 'kim/4711', map('plan', 'gold')",
            parameters={"project": project, "id": number, "person": person},
        )

    answer = await ask("GET", f"/projects/{project}/people/kim%2F4711/export")

    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert lines[0] == {
        "kind": "person", "project": project, "profile_ids": ["kim/4711"], "persons": [to_hex(person)],
    }  # fmt: skip
    events = [line for line in lines if line["kind"] == "event"]
    assert [(line["event_id"], line["properties"]) for line in events] == [
        (to_hex(number), {"plan": "gold"}) for number in (1, 2)
    ]


async def test_of_nobody_there_is_the_first_line_alone(ask: Asking) -> None:
    project = (await ask.project())["id"]

    answer = await ask("GET", f"/projects/{project}/people/nobody/export")

    assert [json.loads(line)["profile_ids"] for line in answer.text.splitlines()] == [["nobody"]]

"""Credentials by the API: a secret is shown once and never a hash, changes are heard at once, manifests keep theirs."""

import itertools
import json
from typing import Any

import pytest
from redis import Redis

from openpanel.metadata import clients
from openpanel_api.ingest.news import CHANNEL
from tests.api.public.manage.conftest import WAIT_S, Asking

_numbers = itertools.count(1)


async def a_client(ask: Asking, **fields: Any) -> Any:
    body = {"name": f"client {next(_numbers)}", "type": "read", "projectId": "described", **fields}
    return await ask.data(
        "POST", "/clients", {key: value for key, value in body.items() if value is not None}
    )


@pytest.mark.parametrize(
    ("kind", "project"),
    [("write", "described"), ("read", "described"), ("root", "described"), ("read", None), ("root", None)],
)
async def test_a_new_client_of_every_type_opens_what_it_is_for(
    ask: Asking, kind: str, project: str | None
) -> None:
    made = await a_client(ask, type=kind, projectId=project)

    headers = {"openpanel-client-id": made["id"], "openpanel-client-secret": made["secret"]}
    asked = await ask.api.get("/export/events", params={"projectId": "described"}, headers=headers)
    managed = await ask.api.get("/manage/projects", headers=headers)

    assert (made["type"], made["projectId"], made["managed"]) == (kind, project, False)
    assert asked.status_code == (401 if kind == "write" else 200)
    assert managed.status_code == (200 if kind == "root" else 401)


async def test_a_secret_is_shown_once_and_a_hash_never(ask: Asking) -> None:
    made = await a_client(ask)
    record = clients.load(ask.place.database, client_id=made["id"])
    assert record is not None

    answers = [
        await ask("GET", f"/clients/{made['id']}"),
        await ask("GET", "/clients"),
        await ask("PATCH", f"/clients/{made['id']}", {"name": f"renamed {made['name']}"}),
    ]

    for answer in answers:
        assert answer.status_code == 200
        assert made["id"] in answer.text
        assert "argon2" not in answer.text
        assert made["secret"] not in answer.text
        assert not any(hashed in answer.text for hashed in record.secret_hashes)


async def test_the_list_can_be_of_one_project(ask: Asking) -> None:
    project = (await ask.project())["id"]
    made = await a_client(ask, projectId=project, name="second")

    listed = await ask.data("GET", f"/clients?projectId={project}")
    everything = {each["id"] for each in await ask.data("GET", "/clients")}

    assert [each["name"] for each in listed] == ["first", "second"]
    assert {made["id"], ask.place.issued["described/web"].client_id} <= everything
    assert ask.place.issued["next-door/admin"].client_id not in everything


async def test_a_change_of_a_client_is_told_at_once(ask: Asking, shared: Redis) -> None:
    made = await a_client(ask, type="write")
    with shared.pubsub() as heard:  # type: ignore[no-untyped-call]  # as redis has it
        heard.subscribe(CHANNEL)
        heard.get_message(timeout=WAIT_S)

        changed = await ask.data("PATCH", f"/clients/{made['id']}", {"ignoreCorsAndSecret": True})

        message = heard.get_message(timeout=WAIT_S)
    assert changed["ignoreCorsAndSecret"] is True
    assert message is not None
    assert message["data"] == f"client:{made['id']}".encode()


async def test_a_revoked_client_is_gone_at_once(ask: Asking) -> None:
    made = await a_client(ask)
    headers = {"openpanel-client-id": made["id"], "openpanel-client-secret": made["secret"]}
    before = await ask.api.get("/export/events", headers=headers)

    revoked = await ask("DELETE", f"/clients/{made['id']}")

    assert (before.status_code, revoked.json()) == (200, {"success": True})
    assert (await ask.api.get("/export/events", headers=headers)).status_code == 401
    assert (await ask("GET", f"/clients/{made['id']}")).status_code == 404
    assert (await ask("DELETE", f"/clients/{made['id']}")).status_code == 404


async def test_an_old_secret_goes_on_for_the_overlap(ask: Asking) -> None:
    made = await a_client(ask)
    old = {"openpanel-client-id": made["id"], "openpanel-client-secret": made["secret"]}

    kept = await ask.data("POST", f"/clients/{made['id']}/rotate", {"overlapHours": 720})
    both = [
        (await ask.api.get("/export/events", headers=headers)).status_code
        for headers in (old, {**old, "openpanel-client-secret": kept["secret"]})
    ]
    record = clients.load(ask.place.database, client_id=made["id"], at=None)

    assert kept["secret"] != made["secret"]
    assert both[1] == 200
    assert record is not None
    assert record.id == made["id"]


async def test_a_name_is_taken_once_in_a_project(ask: Asking) -> None:
    made, other = await a_client(ask), await a_client(ask)

    again = await ask("POST", "/clients", {"name": made["name"], "type": "read", "projectId": "described"})
    renamed = await ask("PATCH", f"/clients/{other['id']}", {"name": made["name"]})

    assert (again.status_code, renamed.status_code) == (409, 409)
    assert (await ask.data("GET", f"/clients/{other['id']}"))["name"] == other["name"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PATCH", "", {"name": "mine now"}), ("DELETE", "", None), ("POST", "/rotate", {})],
)
async def test_clients_of_a_manifest_are_changed_there(
    ask: Asking, method: str, path: str, body: Any
) -> None:
    web = ask.place.issued["described/web"].client_id

    answer = await ask(method, f"/clients/{web}{path}", body)

    assert answer.status_code == 409
    assert "Client web comes from a manifest" in answer.json()["message"]
    assert (await ask.data("GET", f"/clients/{web}"))["managed"] is True


BAD = [
    ({"type": "read"}, "name: "),
    ({"name": "x", "type": "owner"}, "type: "),
    ({"name": "x", "type": "write"}, "projectId: "),
    ({"name": "x", "type": "read", "ignoreCorsAndSecret": True}, "ignoreCorsAndSecret: "),
    ({"name": "x", "type": "read", "projectId": 5}, "projectId: "),
    ({"name": "x", "type": "read", "secret": "mine"}, "secret: "),
]


@pytest.mark.parametrize("case", BAD, ids=[json.dumps(case[0])[:60] for case in BAD])
async def test_wrong_values_are_refused_with_their_path(ask: Asking, case: tuple[Any, str]) -> None:
    body, message = case

    answer = await ask("POST", "/clients", body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(message)


@pytest.mark.parametrize("client", ["x", "55555555-5555-4555-8555-555555555555", "DROP%20TABLE"])
async def test_an_unknown_client_is_not_found(ask: Asking, client: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        assert (await ask(method, f"/clients/{client}", body)).status_code == 404

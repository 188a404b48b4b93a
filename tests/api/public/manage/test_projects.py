"""Projects by the API: made with credentials, changed at once everywhere, removed after a time of grace."""

from datetime import UTC, datetime
from typing import Any

import pytest
from redis import Redis

from openpanel import tenancy
from openpanel.identity.credentials import verify_secret
from openpanel.metadata import clients, projects
from openpanel_api.ingest.news import CHANNEL
from tests.api.public.conftest import NOON
from tests.api.public.manage.conftest import WAIT_S, Asking

DAY_MS = 86_400_000
MANIFEST = """
{apiVersion: openpanel.dev/v1alpha1, kind: AnalyticsProject, metadata: {name: NAME}, spec: {organization: managed-org}}
"""


async def test_a_new_project_has_a_client_whose_secret_opens_it(ask: Asking) -> None:
    made = await ask.project(
        name="Müller & Söhne", domain="https://m.example", cors=["https://*.m.example"], crossDomain=True,
        types=["website", "app"], timezone="Europe/Berlin",
    )  # fmt: skip

    assert made["id"] == "muller-sohne"
    assert (made["name"], made["domain"], made["cors"], made["crossDomain"], made["types"]) == (
        "Müller & Söhne", "https://m.example", ["https://*.m.example"], True, ["website", "app"],
    )  # fmt: skip
    assert (made["timezone"], made["organizationId"], made["managed"], made["deleteAt"]) == (
        "Europe/Berlin", "managed-org", False, None,
    )  # fmt: skip
    client = clients.load(ask.place.database, client_id=made["client"]["id"])
    assert client is not None
    assert client.project is not None
    assert (client.type, client.project.id) == ("write", made["id"])
    assert verify_secret(made["client"]["secret"], hashes=client.secret_hashes)
    assert "client" not in await ask.data("GET", f"/projects/{made['id']}")


async def test_equal_names_get_different_ids(ask: Asking) -> None:
    ids = [(await ask.project(name="Twin shop"))["id"] for _ in range(3)]

    assert ids == ["twin-shop", "twin-shop-2", "twin-shop-3"]


async def test_a_name_without_letters_gets_an_id_all_the_same(ask: Asking) -> None:
    assert (await ask.project(name="統計"))["id"] == "project"


async def test_the_list_holds_the_organization_and_nobody_elses(ask: Asking) -> None:
    made = await ask.project()

    listed = {each["id"]: each for each in await ask.data("GET", "/projects")}
    next_door = await ask.data("GET", "/projects", who="next-door/admin")

    assert {made["id"], "described"} <= listed.keys()
    assert {each["organizationId"] for each in listed.values()} == {"managed-org"}
    assert [each["id"] for each in next_door] == ["next-door"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Other"), ("domain", "https://other.example"), ("domain", None), ("cors", ["*"]),
        ("crossDomain", True), ("types", ["backend"]), ("timezone", "Asia/Seoul"),
        ("allowUnsafeRevenueTracking", True), ("truncateIp", True), ("honourDoNotTrack", True),
        ("honourGlobalPrivacyControl", True), ("cookieless", True),
    ],
)  # fmt: skip
async def test_each_field_is_changed_alone(ask: Asking, field: str, value: Any) -> None:
    made = await ask.project(domain="https://first.example")
    del made["client"]

    changed = await ask.data("PATCH", f"/projects/{made['id']}", {field: value})

    assert changed == {**made, field: value}
    assert await ask.data("GET", f"/projects/{made['id']}") == changed


async def test_a_change_is_told_at_once(ask: Asking, shared: Redis) -> None:
    made = await ask.project()
    with shared.pubsub() as heard:  # type: ignore[no-untyped-call]  # as redis has it
        heard.subscribe(CHANNEL)
        heard.get_message(timeout=WAIT_S)

        await ask.data("PATCH", f"/projects/{made['id']}", {"cors": ["*"]})

        message = heard.get_message(timeout=WAIT_S)
    assert message is not None
    assert message["data"] == f"project:{made['id']}".encode()


async def test_what_a_manifest_says_is_not_changed_here(ask: Asking) -> None:
    answer = await ask("PATCH", "/projects/described", {"cors": ["*"], "timezone": "Asia/Seoul"})

    assert answer.status_code == 409
    assert answer.json()["message"] == (
        "Project described comes from a manifest, which says spec.domains, spec.timeZone: change it there and apply "
        "it (`kubectl apply`, or `openpanel apply` on one machine)"
    )
    said = await ask.data("GET", "/projects/described")
    assert (said["cors"], said["timezone"], said["managed"]) == (["https://a.example"], "UTC", True)


async def test_what_a_manifest_leaves_open_is_changed_here_and_stays(ask: Asking) -> None:
    same = {"cors": ["https://a.example"], "types": ["app"], "domain": "https://a.example"}

    changed = await ask.data("PATCH", "/projects/described", same)

    assert (changed["types"], changed["domain"]) == (["app"], "https://a.example")


@pytest.mark.parametrize("method", ["PUT filters", "PUT retention", "DELETE "])
async def test_a_described_project_is_filtered_kept_and_removed_by_its_manifest(
    ask: Asking, method: str
) -> None:
    verb, _, path = method.partition(" ")
    body = {"filters": {"filters": []}, "retention": {"events": 3}}.get(path)

    answer = await ask(verb, f"/projects/described/{path}".rstrip("/"), body)

    assert answer.status_code == 409
    assert "manifest" in answer.json()["message"]


async def test_filters_are_replaced_as_a_whole(ask: Asking) -> None:
    project = (await ask.project())["id"]
    wanted = [
        {"type": "ip", "value": "203.0.113.0/24", "conditions": []},
        {"type": "profileId", "value": "robot", "conditions": []},
        {
            "type": "event", "value": "*",
            "conditions": [
                {"name": "referrerName", "operator": "is", "values": ["Spam"]},
                {"name": "properties.test", "operator": "isNotNull", "values": []},
            ],
        },
    ]  # fmt: skip

    await ask.data("PUT", f"/projects/{project}/filters", {"filters": [wanted[0]]})
    said = await ask.data("PUT", f"/projects/{project}/filters", {"filters": wanted})

    assert said["filters"] == wanted
    assert (await ask.data("GET", f"/projects/{project}/filters"))["filters"] == wanted
    record = projects.load(ask.place.database, project=project)
    assert record is not None
    assert record.filters[2].conditions[0].name == "referrer_name"


async def test_days_of_keeping_reach_the_warehouse(ask: Asking) -> None:
    project = (await ask.project())["id"]

    said = await ask.data("PUT", f"/projects/{project}/retention", {"events": 90, "deadLetters": 7})

    assert (said["events"], said["deadLetters"], said["replays"]) == (90, 7, None)
    assert await ask.data("GET", f"/projects/{project}/retention") == said
    kept = ask.place.warehouse.query(
        "SELECT kind, argMax(days, version) FROM retention WHERE project_id = {project:String} GROUP BY kind ORDER BY kind",
        parameters={"project": project},
    )
    assert ("events", 90) in kept
    assert ("deadLetters", 7) in kept


async def test_a_removal_waits_a_day_and_can_be_taken_back(ask: Asking) -> None:
    made = await ask.project()
    project = made["id"]

    removed = await ask("DELETE", f"/projects/{project}")
    at = (await ask.data("GET", f"/projects/{project}"))["deleteAt"]
    ask.clock.ms += DAY_MS // 2
    again = await ask("DELETE", f"/projects/{project}")

    assert (removed.status_code, removed.json()) == (200, {"success": True})
    assert again.status_code == 200
    assert (await ask.data("GET", f"/projects/{project}"))["deleteAt"] == at
    assert (await ask.data("POST", f"/projects/{project}/restore"))["deleteAt"] is None
    ask.clock.ms += DAY_MS
    _remove_due(ask)
    assert (await ask.data("GET", f"/projects/{project}"))["name"] == made["name"]


async def test_after_the_day_project_clients_and_data_are_gone(ask: Asking) -> None:
    made = await ask.project()
    project = made["id"]
    ask.place.warehouse.command(
        "INSERT INTO events (project_id, name, created_at, event_id) SELECT {project:String}, 'view', now64(3), 1",
        parameters={"project": project},
    )
    await ask("DELETE", f"/projects/{project}")

    ask.clock.ms += DAY_MS - 60_000
    _remove_due(ask)
    before = await ask("GET", f"/projects/{project}")
    ask.clock.ms += 120_000
    _remove_due(ask)

    assert before.status_code == 200
    assert (await ask("GET", f"/projects/{project}")).status_code == 404
    assert clients.load(ask.place.database, client_id=made["client"]["id"]) is None
    left = ask.place.warehouse.query(
        "SELECT count() FROM events WHERE project_id = {project:String}", parameters={"project": project}
    )
    assert left == [(0,)]


async def test_a_manifest_for_a_project_that_is_to_go_keeps_it(ask: Asking) -> None:
    project = (await ask.project())["id"]
    await ask("DELETE", f"/projects/{project}")
    text = MANIFEST.replace("NAME", project)

    tenancy.ensure(
        tenancy.parse(text)[0], database=ask.place.database, warehouse=ask.place.warehouse,
        announce=lambda _topic: None, clock=lambda: NOON, fresh_secret=lambda: "sec_x",
    )  # fmt: skip
    ask.clock.ms += 2 * DAY_MS
    _remove_due(ask)

    said = await ask.data("GET", f"/projects/{project}")
    assert (said["managed"], said["deleteAt"]) == (True, None)


BAD = [
    ("POST", "", {}, "name: "),
    ("POST", "", {"name": ""}, "name: "),
    ("POST", "", {"name": 7}, "name: "),
    ("POST", "", {"name": "a\x00b"}, "name: "),
    ("POST", "", {"name": "x", "surprise": 1}, "surprise: "),
    ("POST", "", {"name": "x", "cors": ["not a domain!"]}, "cors[0]: "),
    ("POST", "", {"name": "x", "types": ["fridge"]}, "types[0]: "),
    ("POST", "", {"name": "x", "timezone": "Mars/Base"}, "timezone: 'Mars/Base' is not a known time zone"),
    ("POST", "", [], "body: "),
    ("PATCH", "/described", {"name": ""}, "name: "),
    ("PATCH", "/described", {"crossDomain": "perhaps"}, "crossDomain: "),
    ("PUT", "/described/retention", {"events": 0}, "events: "),
    ("PUT", "/described/retention", {"events": 1.5}, "events: "),
    ("PUT", "/described/filters", {}, "filters: "),
    ("PUT", "/described/filters", {"filters": [{"type": "ip", "value": "somewhere"}]}, "filters[0]: "),
    ("PUT", "/described/filters", {"filters": [{"type": "planet", "value": "x"}]}, "filters[0].type: "),
]


@pytest.mark.parametrize("case", BAD, ids=[f"{case[0]}{case[1]}-{case[2]}"[:60] for case in BAD])
async def test_wrong_values_are_refused_with_their_path(ask: Asking, case: tuple[str, str, Any, str]) -> None:
    method, path, body, message = case

    answer = await ask(method, f"/projects{path}", body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(message)


async def test_an_address_that_is_none_is_refused_once(ask: Asking) -> None:
    answer = await ask("POST", "/projects", {"name": "x", "domain": "shop.example"})

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("domain: ")
    assert answer.json()["message"].count("domain") == 1


def _remove_due(ask: Asking) -> None:
    services = ask.place
    tenancy.remove_due(
        database=services.database,
        warehouse=services.warehouse,
        announce=lambda _topic: None,
        clock=lambda: _moment(ask.clock.ms),
        forget=lambda _project: None,
    )


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1_000, tz=UTC)

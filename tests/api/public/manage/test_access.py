"""Who may manage what: root clients, their own organization, and nothing of anybody else's."""

from typing import Any

import pytest

from tests.api.public.manage.conftest import Asking

UNKNOWN = "66666666-6666-4666-8666-666666666666"
ONLY_ROOT = "Manage: Only root clients are allowed to manage resources"
EVENTS = {"kind": "events", "rules": [{"name": "screen_view"}]}
REPORT = {"chartType": "linear", "series": [{"name": "screen_view"}]}

# Every route about a project, with a body that is right.
OF_THING: dict[str, list[tuple[str, Any]]] = {
    f"dashboards/{UNKNOWN}": [("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)],
    f"dashboards/{UNKNOWN}/layout": [("PUT", {"places": {}})],
    f"dashboards/{UNKNOWN}/reports": [("GET", None), ("POST", {"name": "x", "report": REPORT})],
    f"reports/{UNKNOWN}": [("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)],
    f"reports/{UNKNOWN}/duplicate": [("POST", {})],
    f"erasures/{UNKNOWN}": [("GET", None)],
    f"cohorts/{UNKNOWN}": [("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)],
    f"cohorts/{UNKNOWN}/refresh": [("POST", None)],
    f"cohorts/{UNKNOWN}/members": [("GET", None)],
    f"cohorts/{UNKNOWN}/members/export": [("GET", None)],
}
OF_PROJECT: list[tuple[str, str, Any]] = [
    ("GET", "/projects/{}", None),
    ("PATCH", "/projects/{}", {"crossDomain": True}),
    ("DELETE", "/projects/{}", None),
    ("POST", "/projects/{}/restore", None),
    ("GET", "/projects/{}/filters", None),
    ("PUT", "/projects/{}/filters", {"filters": []}),
    ("GET", "/projects/{}/retention", None),
    ("PUT", "/projects/{}/retention", {}),
    ("GET", "/projects/{}/events", None),
    ("PUT", "/projects/{}/events/paid", {}),
    ("DELETE", "/projects/{}/events/paid", None),
    ("GET", "/projects/{}/dashboards", None),
    ("POST", "/projects/{}/dashboards", {"name": "x"}),
    ("GET", "/projects/{}/cohorts", None),
    ("POST", "/projects/{}/cohorts", {"name": "x", "definition": EVENTS}),
    ("POST", "/projects/{}/cohorts/preview", {"definition": EVENTS}),
    ("GET", "/projects/{}/erasures", None),
    ("POST", "/projects/{}/erasures", {"profileId": "nobody"}),
    ("GET", "/projects/{}/people/nobody/export", None),
    ("GET", "/clients?projectId={}", None),
    ("POST", "/clients", {"name": "x", "type": "write", "projectId": "{}"}),
    ("GET", "/references?projectId={}", None),
    ("POST", "/references", {"projectId": "{}", "title": "x", "datetime": "2026-03-01T10:00:00Z"}),
    *(
        (method, "/projects/{}/" + path, body)
        for path, methods in OF_THING.items()
        for method, body in methods
    ),
]


def _of(case: tuple[str, str, Any], project: str) -> tuple[str, str, Any]:
    method, path, body = case
    filled = {
        key: project if value == "{}" else value for key, value in body.items()
    } if body is not None else None  # fmt: skip
    return method, path.replace("{}", project), filled


@pytest.mark.parametrize("case", OF_PROJECT, ids=[f"{case[0]} {case[1]}" for case in OF_PROJECT])
async def test_nobody_manages_what_is_not_theirs(ask: Asking, case: tuple[str, str, Any]) -> None:
    foreign = await ask(*_of(case, "next-door"))
    unknown = await ask(*_of(case, "nowhere"))
    reading = await ask(*_of(case, "described"), who="described/reader")
    writing = await ask(*_of(case, "described"), who="described/web")

    assert (foreign.status_code, foreign.json()["message"]) == (
        403, "You do not have access to this project",
    )  # fmt: skip
    assert (unknown.status_code, unknown.json()["message"]) == (404, "Project not found")
    for refused in (reading, writing):
        assert (refused.status_code, refused.json()["message"]) == (401, ONLY_ROOT)


async def test_things_of_another_organization_are_not_found(ask: Asking) -> None:
    project = (await ask.project())["id"]
    board = (await ask.dashboard(project))["id"]
    client = ask.place.issued["described/reader"].client_id
    body = {"projectId": project, "title": "x", "datetime": "2026-03-01T10:00:00Z"}
    reference = (await ask.data("POST", "/references", body))["id"]

    for path in (f"/clients/{client}", f"/references/{reference}"):
        for method, change in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            assert (await ask(method, path, change, who="next-door/admin")).status_code == 404
    stolen = await ask("GET", f"/projects/next-door/dashboards/{board}", who="next-door/admin")
    assert stolen.status_code == 404
    assert (await ask("GET", f"/references/{reference}")).status_code == 200


async def test_a_root_client_of_a_project_manages_the_organization(ask: Asking) -> None:
    project = (await ask.project())["id"]

    listed = await ask.data("GET", "/projects", who="described/admin")

    assert project in {each["id"] for each in listed}


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"openpanel-client-id": ""}, "Manage: Client ID must be a valid UUIDv4"),
        ({"openpanel-client-id": UNKNOWN}, "Manage: Invalid client id"),
        ({"openpanel-client-secret": "sec_wrong"}, "Manage: Invalid client secret"),
    ],
    ids=["no-id", "unknown", "wrong-secret"],
)
async def test_wrong_credentials_are_told_apart(ask: Asking, headers: dict[str, str], message: str) -> None:
    answer = await ask("GET", "/projects", headers=headers)

    assert (answer.status_code, answer.json()["message"]) == (401, message)


async def test_a_body_that_is_too_long_is_refused(ask: Asking) -> None:
    answer = await ask("POST", "/projects", {"name": "x" * 1_100_000})

    assert (answer.status_code, answer.json()["error"]) == (413, "Request Entity Too Large")


@pytest.mark.parametrize("path", ["/references?project=shop", "/clients?limit=3", "/projects?page=2"])
async def test_a_parameter_that_is_not_known_is_named(ask: Asking, path: str) -> None:
    answer = await ask("GET", path)

    name = path.partition("?")[2].partition("=")[0]
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{name}: is not known here; expected")

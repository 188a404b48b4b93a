"""Who may ask what: every kind of client, its own project, a sibling, a foreign one, with the sentences clients know."""

from datetime import timedelta

import pytest
from httpx import AsyncClient

from openpanel import tenancy
from openpanel.metadata import clients
from openpanel_api.ingest.addresses import Networks
from openpanel_api.ingest.buckets import BAD_CREDENTIALS_BURST
from openpanel_api.public.services import Services
from tests.api.public.conftest import NOON, Clock, Place, talking_to

EXPORT = "/export/events"
UNKNOWN = "33333333-3333-4333-8333-333333333333"

ALLOWED = [
    # client, project asked for, status, message
    ("mine/reader", None, 200, ""),
    ("mine/reader", "mine", 200, ""),
    ("mine/reader", "sibling", 403, "You do not have access to this project"),
    ("mine/reader", "foreign", 403, "You do not have access to this project"),
    ("mine/reader", "nowhere", 403, "You do not have access to this project"),
    ("mine/admin", None, 200, ""),
    ("mine/admin", "mine", 200, ""),
    ("mine/admin", "sibling", 200, ""),
    ("mine/admin", "foreign", 403, "You do not have access to this project"),
    ("mine/admin", "gone", 404, "Project not found"),
    ("mine/admin", "nowhere", 404, "Project not found"),
    ("mine/admin", "No Such\0Name", 404, "Project not found"),
    ("foreign/admin", "mine", 403, "You do not have access to this project"),
    ("ours/*", None, 400, "project_id or projectId is required"),
    ("ours/*", "mine", 200, ""),
    ("ours/*", "foreign", 403, "You do not have access to this project"),
    ("mine/web", None, 401, "Export: Client is not allowed to export"),
    ("mine/web", "mine", 401, "Export: Client is not allowed to export"),
    ("gone/reader", None, 401, "Export: Invalid client id"),
]
ERRORS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
}


@pytest.mark.parametrize("case", ALLOWED, ids=[f"{case[0]}-{case[1]}" for case in ALLOWED])
async def test_each_client_sees_its_own(
    api: AsyncClient, place: Place, case: tuple[str, str | None, int, str]
) -> None:
    who, project, status, message = case
    for name in ("projectId", "project_id"):
        asked = {name: project} if project else {}
        answer = await api.get(EXPORT, params=asked, headers=place.headers(who))

        assert answer.status_code == status
        if status != 200:
            assert answer.json() == {"status": status, "error": ERRORS[status], "message": message}


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Client ID must be a valid UUIDv4"),
        ({"openpanel-client-id": "web"}, "Client ID must be a valid UUIDv4"),
        ({"openpanel-client-id": UNKNOWN.replace("3", "A")}, "Client ID must be a valid UUIDv4"),
        ({"openpanel-client-id": UNKNOWN}, "Invalid client id"),
        ({"openpanel-client-id": UNKNOWN, "openpanel-client-secret": "sec_x"}, "Invalid client id"),
    ],
    ids=["none", "no-uuid", "upper-case", "unknown", "unknown-with-secret"],
)
async def test_unknown_clients_are_told_what_is_wrong(
    api: AsyncClient, headers: dict[str, str], message: str
) -> None:
    answer = await api.get(EXPORT, headers=headers)

    assert answer.status_code == 401
    assert answer.json() == {"status": 401, "error": "Unauthorized", "message": f"Export: {message}"}


@pytest.mark.parametrize(
    "secret", ["", "sec_wrong", "x" * 10_000, "\xff"], ids=["none", "wrong", "long", "odd"]
)
async def test_a_wrong_secret_is_refused_each_time(api: AsyncClient, place: Place, secret: str) -> None:
    headers = {**place.headers("mine/reader"), "openpanel-client-secret": secret.encode("latin-1")}

    for _ in range(2):
        answer = await api.get(EXPORT, headers=headers)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["message"]) == (401, "Export: Invalid client secret")


async def test_a_client_without_a_secret_cannot_ask(api: AsyncClient, place: Place) -> None:
    issued = place.issued["sibling/reader"]
    clients.rotate(place.database, client_id=issued.client_id, secret_hash="none", at=NOON, until=NOON)
    clients.forget_expired(place.database, at=NOON)
    with place.database.session() as session:
        session.connection().exec_driver_sql(
            "DELETE FROM client_secrets WHERE client_id = %(id)s::uuid", {"id": issued.client_id}
        )

    answer = await api.get(EXPORT, headers=place.headers("sibling/reader"))

    assert answer.json()["message"] == "Export: Client has no secret"


async def test_a_revoked_client_stops_at_once(api: AsyncClient, place: Place) -> None:
    issued = place.issued["foreign/reader"]
    assert (await api.get(EXPORT, headers=place.headers("foreign/reader"))).status_code == 200

    clients.revoke(place.database, client_id=issued.client_id, at=NOON)

    assert (await api.get(EXPORT, headers=place.headers("foreign/reader"))).status_code == 401


async def test_a_rotated_secret_opens_and_the_old_one_stops_after_the_overlap(
    api: AsyncClient, place: Place
) -> None:
    old = place.headers("foreign/admin")
    new = tenancy.rotate(
        "foreign", client="admin", overlap=timedelta(days=-1), database=place.database,
        announce=lambda _topic: None, clock=lambda: NOON, fresh_secret=lambda: f"sec_{77:040x}",
    )  # fmt: skip

    assert (await api.get(EXPORT, headers=old)).status_code == 401
    place.issued["foreign/admin"] = new
    assert (await api.get(EXPORT, headers=place.headers("foreign/admin"))).status_code == 200


async def test_guessing_is_slowed_down_per_address(place: Place, clock: Clock) -> None:
    services = Services(
        place.database, place.warehouse, clock_ms=clock, trusted_proxies=Networks(["127.0.0.1"])
    )
    guess = {"openpanel-client-id": UNKNOWN, "x-forwarded-for": "203.0.113.9"}
    async with talking_to(services) as api:
        for _ in range(BAD_CREDENTIALS_BURST):
            assert (await api.get(EXPORT, headers=guess)).status_code == 401

        refused = await api.get(EXPORT, headers=guess)
        other = await api.get(
            EXPORT, headers={**place.headers("mine/reader"), "x-forwarded-for": "203.0.113.10"}
        )
        clock.ms += 5_000
        later = await api.get(EXPORT, headers=guess)

    assert (refused.status_code, refused.json()["error"], int(refused.headers["retry-after"]) > 0) == (
        429, "Too Many Requests", True,
    )  # fmt: skip
    assert (other.status_code, later.status_code) == (200, 401)

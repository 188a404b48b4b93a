"""Who guesses is slowed down, and nobody else: not those behind the same address who have the right credentials."""

import asyncio
import base64
from collections.abc import Sequence

import pytest
from httpx import AsyncClient

from openpanel.identity.credentials import verify_secret
from openpanel_api.ingest.addresses import Networks
from openpanel_api.ingest.buckets import BAD_CREDENTIALS_BURST
from openpanel_api.public import access
from openpanel_api.public.services import CHECKS_OF_ONE, CHECKS_WAITING, Services
from tests.api.public.conftest import Clock, Place, talking_to

EXPORT = "/export/events"
PROXY = "127.0.0.1"

Checked = list[str]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Checked:
    """The secrets that were checked, which is what costs."""
    secrets: Checked = []

    def verify(secret: str, *, hashes: Sequence[str]) -> bool:
        secrets.append(secret)
        return verify_secret(secret, hashes=hashes)

    monkeypatch.setattr(access, "verify_secret", verify)
    return secrets


def guess(place: Place, number: int, **headers: str) -> dict[str, str]:
    """Credentials of a client that is there, with a wrong secret."""
    return {**place.headers("mine/reader"), "openpanel-client-secret": f"sec_{number}", **headers}


async def statuses(api: AsyncClient, *requests: dict[str, str]) -> list[int]:
    """What those who ask at once are answered."""
    answers = await asyncio.gather(*(api.get(EXPORT, headers=headers) for headers in requests))
    return [answer.status_code for answer in answers]


@pytest.fixture
def behind(place: Place, clock: Clock) -> Services:
    """Services of an API behind a proxy."""
    return Services(place.database, place.warehouse, clock_ms=clock, trusted_proxies=Networks([PROXY]))


def token(place: Place, who: str) -> dict[str, str]:
    client_id, secret = place.issued[who]
    return {"authorization": f"Bearer {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


async def test_a_stranger_locks_nobody_out_who_is_behind_the_same_address(
    place: Place, api: AsyncClient
) -> None:
    for _ in range(2 * BAD_CREDENTIALS_BURST):
        await api.get(EXPORT)
    stranger = await api.get(EXPORT)
    export = await api.get(EXPORT, headers=place.headers("mine/reader"))
    manage = await api.get("/manage/projects", headers=place.headers("mine/admin"))
    live = await api.get("/live/visitors/mine", headers=place.headers("mine/admin"))
    mcp = await api.delete("/mcp", headers=token(place, "mine/admin"))

    assert stranger.status_code == 429
    assert (export.status_code, manage.status_code, mcp.status_code) == (200, 200, 204)
    assert (live.status_code, live.json()["message"]) == (503, "Live figures need Redis")


async def test_who_is_known_passes_while_others_of_his_address_guess(
    place: Place, api: AsyncClient, clock: Clock
) -> None:
    right = place.headers("mine/reader")
    assert await statuses(api, right) == [200]

    await statuses(api, *(guess(place, number) for number in range(2 * BAD_CREDENTIALS_BURST)))
    guessed = await api.get(EXPORT, headers=guess(place, 999))
    known = await api.get(EXPORT, headers=right)
    not_yet_known = await api.get(EXPORT, headers=place.headers("mine/admin"))
    clock.ms += 1_000
    later = await api.get(EXPORT, headers=place.headers("mine/admin"))

    assert (guessed.status_code, guessed.headers["retry-after"]) == (429, "1")
    assert (known.status_code, not_yet_known.status_code, later.status_code) == (200, 429, 200)


async def test_guesses_that_come_at_once_are_bounded_as_well(
    place: Place, api: AsyncClient, checked: Checked
) -> None:
    answers = await statuses(api, *(guess(place, number) for number in range(CHECKS_WAITING + CHECKS_OF_ONE)))

    assert len(checked) == BAD_CREDENTIALS_BURST
    assert answers.count(401) == BAD_CREDENTIALS_BURST


async def test_a_crowd_of_guesses_is_refused_at_the_door(
    place: Place, api: AsyncClient, checked: Checked
) -> None:
    crowd = [guess(place, number) for number in range(2 * (CHECKS_WAITING + CHECKS_OF_ONE))]

    answers = await statuses(api, *crowd)

    assert set(answers) == {401, 429}
    assert len(checked) == BAD_CREDENTIALS_BURST


async def test_the_same_secret_is_checked_once_for_all_who_come_at_once(
    place: Place, api: AsyncClient, checked: Checked
) -> None:
    assert await statuses(api, *[place.headers("mine/reader")] * 20) == [200] * 20

    assert len(checked) == 1


async def test_guesses_from_all_addresses_of_an_ipv6_household_are_those_of_one(
    place: Place, behind: Services, checked: Checked
) -> None:
    def comes_from(number: int, network: str) -> dict[str, str]:
        return guess(place, number, **{"x-forwarded-for": f"{network}::{number:x}"})

    async with talking_to(behind) as api:
        for number in range(2 * BAD_CREDENTIALS_BURST):
            await api.get(EXPORT, headers=comes_from(number, "2001:db8:0:1"))
        neighbour = await api.get(EXPORT, headers=comes_from(999, "2001:db8:0:2"))

    assert len(checked) == BAD_CREDENTIALS_BURST + 1
    assert neighbour.status_code == 401


@pytest.mark.parametrize("header", ["X-Real-IP", "forwarded"])
async def test_where_a_header_names_the_address_no_other_counts(
    place: Place, clock: Clock, checked: Checked, header: str
) -> None:
    services = Services(
        place.database, place.warehouse, clock_ms=clock, trusted_proxies=Networks([PROXY]), address_header=header
    )  # fmt: skip
    named = {header: "for=203.0.113.1" if header == "forwarded" else "203.0.113.1"}
    async with talking_to(services) as api:
        for number in range(2 * BAD_CREDENTIALS_BURST):
            forged = {"x-forwarded-for": f"198.51.100.{number}"}
            await api.get(EXPORT, headers=guess(place, number, **named, **forged))

    assert len(checked) == BAD_CREDENTIALS_BURST

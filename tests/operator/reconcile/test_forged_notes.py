"""What somebody writes into the annotations of a client's Secret: nonsense is not believed, and rotation goes on."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from openpanel.tenancy.spec import Rotation
from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.kube.objects import Ref
from openpanel_operator.reconcile.client_secrets import FARTHEST, Issue, issue, recorded
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SERIAL, ISSUED_AT = "openpanel.dev/serial", "openpanel.dev/issued-at"
NONSENSE = [
    {ISSUED_AT: "2999-01-01T00:00:00Z"},
    {ISSUED_AT: "9999-12-31T23:59:59Z"},
    {ISSUED_AT: "9999-12-31T23:59:59-14:00"},
    {ISSUED_AT: "0001-01-01T00:00:00+14:00"},
    {ISSUED_AT: "0001-01-01T00:00:00Z"},
    {ISSUED_AT: "2026-03-01T00:00:00"},
    {ISSUED_AT: "2026-03-01"},
    {ISSUED_AT: "soon"},
    {SERIAL: "99999999999999999999"},
    {SERIAL: "9223372036854775807"},
    {SERIAL: "9" * 5_000},
    {SERIAL: "\u0663"},
    {SERIAL: "-1"},
    {SERIAL: "0"},
    {SERIAL: "many"},
]


@pytest.fixture
async def shop(scene: Scene) -> Key:
    """A project that is ready, whose client gets another secret every month."""
    panel = await make_cluster(scene)
    await scene.settle(panel)
    rotation = {"interval": "30d", "overlap": "1d"}
    key = await make_project(scene, "shop", clients=[{"name": "web", "type": "write", "rotation": rotation}])
    await scene.settle(key)
    return key


@pytest.mark.parametrize("forged", NONSENSE, ids=lambda each: str(*each.values())[:24])
async def test_project_stays_ready_and_its_secret_is_rotated_when_it_is_due(
    scene: Scene, shop: Key, forged: dict[str, str]
) -> None:
    ref = Ref(SECRET, scene.namespace, "shop-web")
    await scene.kube._inner.patch(ref, {"metadata": {"annotations": forged}}, by="somebody")

    await scene.settle(shop)

    (client,) = (await scene.status(shop))["clients"]
    assert (await scene.condition(shop, "Ready"))["status"] == "True"
    assert client["serial"] == 1
    assert await scene.writes_of(shop) == []

    scene.now += timedelta(days=30, minutes=1)
    await scene.settle(shop)

    (client,) = (await scene.status(shop))["clients"]
    secret = await scene.kube.get(SECRET, "shop-web", namespace=scene.namespace)
    assert secret is not None
    assert client["serial"] == 2
    assert client["issuedAt"] == scene.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    value = base64.b64decode(secret["data"]["clientSecret"]).decode()
    assert value == scene.stores.valid["shop", "web"][-1]


@pytest.mark.parametrize("reported", [0, 1, 7, 10**9])
def test_number_that_is_far_from_the_known_one_is_not_taken(reported: int) -> None:
    far = Issue(reported + FARTHEST + 1, NOW)
    near = Issue(reported + FARTHEST, NOW)

    def decided(current: Issue) -> Issue:
        return issue(None, current=current, exists=True, reported=reported, asked="", now=NOW)

    assert decided(far).serial == max(reported, 1)
    assert decided(near) == near


def test_clock_of_another_operator_may_be_a_little_ahead() -> None:
    rotation = Rotation(interval="30d", overlap="1d")
    ahead = Issue(3, NOW + timedelta(minutes=5))

    assert issue(rotation, current=ahead, exists=True, reported=3, asked="", now=NOW) == ahead


def test_moment_of_another_zone_is_the_same_moment() -> None:
    notes = {SERIAL: "1", ISSUED_AT: "2026-03-01T02:00:00+02:00"}

    assert recorded({"metadata": {"annotations": notes}}) == Issue(1, NOW)

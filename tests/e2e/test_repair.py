"""What a person deletes or edits by mistake is mended within seconds."""

import pytest

from tests.e2e.conftest import PANEL, SHOP, client
from tests.e2e.kubectl import Kubectl, until
from tests.e2e.reading import still_serving

MENDED_S = 30.0


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("service", f"{PANEL}-ingest"),
        ("service", f"{PANEL}-redis"),
        ("deployment", f"{PANEL}-worker"),
        ("deployment", f"{PANEL}-api"),
        ("poddisruptionbudget", f"{PANEL}-ingest"),
    ],
)
def test_a_deleted_object_is_made_again(kube: Kubectl, shop: str, kind: str, name: str) -> None:
    assert shop
    before = kube.get(kind, name)["metadata"]["uid"]
    kube.delete(kind, name, wait=False)
    kube.until(kind, name, lambda found: found["metadata"]["uid"] != before, seconds=MENDED_S)
    still_serving(kube)


def test_an_edited_deployment_is_put_right_and_foreign_fields_stay(kube: Kubectl, shop: str) -> None:
    assert shop
    name = f"{PANEL}-dashboard"
    port = kube.get("deployment", name)["spec"]["template"]["spec"]["containers"][0]["ports"]
    kube.patch(
        "deployment",
        name,
        {"metadata": {"labels": {"team": "mine"}}, "spec": {"revisionHistoryLimit": 9}},
    )
    mended = kube.until(
        "deployment", name, lambda found: found["spec"]["revisionHistoryLimit"] == 3, seconds=MENDED_S
    )
    assert mended["metadata"]["labels"]["team"] == "mine"
    assert mended["spec"]["template"]["spec"]["containers"][0]["ports"] == port


def test_an_edited_client_secret_is_put_right(kube: Kubectl, shop: str) -> None:
    before = client(kube, f"{shop}-web")
    kube.patch("secret", f"{shop}-web", {"stringData": {"clientSecret": "sec_wrong"}})
    until(lambda: client(kube, f"{shop}-web").secret, lambda now: now == before.secret, seconds=MENDED_S)


def test_a_deleted_client_secret_is_made_again_with_another_secret(kube: Kubectl, shop: str) -> None:
    before = client(kube, f"{shop}-reader")
    kube.delete("secret", f"{shop}-reader", wait=False)
    kube.until("secret", f"{shop}-reader", bool, seconds=MENDED_S)
    after = client(kube, f"{shop}-reader")
    assert after.id == before.id
    assert after.secret != before.secret
    kube.ready("aproj", SHOP)

"""What a project collected for one namespace is no other's: not by its name alone."""

from collections.abc import Callable

import pytest

from openpanel_operator.kube import Key, Kube
from openpanel_operator.kube.kinds import NAMESPACE, PROJECT, SECRET
from openpanel_operator.reconcile import owners
from openpanel_operator.reconcile.owners import Consent
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready."""
    key = await make_cluster(scene)
    await scene.settle(key)
    return key


@pytest.fixture
async def other(scene: Scene, kube: Kube, fresh_name: Callable[[str], str]) -> str:
    """Another tenant's namespace."""
    name = fresh_name("other")
    await kube.create({"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": name}})
    scene.namespaces = (name,)
    return name


async def gone(scene: Scene, policy: str) -> None:
    shop = await make_project(scene, "shop", deletionPolicy=policy)
    await scene.settle(shop)
    await scene.delete(shop)
    await scene.reconcile(shop)
    assert scene.stores.removed == {"shop": policy}


async def test_retained_data_are_refused_to_another_namespace_until_the_cluster_consents(
    scene: Scene, panel: Key, other: str
) -> None:
    await gone(scene, "Retain")
    ref = {"name": panel.name, "namespace": panel.namespace}
    taker = await make_project(scene, "shop", namespace=other, clusterRef=ref)

    await scene.settle(taker)

    found = await scene.condition(taker, "Provisioned")
    assert (found["status"], found["reason"]) == ("False", "OwnedElsewhere")
    assert f"{owners.HAND_OVER}: {scene.namespace}/shop" in found["message"]
    assert scene.stores.known == {}
    assert scene.stores.owners == {"shop": scene.namespace}
    assert await scene.kube.get(SECRET, "shop-web", namespace=other) is None
    await scene.annotate(taker, hand_over=f"{scene.namespace}/shop")
    await scene.settle(taker)
    assert (await scene.condition(taker, "Provisioned"))["reason"] == "OwnedElsewhere", (
        "nobody else consented"
    )

    await scene.annotate(panel, hand_over=f"elsewhere/shop, {scene.namespace}/shop")
    await scene.settle(taker)
    assert (await scene.condition(taker, "Ready"))["status"] == "True"
    assert scene.stores.owners == {"shop": other}


async def test_refused_project_that_is_deleted_takes_nothing_of_the_owners_along(
    scene: Scene, panel: Key, other: str
) -> None:
    await gone(scene, "Retain")
    ref = {"name": panel.name, "namespace": panel.namespace}
    taker = await make_project(scene, "shop", namespace=other, clusterRef=ref, deletionPolicy="Delete")
    await scene.settle(taker)

    await scene.delete(taker)
    await scene.reconcile(taker)

    assert await scene.kube.get(PROJECT, "shop", namespace=other) is None
    assert scene.stores.removed == {"shop": "Retain"}


async def test_owner_gets_its_data_again_when_a_refused_project_that_came_between_is_deleted(
    scene: Scene, panel: Key, other: str
) -> None:
    await gone(scene, "Retain")
    ref = {"name": panel.name, "namespace": panel.namespace}
    between = await make_project(scene, "shop", namespace=other, clusterRef=ref, deletionPolicy="Delete")
    await scene.settle(between)
    shop = await make_project(scene, "shop", clusterRef=ref)
    await scene.settle(shop)
    assert (await scene.condition(shop, "SpecValid"))["reason"] == "NameConflict"

    await scene.delete(between)
    await scene.reconcile(between)
    await scene.settle(shop)

    assert (await scene.condition(shop, "Ready"))["status"] == "True"
    assert scene.stores.owners == {"shop": scene.namespace}


async def test_retained_data_are_there_again_for_the_namespace_that_had_them(
    scene: Scene, panel: Key
) -> None:
    assert panel.namespace == scene.namespace
    await gone(scene, "Retain")

    shop = await make_project(scene, "shop")
    await scene.settle(shop)

    assert (await scene.condition(shop, "Ready"))["status"] == "True"


async def test_name_of_a_project_that_was_erased_is_free(scene: Scene, panel: Key, other: str) -> None:
    await gone(scene, "Delete")
    ref = {"name": panel.name, "namespace": panel.namespace}

    taker = await make_project(scene, "shop", namespace=other, clusterRef=ref)
    await scene.settle(taker)

    assert (await scene.condition(taker, "Ready"))["status"] == "True"


@pytest.mark.parametrize(
    ("owner", "handed_over", "refused"),
    [
        (None, frozenset(), False),
        ("mine", frozenset(), False),
        ("theirs", frozenset(), True),
        ("theirs", frozenset({"others"}), True),
        ("theirs", frozenset({"theirs"}), False),
        ("", frozenset(), True),
        ("", frozenset({"theirs"}), True),
        ("", frozenset({owners.API}), False),
    ],
)
def test_project_is_free_for_its_owner_and_those_it_was_handed_to(
    owner: str | None, handed_over: frozenset[str], refused: bool
) -> None:
    if not refused:
        owners.must_be_free("shop", owner=owner, namespace="mine", consent=Consent(handed_over))
        return
    with pytest.raises(owners.OwnedElsewhere) as refusal:
        owners.must_be_free("shop", owner=owner, namespace="mine", consent=Consent(handed_over))
    assert f"{owners.HAND_OVER}: {owner or owners.API}/shop" in refusal.value.explained(cluster="a/panel")


def test_consent_is_for_the_project_that_it_names() -> None:
    told = {owners.HAND_OVER: " a/shop ,b/shop, c/other,, d"}

    assert owners.consent(told, project="shop", namespace="x").handed_over == {"a", "b"}
    assert owners.consent({}, project="shop", namespace="x") == Consent()


async def test_organization_of_another_namespace_is_refused_until_the_cluster_consents(
    scene: Scene, panel: Key, other: str
) -> None:
    shop = await make_project(scene, "shop", organization="theirs")
    await scene.settle(shop)
    ref = {"name": panel.name, "namespace": panel.namespace}
    root = {"name": "admin", "type": "root"}
    taker = await make_project(
        scene, "taker", namespace=other, clusterRef=ref, organization="theirs", clients=[root]
    )

    await scene.settle(taker)

    found = await scene.condition(taker, "Provisioned")
    assert (found["status"], found["reason"]) == ("False", "OrganizationElsewhere")
    assert f"{owners.SHARE_ORGANIZATION}: {other}/theirs" in found["message"]
    assert set(scene.stores.known) == {"shop"}
    assert await scene.kube.get(SECRET, "taker-admin", namespace=other) is None

    await scene.annotate(panel, share_organization=f"{other}/theirs")
    await scene.settle(taker)
    assert (await scene.condition(taker, "Ready"))["status"] == "True"


async def test_organization_that_is_not_named_is_that_of_the_namespace(
    scene: Scene, panel: Key, other: str
) -> None:
    ref = {"name": panel.name, "namespace": panel.namespace}
    for project in (
        await make_project(scene, "here"),
        await make_project(scene, "there", namespace=other, clusterRef=ref),
    ):
        await scene.settle(project)
        assert (await scene.condition(project, "Ready"))["status"] == "True"

    known = {name: wanted.manifest.organization for name, wanted in scene.stores.known.items()}
    assert known == {"here": scene.namespace, "there": other}


@pytest.mark.parametrize(
    ("there", "consented", "refused"),
    [
        (frozenset(), frozenset(), False),
        (frozenset({"mine"}), frozenset(), False),
        (frozenset({"mine", "theirs"}), frozenset(), False),
        (frozenset({"theirs"}), frozenset(), True),
        (frozenset({""}), frozenset(), True),
        (frozenset({"theirs"}), frozenset({"others"}), True),
        (frozenset({"theirs"}), frozenset({"shops"}), False),
    ],
)
def test_place_in_an_organization_is_for_those_who_are_in_it_and_those_who_are_let_in(
    there: frozenset[str], consented: frozenset[str], refused: bool
) -> None:
    consent = Consent(organizations=consented)
    if not refused:
        owners.must_have_place("shops", owners=there, namespace="mine", consent=consent)
        return
    with pytest.raises(owners.OrganizationElsewhere) as refusal:
        owners.must_have_place("shops", owners=there, namespace="mine", consent=consent)
    assert f"{owners.SHARE_ORGANIZATION}: mine/shops" in refusal.value.explained(cluster="a/panel")

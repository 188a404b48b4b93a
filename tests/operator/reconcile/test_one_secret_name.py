"""Two projects whose clients have one name, as manifests: a conflict only where both would have one Secret."""

import base64
import contextlib
from typing import Any

import pytest

from openpanel_operator.kube import Index, Key, Kind, Ref
from openpanel_operator.kube.kinds import OWNED, SECRET
from openpanel_operator.kube.objects import Object, labels
from openpanel_operator.reconcile import reconciling
from openpanel_operator.reconcile.reconciling import Failed
from openpanel_operator.reconcile.vacancies import Vacancies
from tests.operator.control_plane import ApiServer
from tests.operator.reconcile.test_operating import kubelet, operating, ready
from tests.operator.reconcile.waiting import until, until_true
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

# Name and clients of the first and of the second project, and the Secret that both would have.
CLASHES = [
    pytest.param(
        ("shop", {"name": "web", "type": "write", "secretName": "analytics"}),
        ("blog", {"name": "web", "type": "write", "secretName": "analytics"}),
        "analytics",
        id="one name given to both",
    ),
    pytest.param(
        ("shop", {"name": "eu-web", "type": "write"}),
        ("shop-eu", {"name": "web", "type": "write"}),
        "shop-eu-web",
        id="one name made of both",
    ),
]


@pytest.fixture
async def panel(scene: Scene) -> Key:
    """A cluster that is ready."""
    key = await make_cluster(scene)
    await scene.settle(key)
    return key


async def secret(scene: Scene, name: str) -> Object:
    body = await scene.kube.get(SECRET, name, namespace=scene.namespace)
    assert body is not None
    return body


@pytest.mark.usefixtures("panel")
async def test_clients_of_one_name_have_each_a_secret_of_their_own(scene: Scene) -> None:
    shop, blog = await make_project(scene, "shop"), await make_project(scene, "blog")

    await scene.settle(shop, blog)

    values = set()
    for key in (shop, blog):
        assert (await scene.condition(key, "Ready"))["status"] == "True"
        values.add(base64.b64decode((await secret(scene, f"{key.name}-web"))["data"]["clientSecret"]))
    assert len(values) == 2


@pytest.mark.usefixtures("panel")
@pytest.mark.parametrize(("first", "second", "name"), CLASHES)
async def test_second_project_is_told_whose_the_secret_is_and_heals_when_it_goes(
    scene: Scene, first: tuple[str, dict[str, Any]], second: tuple[str, dict[str, Any]], name: str
) -> None:
    elder = await make_project(scene, first[0], clients=[first[1]])
    await scene.settle(elder)
    before = await secret(scene, name)
    younger = await make_project(scene, second[0], clients=[second[1]])

    for key in (younger, elder, younger):
        with contextlib.suppress(Failed):
            await scene.reconcile(key)

    found = await scene.condition(younger, "CredentialsReady")
    assert (found["status"], found["reason"]) == ("Unknown", "SecretConflict")
    assert f"{scene.namespace}/{name}" in found["message"]
    assert str(elder) in found["message"]
    assert (await scene.condition(younger, "Ready"))["status"] == "False"
    assert (await scene.condition(elder, "Ready"))["status"] == "True"
    assert await secret(scene, name) == before

    await scene.change(elder, clients=[{"name": "other", "type": "write"}])
    await scene.settle(elder)
    await scene.settle(younger)

    assert (await scene.condition(younger, "Ready"))["status"] == "True"
    assert labels(await secret(scene, name))["openpanel.dev/project"] == younger.name


ONE_NAME = [{"name": "web", "type": "write", "secretName": "analytics"}]
UNWATCHED = tuple(kind for kind in OWNED if kind != SECRET)
NEVER = 100_000.0  # seconds


@pytest.fixture
def told_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was refused does not ask again by itself."""
    monkeypatch.setattr(reconciling, "TAKEN_S", NEVER)
    monkeypatch.setattr(reconciling, "LEFT_S", NEVER)


async def refused(scene: Scene, younger: Key, reason: str) -> None:
    async def is_told() -> bool:
        found = (await scene.status(younger)).get("conditions") or ()
        return any(each["reason"] == reason for each in found)

    await until_true(is_told)


@pytest.mark.usefixtures("told_only")
@pytest.mark.parametrize("watched", [OWNED, UNWATCHED], ids=["watched", "looked at by name"])
async def test_second_project_is_told_when_the_first_takes_another_name(
    scene: Scene, api_server: ApiServer, watched: tuple[Kind, ...]
) -> None:
    async with operating(scene, api_server, watched=watched), kubelet(scene):
        panel = await make_cluster(scene)
        elder = await make_project(scene, "shop", clients=ONE_NAME)
        await ready(scene, panel, elder)
        younger = await make_project(scene, "blog", clients=ONE_NAME)
        await refused(scene, younger, "SecretConflict")

        await scene.change(elder, clients=[{"name": "other", "type": "write"}])

        await ready(scene, elder, younger)
    assert labels(await secret(scene, "analytics"))["openpanel.dev/project"] == younger.name


async def test_second_project_gets_the_name_when_the_first_is_gone(
    scene: Scene, api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "TAKEN_S", NEVER)
    async with operating(scene, api_server, watched=UNWATCHED) as operator, kubelet(scene):
        panel = await make_cluster(scene)
        elder = await make_project(scene, "shop", clients=ONE_NAME)
        await ready(scene, panel, elder)
        younger = await make_project(scene, "blog", clients=ONE_NAME)
        await refused(scene, younger, "SecretConflict")

        await scene.delete(elder)
        await until(lambda: not operator.claims.is_known(elder))
        await scene.kube._inner.delete(Ref(SECRET, scene.namespace, "analytics"))  # as a collector would

        await ready(scene, younger)


async def test_second_project_is_told_when_the_first_gives_its_host_away(
    scene: Scene, api_server: ApiServer
) -> None:
    async with operating(scene, api_server), kubelet(scene):
        panel = await make_cluster(scene)
        elder = await make_project(scene, "shop", ingest={"host": "in.example.org"})
        await ready(scene, panel, elder)
        younger = await make_project(scene, "blog", ingest={"host": "in.example.org"})
        await refused(scene, younger, "HostConflict")

        await scene.change(elder, ingest={"host": "other.example.org"})

        await ready(scene, elder, younger)


@pytest.mark.usefixtures("panel")
async def test_secret_of_somebody_else_is_asked_for_again_and_again_without_a_fault(scene: Scene) -> None:
    meta = {"name": "analytics", "namespace": scene.namespace}
    await scene.kube._inner.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta})
    shop = await make_project(scene, "shop", clients=ONE_NAME)

    again = await scene.reconcile(shop)

    assert again == reconciling.TAKEN_S
    assert await scene.writes_of(shop) == []
    await scene.kube._inner.delete(Ref(SECRET, scene.namespace, "analytics"))
    await scene.settle(shop)
    assert (await scene.condition(shop, "Ready"))["status"] == "True"


async def leave(scene: Scene, **metadata: Any) -> None:
    """A Secret with the labels of a project that is not there, as a copy or a backup has them."""
    marks = {"openpanel.dev/project": "gone", "openpanel.dev/project-namespace": scene.namespace}
    meta = {"name": "analytics", "namespace": scene.namespace, "labels": marks, **metadata}
    await scene.kube._inner.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta})


@pytest.mark.usefixtures("panel")
async def test_copied_labels_are_no_reason_to_look_every_second(scene: Scene) -> None:
    await leave(scene)
    shop = await make_project(scene, "shop", clients=ONE_NAME)

    again = await scene.reconcile(shop)

    assert again == reconciling.TAKEN_S
    assert (await scene.condition(shop, "CredentialsReady"))["reason"] == "SecretConflict"


@pytest.mark.usefixtures("panel")
@pytest.mark.parametrize("other", [False, True], ids=["alone", "with another owner"])
async def test_secret_that_is_about_to_be_collected_is_waited_for(scene: Scene, other: bool) -> None:
    gone = {"apiVersion": "openpanel.dev/v1alpha1", "kind": "AnalyticsProject", "name": "gone", "uid": "1"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "name": "keeper", "uid": "2"}
    await leave(scene, ownerReferences=[gone, config] if other else [gone])
    shop = await make_project(scene, "shop", clients=ONE_NAME)

    assert await scene.reconcile(shop) == (reconciling.TAKEN_S if other else reconciling.LEFT_S)


@pytest.mark.usefixtures("panel")
async def test_secret_that_is_being_deleted_is_waited_for(scene: Scene) -> None:
    await leave(scene, finalizers=["example.com/backup"])
    await scene.kube._inner.delete(Ref(SECRET, scene.namespace, "analytics"))
    shop = await make_project(scene, "shop", clients=ONE_NAME)

    assert await scene.reconcile(shop) == reconciling.LEFT_S


SHOP, BLOG = Key("AnalyticsProject", "a", "shop"), Key("AnalyticsProject", "a", "blog")
REF = Ref(SECRET, "a", "analytics")


def owned(owner: Key, version: int) -> Object:
    marks = {"openpanel.dev/project": owner.name, "openpanel.dev/project-namespace": owner.namespace}
    meta = {"name": REF.name, "namespace": REF.namespace, "resourceVersion": str(version), "labels": marks}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta}


def test_who_waits_is_found_by_the_object_and_by_its_owner() -> None:
    vacancies = Vacancies()
    vacancies.wait(BLOG, ref=REF, owner=SHOP)

    assert vacancies.for_object(REF) == [BLOG]
    assert vacancies.for_owner(SHOP) == [BLOG]
    assert vacancies.for_owner(BLOG) == []
    vacancies.forget(BLOG)
    assert vacancies.for_object(REF) == vacancies.for_owner(SHOP) == []


def test_an_object_is_free_when_it_is_gone_or_becomes_another_s() -> None:
    free: list[Ref] = []
    index = Index(vacated=free.append)

    index.put(owned(SHOP, 1), kind=SECRET)
    index.put(owned(SHOP, 2), kind=SECRET)
    assert free == []
    index.put(owned(BLOG, 3), kind=SECRET)
    assert free == [REF]
    index.drop(REF)
    assert free == [REF, REF]

"""When an object counts as changed, with objects as the real API server keeps them."""

import copy
from typing import Any

import pytest

from openpanel_operator.kube import Index, Kube
from openpanel_operator.kube.kinds import DEPLOYMENT
from openpanel_operator.kube.objects import Object, Ref
from openpanel_operator.reconcile.comparing import alike, applied, differences


def deployment(namespace: str) -> Object:
    labels = {"app": "x"}
    container = {
        "name": "main",
        "image": "example.org/main:1",
        "args": ["a", "b"],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"memory": "2048Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
    }
    pod = {
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1024Ki"}}],
        "tolerations": [{"key": "a", "operator": "Exists"}],
    }
    template = {"metadata": {"labels": labels, "annotations": {"checksum": "1"}}, "spec": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "one", "namespace": namespace, "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


async def stored(kube: Kube, namespace: str) -> Object:
    """The object as the index keeps it."""
    body = await kube.get(DEPLOYMENT, "one", namespace=namespace)
    assert body is not None
    index = Index()
    index.put(body, kind=DEPLOYMENT)
    found = index.get(Ref(DEPLOYMENT, namespace, "one"))
    assert found is not None
    return found


def put(body: Any, path: str, value: Any) -> None:
    *way, last = path.split(".")
    for step in way:
        body = body[int(step) if step.isdecimal() else step]
    if value is None:
        del body[int(last) if last.isdecimal() else last]
    else:
        body[int(last) if last.isdecimal() else last] = value


MAIN = "spec.template.spec.containers.0"


async def test_applied_object_is_as_wanted(kube: Kube, namespace: str) -> None:
    await kube.apply(deployment(namespace))

    assert not differences(deployment(namespace), await stored(kube, namespace))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{MAIN}.image", "example.org/main:2"),
        (f"{MAIN}.args", ["a"]),
        (f"{MAIN}.args", ["a", "c"]),
        (f"{MAIN}.env.0.value", "9"),
        (f"{MAIN}.env.0", None),
        (f"{MAIN}.ports.0.containerPort", 9090),
        (f"{MAIN}.resources.requests.cpu", "2"),
        (f"{MAIN}.readinessProbe.httpGet.path", "/other"),
        (f"{MAIN}.readinessProbe", None),
        ("spec.template.spec.volumes.0.emptyDir.sizeLimit", "2Mi"),
        ("spec.template.spec.tolerations.0.key", "b"),
        ("spec.template.spec.tolerations", []),
        ("spec.template.metadata.annotations.checksum", "2"),
        ("metadata.labels.app", "y"),
        ("metadata.labels", None),
    ],
)
async def test_changed_owned_field_is_seen(kube: Kube, namespace: str, path: str, value: Any) -> None:
    await kube.apply(deployment(namespace))
    observed = await stored(kube, namespace)
    put(observed, path, value)

    assert differences(deployment(namespace), observed)


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata": {"labels": {"theirs": "1"}, "annotations": {"theirs": "1"}}},
        {"spec": {"replicas": 7, "minReadySeconds": 3}},
        {"spec": {"template": {"spec": {"nodeSelector": {"theirs": "1"}}}}},
        {"spec": {"template": {"metadata": {"annotations": {"theirs": "1"}}}}},
    ],
)
async def test_fields_of_others_do_not_count(kube: Kube, namespace: str, changes: Object) -> None:
    await kube.apply(deployment(namespace))
    await kube.patch(Ref(DEPLOYMENT, namespace, "one"), changes, by="somebody")

    assert not differences(deployment(namespace), await stored(kube, namespace))


async def test_containers_of_others_do_not_count(kube: Kube, namespace: str) -> None:
    await kube.apply(deployment(namespace))
    theirs = {"containers": [{"name": "sidecar", "image": "example.org/sidecar:1"}]}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "one", "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"spec": theirs}},
    }
    await kube.apply(body, manager="injector")

    observed = await stored(kube, namespace)

    assert len(observed["spec"]["template"]["spec"]["containers"]) == 2
    assert not differences(deployment(namespace), observed)


@pytest.mark.parametrize(
    "path", [f"{MAIN}.env.1", f"{MAIN}.args", f"{MAIN}.readinessProbe", "spec.template.metadata.annotations"]
)
async def test_field_that_is_no_longer_wanted_counts(kube: Kube, namespace: str, path: str) -> None:
    await kube.apply(deployment(namespace))
    desired = copy.deepcopy(deployment(namespace))
    put(desired, path, None)

    assert differences(desired, await stored(kube, namespace))

    await kube.apply(desired)

    assert not differences(desired, await stored(kube, namespace))


async def test_object_that_was_never_applied_is_taken_over(kube: Kube, namespace: str) -> None:
    await kube.create(deployment(namespace))

    assert differences(deployment(namespace), await stored(kube, namespace)) == {()}


async def test_what_was_applied_is_found_again_among_what_others_and_the_server_put_there(
    kube: Kube, namespace: str
) -> None:
    wanted = deployment(namespace)
    put(wanted, f"{MAIN}.env.1.value", "")
    await kube.apply(wanted)
    sidecar = {"name": "sidecar", "image": "example.org/sidecar:1"}
    more = {"spec": {"template": {"spec": {"containers": [sidecar]}}}}
    await kube.apply({**wanted, "spec": more["spec"]}, manager="somebody")

    found = applied(await stored(kube, namespace), "spec", "template")

    assert alike(found, wanted["spec"]["template"])
    again = {**wanted, "spec": {**wanted["spec"], "template": found}}
    assert differences(again, await stored(kube, namespace)) == frozenset()


async def test_nothing_is_found_where_nothing_was_applied(kube: Kube, namespace: str) -> None:
    await kube.apply(deployment(namespace))

    assert applied(await stored(kube, namespace), "spec", "strategy") is None


def test_two_are_alike_that_say_the_same_in_other_words() -> None:
    one = {"resources": {"limits": {"memory": "1024Mi"}}, "env": []}

    assert alike(one, {"resources": {"limits": {"memory": "1Gi"}}})
    assert not alike(one, {"resources": {"limits": {"memory": "2Gi"}}})
    assert not alike(one, {"resources": {"limits": {"memory": "1Gi", "cpu": "1"}}})

"""Who has what two resources want. Pure."""

from typing import Any

from openpanel_operator.kube import Key
from openpanel_operator.reconcile.claims import Claims, host_claim


def body(key: Key, *, made: int, **spec: Any) -> dict[str, Any]:
    meta = {
        "name": key.name,
        "namespace": key.namespace,
        "uid": f"uid-{key.namespace}-{key.name}",
        "creationTimestamp": f"2026-01-01T00:00:{made:02}Z",
    }
    return {"metadata": meta, "spec": spec}


def project(name: str, namespace: str = "a") -> Key:
    return Key("AnalyticsProject", namespace, name)


def cluster(name: str, namespace: str = "a") -> Key:
    return Key("PanelCluster", namespace, name)


HOST = "in.example.org"


def test_elder_has_the_host_and_the_younger_hears_when_it_goes() -> None:
    claims = Claims()
    old, young = project("old"), project("young")
    claims.put(body(young, made=2, ingest={"host": HOST}), key=young)
    assert claims.put(body(old, made=1, ingest={"host": HOST}), key=old) == {young}
    assert claims.holder(host_claim(HOST)) == old

    assert claims.drop(old) == {young}
    assert claims.holder(host_claim(HOST)) == young


def test_changed_host_frees_the_old_one() -> None:
    claims = Claims()
    old, young = project("old"), project("young")
    claims.put(body(old, made=1, ingest={"host": HOST}), key=old)
    claims.put(body(young, made=2, ingest={"host": HOST}), key=young)

    assert claims.put(body(old, made=1, ingest={"host": "other.example.org"}), key=old) == {young}
    assert claims.holder(host_claim(HOST)) == young


def test_resource_that_is_being_deleted_has_its_claims_until_it_is_gone() -> None:
    claims = Claims()
    old, young = project("shop", "x"), project("shop", "y")
    spec = {"clusterRef": {"name": "panel", "namespace": "a"}, "ingest": {"host": HOST}}
    claims.put(body(old, made=1, **spec), key=old)
    claims.put(body(young, made=2, **spec), key=young)
    going = body(old, made=1, **spec)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert claims.put(going, key=old) == {young}

    assert claims.is_going(old)
    assert claims.holder(host_claim(HOST)) == old
    assert claims.namesake(young, cluster=cluster("panel")) == old
    assert claims.drop(old) == {young}
    assert claims.holder(host_claim(HOST)) == young


def test_cluster_has_its_hosts_only_when_it_is_exposed() -> None:
    claims = Claims()
    hosts = {"ingest": HOST, "api": None}
    claims.put(
        body(cluster("panel"), made=1, exposure={"type": "None", "hosts": hosts}), key=cluster("panel")
    )
    assert claims.holder(host_claim(HOST)) is None

    claims.put(
        body(cluster("panel"), made=1, exposure={"type": "Ingress", "hosts": hosts}), key=cluster("panel")
    )
    assert claims.holder(host_claim(HOST)) == cluster("panel")


def test_name_is_taken_on_the_same_cluster_only() -> None:
    claims = Claims()
    ref = {"clusterRef": {"name": "panel", "namespace": "a"}}
    first, second, elsewhere = project("shop", "x"), project("shop", "y"), project("shop", "z")
    claims.put(body(first, made=1, **ref), key=first)
    claims.put(body(second, made=2, **ref), key=second)
    claims.put(body(elsewhere, made=3, clusterRef={"name": "other", "namespace": "a"}), key=elsewhere)

    assert claims.namesake(first, cluster=cluster("panel")) is None
    assert claims.namesake(second, cluster=cluster("panel")) == first
    assert claims.namesake(elsewhere, cluster=cluster("other")) is None


def test_project_without_reference_is_on_the_only_cluster() -> None:
    claims = Claims()
    shop = project("shop")
    claims.put(body(shop, made=3), key=shop)
    assert claims.cluster_of(shop) == []

    claims.put(body(cluster("far", "z"), made=1), key=cluster("far", "z"))
    assert claims.cluster_of(shop) == cluster("far", "z")

    claims.put(body(cluster("near"), made=2), key=cluster("near"))
    assert claims.cluster_of(shop) == cluster("near")
    assert list(claims.projects_of(cluster("near"))) == [shop]

    claims.put(body(cluster("second"), made=2), key=cluster("second"))
    assert claims.cluster_of(shop) == [cluster("near"), cluster("second")]


def test_project_of_which_something_was_made_stays_where_its_status_says() -> None:
    claims = Claims()
    shop = project("shop")
    there = body(shop, made=3)
    there["status"] = {"cluster": {"name": "far", "namespace": "z"}}
    claims.put(body(cluster("near"), made=2), key=cluster("near"))
    claims.put(there, key=shop)
    assert claims.cluster_of(shop) == cluster("near")

    there["metadata"]["finalizers"] = ["openpanel.dev/cleanup"]
    claims.put(there, key=shop)
    assert claims.cluster_of(shop) == cluster("far", "z")
    assert claims.other_named(shop) is None

    there["spec"] = {"clusterRef": {"name": "near"}}
    claims.put(there, key=shop)
    assert claims.cluster_of(shop) == cluster("far", "z")
    assert claims.other_named(shop) == cluster("near")


def test_elder_of_two_whose_objects_would_be_named_alike_has_the_name() -> None:
    claims = Claims()
    main, shop = cluster("main"), project("other")
    own, foreign, elsewhere = project("main"), project("main", "x"), project("main", "y")
    claims.put(body(main, made=3), key=main)
    claims.put(body(cluster("other"), made=1), key=cluster("other"))
    claims.put(body(own, made=1, clusterRef={"name": "main"}), key=own)
    claims.put(body(shop, made=4, clusterRef={"name": "main"}), key=shop)
    claims.put(body(elsewhere, made=1, clusterRef={"name": "far", "namespace": "z"}), key=elsewhere)

    assert claims.forerunner(main, place="a") is None  # without it, its project has no objects
    assert claims.forerunner(own, place="a") == main
    assert claims.forerunner(shop, place="a") == cluster("other")
    assert claims.forerunner(elsewhere, place="z") is None

    told = claims.put(body(foreign, made=2, clusterRef={"name": "other", "namespace": "a"}), key=foreign)

    assert {main, own} <= told
    assert claims.forerunner(main, place="a") == foreign
    assert claims.forerunner(foreign, place="a") == own


def test_projects_of_two_clusters_in_one_namespace_cannot_share_a_name() -> None:
    claims = Claims()
    first, second = project("shop", "x"), project("shop", "y")
    for number, name in enumerate(("left", "right")):
        claims.put(body(cluster(name), made=number), key=cluster(name))
    claims.put(body(first, made=3, clusterRef={"name": "left", "namespace": "a"}), key=first)
    claims.put(body(second, made=4, clusterRef={"name": "right", "namespace": "a"}), key=second)

    assert claims.forerunner(second, place="a") == first
    assert claims.drop(first) == {second}
    assert claims.forerunner(second, place="a") is None


def test_of_two_made_in_one_second_the_first_that_was_heard_of_has_it() -> None:
    claims = Claims()
    first, second = project("z-first"), project("a-second")
    for key in (first, second, first):
        claims.put(body(key, made=1, ingest={"host": HOST}), key=key)

    assert claims.holder(host_claim(HOST)) == first


def test_of_two_made_in_one_second_who_was_let_in_has_it_after_a_restart() -> None:
    claims = Claims()
    refused, let_in = project("a-refused"), project("z-let-in")
    for key, status in ((refused, "False"), (let_in, "True")):
        told = {"conditions": [{"type": "SpecValid", "status": status}]}
        claims.put({**body(key, made=1, ingest={"host": HOST}), "status": told}, key=key)

    assert claims.holder(host_claim(HOST)) == let_in

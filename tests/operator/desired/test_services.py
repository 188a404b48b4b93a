"""What services are told, how they roll, how they are reached and who may reach them."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openpanel.settings import Settings
from openpanel.tenancy.spec import ResourceQuota
from openpanel_operator.desired import Object, Stage, addresses, desired_cluster, desired_project
from openpanel_operator.desired.quota import Share, affordable
from openpanel_operator.desired.sizes import number
from openpanel_worker.exits import Exit
from openpanel_worker.migrate import parser
from tests.operator.desired import cases

OPERATIONS: Final = Path(__file__).parents[3] / "docs" / "operations.md"
SERVICES = ("ingest", "api", "dashboard", "worker")


def rendered(spec: Any = None, **facts: Any) -> list[Object]:
    return desired_cluster(cases.cluster(spec), facts=cases.cluster_facts(**facts))


def dedicated(spec: Any = None, cluster: Any = None, **facts: Any) -> list[Object]:
    return desired_project(
        cases.project(spec or cases.PROJECTS["dedicated"]),
        cluster=cases.cluster(cluster),
        facts=cases.project_facts(**facts),
    )


def container(objects: list[Object], name: str, kind: str = "Deployment") -> Object:
    found: Object = cases.only(objects, kind, name)["spec"]["template"]["spec"]["containers"][0]
    return found


def told(objects: list[Object], name: str) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in container(objects, name)["env"]}


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_a_setting(name: str) -> None:
    fields = {f"OPENPANEL_{field.upper()}" for field in Settings.model_fields}
    allowed = {"OTEL_EXPORTER_OTLP_ENDPOINT", "REDIS_PASSWORD", "POSTGRES_PASSWORD", "CLICKHOUSE_PASSWORD"}

    assert told(rendered(cases.EVERYTHING), f"main-{name}").keys() <= fields | allowed


@pytest.mark.parametrize("name", SERVICES)
def test_settings_take_what_they_are_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, text in told(rendered(cases.EVERYTHING), f"main-{name}").items():
        monkeypatch.setenv(key, text)

    read = Settings()

    assert read.host == "0.0.0.0"
    assert read.pool == "shared"
    assert read.shards == 6
    port = {"ingest": read.ingest_port, "api": read.public_port, "dashboard": read.dashboard_port}
    ports = container(rendered(cases.EVERYTHING), f"main-{name}")["ports"]
    assert [each["containerPort"] for each in ports] == [port.get(name, read.worker_port)]


def test_services_know_their_names_outside() -> None:
    env = told(rendered(cases.EVERYTHING), "main-ingest")

    assert env["OPENPANEL_INGEST_URL"] == "https://in.example.com"
    assert env["OPENPANEL_DASHBOARD_URL"] == "https://app.example.com"
    assert env["OPENPANEL_TRUSTED_PROXIES"] == "10.0.0.0/8"


def test_projects_know_where_to_send() -> None:
    host = cases.cluster(cases.EVERYTHING)
    own = cases.project(cases.PROJECTS["dedicated"])
    inside = cases.project({"ingest": {"mode": "Dedicated"}})

    assert addresses.ingest_url(host) == "https://in.example.com"
    assert addresses.ingest_url(host, project=own) == "https://shop.example.com"
    assert addresses.ingest_url(cases.cluster(), project=own) == "http://shop-ingest.analytics.svc:3000"
    assert addresses.ingest_url(host, project=inside) == "http://shop-ingest.analytics.svc:3000"
    assert addresses.api_url(cases.cluster()) == "http://main-api.analytics.svc:3002"


@pytest.mark.parametrize(
    ("stage", "new"),
    [
        (Stage.SCHEMA, set()),
        (Stage.WORKERS, {"worker"}),
        (Stage.API, {"worker", "ingest", "api"}),
        (Stage.DASHBOARD, set(SERVICES)),
    ],
)
def test_services_get_their_new_image_in_turn(stage: Stage, new: set[str]) -> None:
    objects = rendered(stage=stage, images=dict.fromkeys(SERVICES, "old:1"))

    assert {name for name in SERVICES if container(objects, f"main-{name}")["image"] != "old:1"} == new


def test_migration_runs_the_new_code_while_services_wait() -> None:
    objects = rendered(stage=Stage.SCHEMA, images=dict.fromkeys(SERVICES, "old:1"))

    (job,) = cases.of_kind(objects, "Job").values()
    (migrate,) = job["spec"]["template"]["spec"]["containers"]

    assert migrate["image"] == f"openpanel-worker:{cases.VERSION}"
    *command, seconds = migrate["command"]
    assert command == ["python", "-m", "openpanel_worker.migrate", "--wait"]
    assert parser().parse_args(["--wait", seconds]).wait > 0


def test_migration_that_is_refused_is_not_tried_again() -> None:
    (job,) = cases.of_kind(rendered(), "Job").values()
    (rule,) = job["spec"]["podFailurePolicy"]["rules"]

    assert rule["action"] == "FailJob"
    assert set(rule["onExitCodes"]["values"]) == {Exit.REFUSED, Exit.BAD_SETTINGS}
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_services_of_a_cluster_know_its_name() -> None:
    assert told(rendered(), "main-worker")["OPENPANEL_CLICKHOUSE_CLUSTER"] == "openpanel"
    assert told(rendered(cases.EXTERNAL), "main-worker")["OPENPANEL_CLICKHOUSE_CLUSTER"] == "main"
    embedded = told(rendered(cases.CLUSTERS["embedded"]), "main-worker")
    assert "OPENPANEL_CLICKHOUSE_CLUSTER" not in embedded


def test_finished_migration_is_cleared_away() -> None:
    assert cases.of_kind(rendered(schema_ready=True), "Job") == {}


def test_every_version_has_a_migration_of_its_own() -> None:
    first, again, other = (
        set(cases.of_kind(rendered(version=version), "Job")) for version in ("1.0.0", "1.0.0", "1.1.0")
    )

    assert first == again
    assert not first & other


@pytest.mark.parametrize("name", SERVICES)
def test_new_streams_never_become_fewer(name: str) -> None:
    assert told(rendered({"workers": {"max": 2}}, streams=6), f"main-{name}")["OPENPANEL_SHARDS"] == "6"


@pytest.mark.parametrize("name", SERVICES)
def test_fewer_workers_restart_nobody(name: str) -> None:
    before, after = (rendered({"workers": {"max": most}}, streams=8) for most in (8, 4))

    assert container(after, f"main-{name}") == container(before, f"main-{name}")


def test_events_that_may_wait_are_as_many_as_the_document_says() -> None:
    said = re.findall(r"`limits.memory: (\d+Gi)` takes ([\d.]+) million", OPERATIONS.read_text())

    assert [memory for memory, _ in said] == ["4Gi", "36Gi"]
    for memory, millions in said:
        ingest = told(rendered({"redis": {"resources": {"limits": {"memory": memory}}}}), "main-ingest")
        assert f"{int(ingest['OPENPANEL_HIGH_WATER_EVENTS']) / 1e6:.1f}" == millions
    by_default = told(rendered(), "main-ingest")["OPENPANEL_HIGH_WATER_EVENTS"]
    assert f"{int(by_default) / 1e6:.1f}" == said[0][1]


def test_external_redis_bounds_by_its_own_memory_how_much_waits() -> None:
    ingest = told(rendered(cases.EXTERNAL), "main-ingest")

    assert int(ingest["OPENPANEL_HIGH_WATER_EVENTS"]) >= 100 * Settings().high_water_events


def test_projects_own_streams_never_become_fewer() -> None:
    assert told(dedicated(streams=9), "shop-ingest")["OPENPANEL_SHARDS"] == "9"


@pytest.mark.parametrize("name", ["shop-ingest", "shop-worker"])
def test_dedicated_pods_serve_the_projects_own_pool(name: str) -> None:
    assert told(dedicated(), name)["OPENPANEL_POOL"] == "shop"


def test_dedicated_ingest_serves_no_other_project() -> None:
    assert told(dedicated(), "shop-ingest")["OPENPANEL_PROJECT"] == "shop"
    assert "OPENPANEL_PROJECT" not in told(rendered(), "main-ingest")


def test_dedicated_ingest_scales_fast_up_and_slowly_down() -> None:
    spec = cases.only(dedicated(), "HorizontalPodAutoscaler", "shop-ingest")["spec"]

    metrics = {
        each["resource"]["name"]: each["resource"]["target"]["averageUtilization"] for each in spec["metrics"]
    }
    assert (spec["minReplicas"], spec["maxReplicas"], metrics) == (3, 20, {"cpu": 70, "memory": 80})
    assert spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 300


def test_shared_project_has_at_most_a_way_in() -> None:
    host = cases.cluster(cases.EVERYTHING)
    kinds = {
        name: [
            each["kind"]
            for each in desired_project(
                cases.project(cases.PROJECTS[name]), cluster=host, facts=cases.project_facts()
            )
        ]
        for name in ("shared", "shared-host")
    }

    assert kinds == {"shared": [], "shared-host": ["Ingress"]}


def test_workers_stay_until_the_projects_own_pool_is_empty() -> None:
    objects = desired_project(
        cases.project(), cluster=cases.cluster(), facts=cases.project_facts(pool_drained=False)
    )

    assert set(cases.of_kind(objects, "Deployment")) == {"shop-worker"}


def test_ways_in_lead_to_services_that_exist() -> None:
    for spec in (cases.EVERYTHING, cases.CLUSTERS["gateway"]):
        objects = rendered(spec)
        ports = {
            (name, key)
            for name, each in cases.of_kind(objects, "Service").items()
            for port in each["spec"]["ports"]
            for key in (port["name"], port["port"])
        }
        backends = [
            (path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"])
            for each in cases.of_kind(objects, "Ingress").values()
            for rule in each["spec"]["rules"]
            for path in rule["http"]["paths"]
        ] + [
            (backend["name"], backend["port"])
            for each in cases.of_kind(objects, "HTTPRoute").values()
            for rule in each["spec"]["rules"]
            for backend in rule["backendRefs"]
        ]
        assert backends
        assert set(backends) <= ports


def test_routes_need_the_gateway_api() -> None:
    assert not cases.of_kind(rendered(cases.CLUSTERS["gateway"], kinds=frozenset()), "HTTPRoute")


def test_certificates_name_their_hosts() -> None:
    ingress = cases.only(rendered(cases.EVERYTHING), "Ingress", "main-public")
    host = cases.cluster(cases.EVERYTHING)
    projects = [
        cases.only(
            desired_project(cases.project(cases.PROJECTS[name]), cluster=host, facts=cases.project_facts()),
            "Ingress",
            "shop-public",
        )
        for name in ("shared-host", "dedicated")
    ]

    assert ingress["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt"
    assert ingress["spec"]["tls"] == [
        {"hosts": ["in.example.com", "api.example.com", "app.example.com"], "secretName": "main-public-tls"}
    ]
    assert [each["spec"]["tls"][0]["secretName"] for each in projects] == [
        "shop-certificate",
        "shop-public-tls",
    ]
    assert "cert-manager.io/cluster-issuer" not in projects[0]["metadata"]["annotations"]


def test_monitors_are_made_where_somebody_reads_them() -> None:
    assert set(cases.of_kind(rendered(), "ServiceMonitor")) == {"main-services", "main-warehouse"}
    assert not cases.of_kind(rendered(kinds=frozenset()), "ServiceMonitor")
    assert not cases.of_kind(rendered({"observability": {"serviceMonitor": False}}), "ServiceMonitor")


def test_labels_of_the_user_take_the_place_of_none() -> None:
    labels = {"app.kubernetes.io/managed-by": "somebody", "release": "prometheus"}
    monitor = cases.only(rendered({"observability": {"labels": labels}}), "ServiceMonitor", "main-services")

    assert monitor["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "openpanel-operator"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def admits(policy: Object, pod: dict[str, str], namespace: str, port: int) -> bool:
    """Whether a policy lets a pod with these labels come to a port."""
    for rule in policy["spec"]["ingress"]:
        if port not in [each["port"] for each in rule["ports"]]:
            continue
        sources = rule.get("from")
        if sources is None or any(_is_meant(source, pod, namespace) for source in sources):
            return True
    return False


def _is_meant(source: Object, pod: dict[str, str], namespace: str) -> bool:
    home = source.get("namespaceSelector")
    if home is None and namespace != "analytics":
        return False
    names = (home or {}).get("matchLabels", {}).get("kubernetes.io/metadata.name", namespace)
    selector = source.get("podSelector", {})
    return (
        names == namespace
        and selector.get("matchLabels", {}).items() <= pod.items()
        and all(_holds(each, pod) for each in selector.get("matchExpressions", []))
    )


def _holds(expression: Object, pod: dict[str, str]) -> bool:
    if expression["operator"] == "DoesNotExist":
        return expression["key"] not in pod
    return pod.get(expression["key"]) in expression["values"]


def labels_of(objects: list[Object], name: str) -> dict[str, str]:
    found: dict[str, str] = cases.only(objects, "Deployment", name)["spec"]["template"]["metadata"]["labels"]
    return found


def test_tenants_pods_cannot_reach_one_another() -> None:
    policy = cases.only(dedicated(), "NetworkPolicy", "shop-ingest")
    other = desired_project(
        cases.project(cases.PROJECTS["dedicated"], name="other"),
        cluster=cases.cluster(),
        facts=cases.project_facts(),
    )

    assert not admits(policy, labels_of(other, "other-worker"), "analytics", 3000)
    assert admits(policy, labels_of(dedicated(), "shop-worker"), "analytics", 3000)
    assert admits(policy, {"app": "ingress-controller"}, "ingress-nginx", 3000)
    assert not admits(policy, {"app": "ingress-controller"}, "ingress-nginx", 22)


def test_stores_are_reached_by_those_who_need_them() -> None:
    objects = rendered()
    redis = cases.only(objects, "NetworkPolicy", "main-redis")
    keeper = cases.only(objects, "NetworkPolicy", "main-keeper")
    operator = {"app.kubernetes.io/name": "openpanel-operator"}
    server = cases.only(objects, "StatefulSet", "main-clickhouse-0-0")["spec"]["template"]["metadata"][
        "labels"
    ]

    assert admits(redis, labels_of(dedicated(), "shop-ingest"), "analytics", 6379)
    assert admits(redis, operator, "openpanel-system", 6379)
    assert not admits(redis, operator, "elsewhere", 6379)
    assert not admits(redis, {"app": "anything"}, "analytics", 6379)
    assert not admits(redis, labels_of(dedicated(), "shop-ingest"), "tenant", 6379)
    assert admits(keeper, server, "analytics", 2181)
    assert not admits(keeper, labels_of(objects, "main-worker"), "analytics", 2181)


def test_policies_can_be_left_out() -> None:
    off = {"networkPolicies": {"enabled": False}}

    assert not cases.of_kind(rendered(off), "NetworkPolicy")
    assert not cases.of_kind(dedicated(cluster=off), "NetworkPolicy")
    own = {"ingest": {"mode": "Dedicated"}, "isolation": {"networkPolicy": False}}
    assert not cases.of_kind(dedicated(own), "NetworkPolicy")


def test_named_namespaces_are_the_only_ones_let_in() -> None:
    policy = cases.only(rendered(cases.EVERYTHING), "NetworkPolicy", "main-ingest")

    assert admits(policy, {"app": "controller"}, "ingress-nginx", 3000)
    assert not admits(policy, {"app": "controller"}, "default", 3000)


def test_priority_class_of_the_project_goes_before_the_clusters() -> None:
    objects = dedicated(cases.PROJECTS["dedicated-keda"], cases.EVERYTHING)

    for template in cases.pod_templates(objects).values():
        assert template["spec"]["priorityClassName"] == "gold"


shares = st.builds(
    Share,
    least=st.integers(1, 5),
    most=st.integers(5, 30),
    size=st.builds(
        lambda cpu, memory: {"requests": {"cpu": f"{cpu}m"}, "limits": {"memory": f"{memory}Mi"}},
        st.integers(1, 4_000),
        st.integers(1, 4_000),
    ),
)


@settings(deadline=None)
@given(
    ingest=shares,
    workers=shares,
    pods=st.none() | st.integers(1, 60),
    cpu=st.none() | st.integers(1, 60),
    memory=st.none() | st.integers(1, 60),
)
def test_quota_is_used_and_not_passed(
    ingest: Share, workers: Share, pods: int | None, cpu: int | None, memory: int | None
) -> None:
    quota = ResourceQuota.model_validate(
        {
            "pods": pods,
            "requests": {"cpu": cpu and str(cpu)},
            "limits": {"memory": memory and f"{memory}Gi"},
        }
    )

    def fits(first: int, second: int) -> bool:
        used_cpu = sum(
            count * number(share.size["requests"]["cpu"])
            for count, share in ((first, ingest), (second, workers))
        )
        used_memory = sum(
            count * number(share.size["limits"]["memory"])
            for count, share in ((first, ingest), (second, workers))
        )
        return (
            (pods is None or first + second <= pods)
            and (cpu is None or used_cpu <= cpu)
            and (memory is None or used_memory <= memory * 1024**3)
        )

    most = affordable(quota, ingest=ingest, workers=workers)

    assert ingest.least <= most[0] <= ingest.most
    assert workers.least <= most[1] <= workers.most
    assert fits(*most) or most == (ingest.least, workers.least)
    assert most[0] == ingest.most or not fits(most[0] + 1, most[1])
    assert most[1] == workers.most or not fits(most[0], most[1] + 1)


def test_a_project_called_like_the_pool_of_all_has_streams_of_its_own() -> None:
    objects = desired_project(
        cases.project(cases.PROJECTS["dedicated"], name="shared"),
        cluster=cases.cluster(),
        facts=cases.project_facts(),
    )

    assert told(objects, "shared-ingest")["OPENPANEL_POOL"] == "shared_"
    assert told(objects, "shared-worker")["OPENPANEL_POOL"] == "shared_"

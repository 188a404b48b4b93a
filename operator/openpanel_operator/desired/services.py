"""The services that everybody shares: ingest, public API, dashboard and workers.

Ingest and the others are spread, disrupted one at a time and, where asked for, scaled by the processor; workers
follow the queue, so their Deployment never says how many they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from openpanel.metadata import SHARED_POOL
from openpanel.tenancy.workload import Resources
from openpanel_operator.desired import addresses, environment, sizes
from openpanel_operator.desired.addresses import HTTP, PORTS
from openpanel_operator.desired.autoscaling import horizontal_autoscaler, queue_scaler
from openpanel_operator.desired.credentials import read_secrets
from openpanel_operator.desired.facts import ClusterFacts
from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.objects import Object, Place, disruption_budget, service
from openpanel_operator.desired.platform import Platform
from openpanel_operator.desired.pods import (
    OPENPANEL_UID,
    Container,
    Placement,
    Probe,
    config_volume,
    empty_volume,
    http_get,
    mount,
    pod,
    secret_volume,
    template,
    value,
)
from openpanel_operator.resources.cluster import Geo
from openpanel_operator.resources.services import Service

SPOOL_SIZE: Final = (
    "2Gi"  # all spools of a pod stop at 960 MiB together; a pod that goes over this is evicted
)
SURGE: Final = 1  # pods more than wanted, of one workload, while they are replaced
LEAVE_S: Final = 5  # until everybody who sends to a pod knows that it goes
STOP_S: Final[Mapping[Component, int]] = {
    Component.INGEST: 60,
    Component.API: 40,
    Component.DASHBOARD: 30,
    Component.WORKER: 30,
}


@dataclass(frozen=True, slots=True)
class Running:
    """One Deployment of ours: what differs from service to service."""

    name: str
    component: Component
    place: Place
    selector: Mapping[str, str]
    placement: Placement
    resources: Resources | None
    env: Sequence[Object]
    replicas: int | None = None
    volumes: Sequence[Object] = ()
    mounts: Sequence[Object] = ()


def shared_services(platform: Platform, *, facts: ClusterFacts) -> list[Object]:
    """Every object of the services that all projects share."""
    spec = platform.spec
    streams = max(spec.workers.streams, facts.streams)
    return [
        *_served(platform, Component.INGEST, spec.ingest, ingest_variables(platform, SHARED_POOL, streams)),
        *_served(platform, Component.API, spec.api, _api_variables(platform, streams)),
        *_served(platform, Component.DASHBOARD, spec.dashboard, _dashboard_variables(platform, streams)),
        *_workers(platform, streams),
    ]


def ingest_variables(platform: Platform, pool: str, streams: int) -> list[Object]:
    """What ingest is told, shared or a project's own."""
    return [
        *environment.common_variables(platform.cluster),
        *environment.public_variables(platform.cluster),
        *environment.intake_variables(platform.cluster),
        *environment.pool_variables(pool, streams=streams),
        value("OPENPANEL_API_ROLE", "ingest"),
    ]


def worker_variables(platform: Platform, pool: str, streams: int) -> list[Object]:
    """What workers are told, shared or a project's own."""
    geo = platform.spec.geo
    return [
        *environment.common_variables(platform.cluster),
        *environment.pool_variables(pool, streams=streams),
        value("OPENPANEL_WORKER_PORT", PORTS[Component.WORKER]),
        *([value("OPENPANEL_GEO_CITY_FILE", f"{environment.GEO}/{geo.file}")] if geo else []),
    ]


def ingest_storage() -> tuple[list[Object], list[Object]]:
    """Where ingest keeps what it accepted while Redis is away: volumes and mounts."""
    return [empty_volume("spool", size=SPOOL_SIZE)], [mount("spool", environment.SPOOL)]


def geo_storage(geo: Geo | None) -> tuple[list[Object], list[Object]]:
    """Where workers find the city file: volumes and mounts."""
    if geo is None:
        return [], []
    mounts = [mount("geo", environment.GEO, read_only=True)]
    if geo.secret_name:
        return [secret_volume("geo", secret=geo.secret_name, keys=(geo.file,))], mounts
    if geo.config_map_name:
        return [config_volume("geo", config_map=geo.config_map_name)], mounts
    claim = {"claimName": geo.claim_name, "readOnly": True}
    return [{"name": "geo", "persistentVolumeClaim": claim}], mounts


def deployment(platform: Platform, running: Running) -> Object:
    """A Deployment that replaces its pods without a gap. Without `replicas`, something else scales it."""
    component = running.component
    body = pod(
        (_container(platform, running),),
        selector=running.selector,
        placement=running.placement,
        uid=OPENPANEL_UID,
        volumes=running.volumes,
        pull_secrets=platform.spec.images.pull_secrets,
        grace_s=STOP_S[component],
    )
    notes = platform.annotations(secrets=_secrets(platform, component))
    rendered = template(body, labels=running.place.labels, annotations=notes)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": running.place.meta(running.name),
        "spec": {
            **({} if running.replicas is None else {"replicas": running.replicas}),
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": 300,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": SURGE, "maxUnavailable": 0}},
            "selector": {"matchLabels": dict(running.selector)},
            "template": platform.settled(rendered, component=component, workload=running.name),
        },
    }


def _served(
    platform: Platform, component: Component, said: Service, variables: list[Object]
) -> Iterable[Object]:
    """A service that takes requests: Deployment, Service, disruption budget and, if asked for, autoscaler."""
    name = addresses.workload(platform.cluster, component)
    place, selector = platform.place(component), platform.selector(component)
    # The dashboard keeps nothing, not even counts.
    volumes, mounts = ([], []) if component is Component.DASHBOARD else ingest_storage()
    running = Running(
        name=name,
        component=component,
        place=place,
        selector=selector,
        placement=platform.placement(said.placement),
        resources=said.resources,
        env=variables,
        replicas=said.count,
        volumes=volumes,
        mounts=mounts,
    )
    yield deployment(platform, running)
    yield service(name, place=place, selector=selector, ports={HTTP: PORTS[component]})
    yield disruption_budget(name, place=place, selector=selector)
    if said.autoscaling.enabled:
        wish = said.autoscaling
        yield horizontal_autoscaler(
            name, place=place, least=wish.min, most=wish.max, cpu=wish.cpu, memory=wish.memory
        )


def _workers(platform: Platform, streams: int) -> Iterable[Object]:
    name = addresses.workload(platform.cluster, Component.WORKER)
    place, selector = platform.place(Component.WORKER), platform.selector(Component.WORKER)
    volumes, mounts = geo_storage(platform.spec.geo)
    running = Running(
        name=name,
        component=Component.WORKER,
        place=place,
        selector=selector,
        placement=platform.placement(),
        resources=platform.spec.workers.resources,
        env=worker_variables(platform, SHARED_POOL, streams),
        volumes=volumes,
        mounts=mounts,
    )
    yield deployment(platform, running)
    yield service(name, place=place, selector=selector, ports={HTTP: PORTS[Component.WORKER]}, headless=True)
    yield disruption_budget(name, place=place, selector=selector)
    yield from queue_scaler(platform, name=name, place=place, workers=platform.spec.workers, pool=SHARED_POOL)


def _api_variables(platform: Platform, streams: int) -> list[Object]:
    return [
        *environment.common_variables(platform.cluster),
        *environment.public_variables(platform.cluster),
        *environment.pool_variables(SHARED_POOL, streams=streams),
        value("OPENPANEL_SPOOL_DIR", environment.SPOOL),
        value("OPENPANEL_API_ROLE", "public"),
    ]


def _dashboard_variables(platform: Platform, streams: int) -> list[Object]:
    return [
        *environment.common_variables(platform.cluster),
        *environment.public_variables(platform.cluster),
        *environment.pool_variables(SHARED_POOL, streams=streams),
        *environment.signing_variables(platform.cluster),
    ]


def _container(platform: Platform, running: Running) -> Container:
    live, ready = http_get("/healthz/live", port=HTTP), http_get("/healthz/ready", port=HTTP)
    leaves = running.component is not Component.WORKER  # nobody sends to a worker
    return Container(
        name=running.component.value,
        image=platform.image(running.component),
        pull_policy=platform.spec.images.pull_policy,
        env=running.env,
        ports={HTTP: PORTS[running.component]},
        mounts=running.mounts,
        resources=sizes.amounts(running.resources, default=sizes.DEFAULTS[running.component]),
        startup=Probe(live, period=2, failures=90),
        readiness=Probe(ready),
        liveness=Probe(live, period=10, timeout=5, failures=6),
        before_stop={"sleep": {"seconds": LEAVE_S}} if leaves else None,
    )


def _secrets(platform: Platform, component: Component) -> list[str]:
    geo = platform.spec.geo
    files = [geo.secret_name or geo.config_map_name] if geo and component is Component.WORKER else []
    return [*read_secrets(platform.cluster), *(name for name in files if name)]

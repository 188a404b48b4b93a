"""Every object of an AnalyticsProject besides its clients' Secrets.

Shared: at most a way in for a host of its own. Dedicated: ingest that follows processor and memory, workers that follow
the project's own streams, both kept apart from other projects'. All of it lies beside the cluster's stores, because the
credentials of those never leave the cluster's namespace.
"""

from collections.abc import Iterable, Mapping

from openpanel.tenancy.pools import own_name
from openpanel.tenancy.workload import Workers
from openpanel_operator.desired import addresses, sizes
from openpanel_operator.desired.addresses import HTTP, PORTS, Project
from openpanel_operator.desired.autoscaling import horizontal_autoscaler, queue_scaler
from openpanel_operator.desired.exposure import project_exposure
from openpanel_operator.desired.facts import ProjectFacts
from openpanel_operator.desired.labels import Component, project_labels, project_selector
from openpanel_operator.desired.network import project_policies
from openpanel_operator.desired.objects import Object, Place, disruption_budget, service
from openpanel_operator.desired.ownership import project_owners
from openpanel_operator.desired.platform import Platform
from openpanel_operator.desired.pods import value
from openpanel_operator.desired.quota import Share, affordable, counting, shortage
from openpanel_operator.desired.services import (
    Running,
    deployment,
    geo_storage,
    ingest_storage,
    ingest_variables,
    worker_variables,
)


def project_objects(platform: Platform, *, project: Project, facts: ProjectFacts) -> list[Object]:
    """The project's objects, in the order in which they are applied."""
    dedicated = project.spec.ingest.mode == "Dedicated"
    running = [Component.INGEST, Component.WORKER] if dedicated else []
    if not dedicated and not facts.pool_drained:
        running = [Component.WORKER]  # what still waits in the project's own streams is written, visits end
    objects: list[Object] = [*_quota(platform, project, facts)]
    if Component.WORKER in running:
        objects += _workers(platform, project, facts)
    if Component.INGEST in running:
        objects += _ingest(platform, project, facts)
    if project.spec.isolation.network_policy:
        selectors = {component: _selector(platform, project, component) for component in running}
        place = _place(platform, project, Component.NETWORK)
        objects += project_policies(platform, project=project.name, place=place, selectors=selectors)
    exposure = _place(platform, project, Component.EXPOSURE)
    return [*objects, *project_exposure(platform, project=project, place=exposure)]


def workers_of(project: Project) -> Workers:
    """How many workers there shall be in the project's own streams.

    At least one in streams that are given up: nothing that arrives would start the one that ends the visits there.
    """
    workers = project.spec.workers
    if project.spec.ingest.mode == "Dedicated":
        return workers
    pinned = None if workers.replicas is None else max(workers.replicas, 1)
    return workers.model_copy(update={"min": max(workers.min, 1), "scale_to_zero": False, "replicas": pinned})


def most_pods(project: Project) -> tuple[int, int]:
    """The most ingest pods and workers that bounds and quota allow; whoever scales workers keeps to the second."""
    ingest, workers = _shares(project)
    return affordable(project.spec.isolation.resource_quota, ingest=ingest, workers=workers)


def quota_shortage(project: Project) -> str:
    """Why Kubernetes could not hold the project to its quota without holding up a rolling update, in words; "": it can."""
    quota = project.spec.isolation.counted
    ingest, workers = _shares(project)
    return shortage(quota, ingest=ingest, workers=workers) if quota is not None else ""


def _quota(platform: Platform, project: Project, facts: ProjectFacts) -> Iterable[Object]:
    quota, name = project.spec.isolation.counted, project.spec.isolation.priority_class_name
    alone = project.spec.ingest.mode == "Dedicated" and not facts.class_is_shared
    if quota is not None and name is not None and alone and not quota_shortage(project):
        place = _place(platform, project, Component.QUOTA)
        yield counting(quota, name=addresses.project_quota(project), place=place, priority_class=name)


def _shares(project: Project) -> tuple[Share, Share]:
    """What ingest and workers may ask for. Workers whose number is written down are neither more nor fewer."""
    bounds, workers = project.spec.ingest.bounds, project.spec.workers
    least, most = max(workers.min, 1), workers.max
    if workers.replicas is not None:
        least = most = workers.replicas
    return (
        Share(bounds.min, bounds.max, _size(project, Component.INGEST)),
        Share(least, most, _size(project, Component.WORKER)),
    )


def _ingest(platform: Platform, project: Project, facts: ProjectFacts) -> Iterable[Object]:
    spec = project.spec.ingest
    streams = max(project.spec.workers.streams, facts.streams)
    env = [
        *ingest_variables(platform, own_name(project.name), streams),
        value("OPENPANEL_PROJECT", project.name),
    ]
    running = _running(platform, project, Component.INGEST, env=env, storage=ingest_storage())
    yield deployment(platform, running)
    yield _service(running)
    yield disruption_budget(running.name, place=running.place, selector=running.selector)
    yield horizontal_autoscaler(
        running.name,
        place=running.place,
        least=spec.bounds.min,
        most=most_pods(project)[0],
        cpu=spec.cpu_target,
        memory=spec.memory_target,
    )


def _workers(platform: Platform, project: Project, facts: ProjectFacts) -> Iterable[Object]:
    streams = max(project.spec.workers.streams, facts.streams)
    env = worker_variables(platform, own_name(project.name), streams)
    running = _running(platform, project, Component.WORKER, env=env, storage=geo_storage(platform.spec.geo))
    yield deployment(platform, running)
    yield _service(running, headless=True)
    yield disruption_budget(running.name, place=running.place, selector=running.selector)
    yield from queue_scaler(
        platform,
        name=running.name,
        place=running.place,
        workers=workers_of(project),
        pool=own_name(project.name),
        most=most_pods(project)[1],
    )


def _running(
    platform: Platform,
    project: Project,
    component: Component,
    *,
    env: list[Object],
    storage: tuple[list[Object], list[Object]],
) -> Running:
    spec = project.spec
    volumes, mounts = storage
    said = {Component.INGEST: spec.ingest.resources, Component.WORKER: spec.workers.resources}
    return Running(
        name=addresses.project_workload(project, component),
        component=component,
        place=_place(platform, project, component),
        selector=_selector(platform, project, component),
        placement=platform.placement(priority=spec.isolation.priority_class_name),
        resources=said[component],
        env=env,
        volumes=volumes,
        mounts=mounts,
    )


def _service(running: Running, *, headless: bool = False) -> Object:
    ports = {HTTP: PORTS[running.component]}
    return service(
        running.name, place=running.place, selector=running.selector, ports=ports, headless=headless
    )


def _size(project: Project, component: Component) -> sizes.Amounts:
    spec = project.spec
    said = spec.ingest.resources if component is Component.INGEST else spec.workers.resources
    return sizes.amounts(said, default=sizes.DEFAULTS[component])


def _place(platform: Platform, project: Project, component: Component) -> Place:
    namespace = platform.cluster.namespace
    return Place(
        namespace,
        project_labels(
            project.name,
            namespace=project.namespace,
            cluster=platform.cluster.name,
            component=component,
        ),
        project_owners(project, namespace=namespace),
    )


def _selector(platform: Platform, project: Project, component: Component) -> Mapping[str, str]:
    return project_selector(project.name, cluster=platform.cluster.name, component=component)

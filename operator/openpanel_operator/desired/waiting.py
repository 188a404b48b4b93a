"""What a cluster is while changes that restart pods wait for a maintenance window: what it runs, and what never waits.

Images and versions stay what the status has, sizes of stores what their pods have, since their files are made of
them. Pod templates stay as a whole, but for what must reach the pods at once: credentials, where stores are, how
many streams there are, and a restart that somebody asked for.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from openpanel.tenancy.workload import Resources
from openpanel_operator.desired import environment, labels
from openpanel_operator.desired.labels import COMPONENT, Component
from openpanel_operator.desired.objects import Object
from openpanel_operator.desired.revision import restamped
from openpanel_operator.resources.cluster import Cluster, PanelClusterSpec

_NOTES: Final = (labels.SECRETS, labels.RESTART_AT)
_VARIABLES: Final = frozenset({environment.STREAMS, environment.CLICKHOUSE_CLUSTER_NAME})
# Whose image, as the status has it, is which of the spec's.
_IMAGES: Final[Mapping[Component, str]] = {
    Component.API: "api",
    Component.WORKER: "worker",
    Component.DASHBOARD: "dashboard",
    Component.REDIS: "redis",
    Component.POSTGRES: "postgres",
    Component.KEEPER: "keeper",
}


def as_running(cluster: Cluster, *, kept: Iterable[Object] = ()) -> Cluster:
    """The cluster with the version and images that it runs, and the sizes of the stores whose templates are kept."""
    runs = cluster.status.get("images") or {}
    engine = "engine" if cluster.spec.clickhouse.engine == "Embedded" else "clickhouse"
    parts = {**_IMAGES, Component.CLICKHOUSE: engine}
    images = {part: runs[component.value] for component, part in parts.items() if runs.get(component.value)}
    spec = cluster.spec.model_copy(
        update={
            "version": cluster.status.get("version") or cluster.spec.version,
            "images": cluster.spec.images.model_copy(update=images),
        }
    )
    for template in kept:
        spec = _with_size(spec, template)
    return replace(cluster, spec=spec)


def kept(running: Object, *, wanted: Object) -> Object:
    """The running template with what must not wait of the wanted one."""
    template = copy.deepcopy(running)
    notes, wishes = (each["metadata"].get("annotations") or {} for each in (template, wanted))
    for name in _NOTES:
        notes.pop(name, None)
        notes |= {name: wishes[name]} if name in wishes else {}
    template["metadata"]["annotations"] = notes
    for where in ("initContainers", "containers"):
        wished = {each["name"]: each for each in wanted["spec"].get(where, ())}
        for container in template["spec"].get(where, ()):
            _take_variables(container, wished.get(container["name"], {}))
    return running if template == running else restamped(template)


def _take_variables(container: Object, wanted: Mapping[str, Any]) -> None:
    wished = {each["name"]: each for each in wanted.get("env", ()) if _never_waits(each)}
    if "env" in container:
        container["env"] = [wished.get(each["name"], each) for each in container["env"]]


def _never_waits(variable: Mapping[str, Any]) -> bool:
    return "valueFrom" in variable or variable["name"] in _VARIABLES


def _with_size(spec: PanelClusterSpec, template: Object) -> PanelClusterSpec:
    """The spec with the size that a store's pods have."""
    size = template["spec"]["containers"][0].get("resources")
    component = template["metadata"]["labels"].get(COMPONENT)
    if not size or component not in _STORES:
        return spec
    named = _STORES[component]
    store = getattr(spec, named)
    sized = store.model_copy(update={"resources": Resources.model_validate(size)})
    return spec.model_copy(update={named: sized})


# The stores whose files depend on their size.
_STORES: Final[Mapping[str | None, str]] = {
    Component.REDIS.value: "redis",
    Component.POSTGRES.value: "postgres",
    Component.CLICKHOUSE.value: "clickhouse",
}

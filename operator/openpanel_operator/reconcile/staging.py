"""How far a roll-out may go: schema, workers, API, dashboard; the first that is not ready stops it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from openpanel_operator.desired import Stage
from openpanel_operator.desired.labels import Component
from openpanel_operator.reconcile.workloads import Owned
from openpanel_operator.resources.cluster import ImagePart, PanelClusterSpec

# The services of each stage, and whose image each runs.
STAGES: Final[Mapping[Stage, Mapping[Component, ImagePart]]] = {
    Stage.WORKERS: {Component.WORKER: "worker"},
    Stage.API: {Component.INGEST: "api", Component.API: "api"},
    Stage.DASHBOARD: {Component.DASHBOARD: "dashboard"},
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a roll-out is."""

    stage: Stage
    held_by: Component | None  # what is not ready with its new image; None: nothing
    done: bool  # every service runs the wanted image

    @property
    def label(self) -> str:
        """For the status."""
        return self.stage.name.capitalize()


def progress(spec: PanelClusterSpec, *, version: str, owned: Owned, schema_ready: bool) -> Progress:
    """The stage that services may be of by now."""
    if not schema_ready:
        return Progress(Stage.SCHEMA, None, done=False)
    for stage, components in STAGES.items():
        for component, part in components.items():
            if not _is_done(owned, component, spec.images.reference(part, version=version)):
                return Progress(stage, component, done=False)
    return Progress(Stage.DASHBOARD, None, done=True)


def _is_done(owned: Owned, component: Component, image: str) -> bool:
    workloads = owned.of(component.value)
    if not workloads:
        return False
    return all(workload.image == image and workload.rollout.complete for workload in workloads)


def version_of(spec: PanelClusterSpec, *, own: str, recorded: str | None) -> str:
    """The version that services shall run: the one that is named, else the operator's, unless a person decides."""
    if spec.version:
        return spec.version
    return recorded if spec.upgrade.policy == "Manual" and recorded else own

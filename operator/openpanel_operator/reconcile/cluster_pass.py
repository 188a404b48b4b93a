"""What the steps of a pass over a PanelCluster share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from openpanel_operator.desired import ClusterFacts, Stage
from openpanel_operator.kube import Object
from openpanel_operator.reconcile.credentials import Secrets
from openpanel_operator.reconcile.migration import Migration
from openpanel_operator.reconcile.passing import Pass
from openpanel_operator.reconcile.staging import Progress
from openpanel_operator.reconcile.workloads import Owned, owned_of
from openpanel_operator.resources.cluster import PanelClusterSpec
from openpanel_operator.stores import Addresses, Store


@dataclass(slots=True)
class ClusterPass(Pass[PanelClusterSpec]):
    """What the steps of a PanelCluster share."""

    secrets: Secrets = field(default_factory=lambda: Secrets({}))
    at: Addresses | None = None
    faults: Mapping[Store, str] = field(default_factory=dict)
    facts: ClusterFacts | None = None
    migration: Migration | None = None
    progress: Progress = field(default_factory=lambda: Progress(Stage.SCHEMA, None, done=False))
    version: str = ""
    objects: list[Object] = field(default_factory=list)

    @property
    def owned(self) -> Owned:
        """What there is of the cluster now."""
        return owned_of(self.world.index.owned(self.key))

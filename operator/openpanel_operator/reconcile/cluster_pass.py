"""What the steps of a pass over a PanelCluster share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from openpanel_operator.desired import ClusterFacts, Stage
from openpanel_operator.kube import Object
from openpanel_operator.reconcile.credentials import Secrets
from openpanel_operator.reconcile.maintenance import Waiting
from openpanel_operator.reconcile.migration import Migration
from openpanel_operator.reconcile.passing import Pass
from openpanel_operator.reconcile.staging import Progress
from openpanel_operator.resources.cluster import Cluster, PanelClusterSpec
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
    waiting: Waiting | None = None
    """What waits for a maintenance window, or is let begin; None: nobody has looked."""
    followed: Cluster | None = None
    objects: list[Object] = field(default_factory=list)

    @property
    def follows(self) -> Cluster:
        """The cluster that is rendered in this pass: with what it runs instead of what waits for a window."""
        return self.followed or self.resource

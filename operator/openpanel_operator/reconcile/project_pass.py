"""What the steps of a pass over an AnalyticsProject share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openpanel.metadata import SHARED_POOL
from openpanel.tenancy import AnalyticsProject
from openpanel.tenancy.pools import own_name
from openpanel.tenancy.spec import AnalyticsProjectSpec
from openpanel_operator.kube import Key, Object
from openpanel_operator.reconcile.client_secrets import Issue
from openpanel_operator.reconcile.clusters import Serving
from openpanel_operator.reconcile.passing import Pass


@dataclass(slots=True)
class ProjectPass(Pass[AnalyticsProjectSpec]):
    """What the steps of an AnalyticsProject share."""

    serving: Serving | None = None
    manifest: AnalyticsProject | None = None
    issues: dict[str, Issue] = field(default_factory=dict)
    user_issue: Issue | None = None
    """Of the project's own ClickHouse user; None: ClickHouse keeps no users."""
    client_ids: dict[str, str] = field(default_factory=dict)
    objects: list[Object] = field(default_factory=list)
    streams: int = 0
    class_shared_with: Key | None = None
    """Who has pods of the project's priority class besides."""
    undone: str = ""
    """What the workers of streams that the project once had for itself stay for, in words; "": they go."""

    @property
    def dedicated(self) -> bool:
        """Whether the project has pods and streams of its own."""
        return bool(self.resource.spec.ingest.mode == "Dedicated")

    @property
    def pool(self) -> dict[str, Any]:
        """The streams that take the project's events, as its status reports them."""
        name = own_name(self.key.name) if self.dedicated else SHARED_POOL
        return {"name": name, "shards": self.streams}

    @property
    def at(self) -> Serving:
        """The cluster, in the steps after it was found."""
        assert self.serving is not None
        return self.serving


def cluster_key(status: Mapping[str, Any]) -> Key | None:
    """The cluster that a status names."""
    named = status.get("cluster")
    return Key("PanelCluster", named["namespace"], named["name"]) if named else None

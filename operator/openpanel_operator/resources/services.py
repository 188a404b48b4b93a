"""What a `PanelCluster` says of the pods that serve everybody: how many, how large and where they run."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from openpanel.tenancy import checks
from openpanel.tenancy.fields import DnsSubdomain, Percent
from openpanel.tenancy.part import Part
from openpanel.tenancy.workload import MOST_PODS, Resources
from openpanel_operator.resources import agreement
from openpanel_operator.resources.forms import LabelKey, LabelValue

USUAL_REPLICAS: Final = 2  # of a service that does not say: one may go while the other serves


class Toleration(Part):
    """A taint that pods put up with."""

    key: LabelKey | None = Field(default=None, description="Key of the taint; left out: every taint.")
    operator: Literal["Exists", "Equal"] = Field(
        default="Equal", description="Exists: any value of the taint; Equal: this one."
    )
    value: LabelValue | None = Field(default=None, description="Value of the taint.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint; left out: every effect."
    )
    toleration_seconds: int | None = Field(
        default=None, ge=0, le=86_400, description="How long a pod stays after a NoExecute taint appears."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        agreement.toleration_agrees(self.operator, key=self.key, value=self.value)
        agreement.seconds_for_eviction(self.effect, seconds=self.toleration_seconds)
        return self


class Placement(Part):
    """On which nodes pods run and how they are spread."""

    node_selector: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, max_length=50, description="Labels that a node must have."
    )
    tolerations: list[Toleration] = Field(
        default_factory=list, max_length=50, description="Taints of nodes that the pods put up with."
    )
    topology_key: Literal["topology.kubernetes.io/zone", "kubernetes.io/hostname"] | None = Field(
        default=None,
        description="Over what pods of one workload are spread; left out: zones where there are some, and nodes.",
    )
    priority_class_name: DnsSubdomain | None = Field(
        default=None, description="Priority class of the pods; left out: the default one."
    )


class Autoscaling(Part):
    """A HorizontalPodAutoscaler instead of a fixed number of pods."""

    enabled: bool = Field(default=False, description="Whether the number of pods follows the load.")
    min: int = Field(default=2, ge=1, le=MOST_PODS, description="Fewest pods.")
    max: int = Field(default=10, ge=1, le=MOST_PODS, description="Most pods.")
    cpu: Percent = Field(default=70, description="Percent of the requested processor aimed at.")
    memory: Percent = Field(default=80, description="Percent of the requested memory aimed at.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        checks.ordered(self.min, self.max)
        return self


class Service(Part):
    """Pods that serve everybody."""

    replicas: int | None = Field(
        default=None, ge=1, le=MOST_PODS, description="Number of pods; left out: 2, or as autoscaling says."
    )
    autoscaling: Autoscaling = Field(
        default_factory=Autoscaling, description="Whether and how the number of pods follows the load."
    )
    resources: Resources | None = Field(
        default=None, description="Resources of one pod; left out: enough for 300 million events a month."
    )
    placement: Placement | None = Field(
        default=None, description="Where the pods run; left out: as the cluster says."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        agreement.one_count(self.replicas, autoscaled=self.autoscaling.enabled)
        return self

    @property
    def count(self) -> int | None:
        """How many pods there shall be; None where the autoscaler decides."""
        return None if self.autoscaling.enabled else self.replicas or USUAL_REPLICAS

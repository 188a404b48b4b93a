"""What resources say of the pods that serve them: how many, how large, and the workers that follow the queue.

Shared by projects and by the clusters that serve them.
"""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from openpanel.tenancy import checks
from openpanel.tenancy.fields import Duration, Quantity
from openpanel.tenancy.part import Part

MOST_PODS: Final = 100  # of one workload


class Replicas(Part):
    """Bounds for the number of ingest pods."""

    min: int = Field(default=3, ge=1, le=MOST_PODS, description="Fewest ingest pods.")
    max: int = Field(default=20, ge=1, le=MOST_PODS, description="Most ingest pods.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        checks.ordered(self.min, self.max)
        return self


class ResourceList(Part):
    """Amounts of processor and memory."""

    cpu: Quantity | None = Field(default=None, description="Processor, such as 250m.")
    memory: Quantity | None = Field(default=None, description="Memory, such as 256Mi.")


class Resources(Part):
    """What one pod asks for and may take at most."""

    requests: ResourceList = Field(default_factory=ResourceList, description="What the pod is promised.")
    limits: ResourceList = Field(default_factory=ResourceList, description="What the pod may not exceed.")

    @model_validator(mode="after")
    def _within_limits(self) -> Self:
        checks.within_limit(self.requests.cpu, limit=self.limits.cpu, at="cpu")
        checks.within_limit(self.requests.memory, limit=self.limits.memory, at="memory")
        return self


class Workers(Part):
    """Bounds for the workers that write events, and how they follow the queue."""

    min: int = Field(default=1, ge=0, le=MOST_PODS, description="Fewest workers; 0 needs scaleToZero.")
    max: int = Field(
        default=4,
        ge=1,
        le=MOST_PODS,
        description="Most workers; while shards is left out, raising it adds streams.",
    )
    target_depth: int = Field(
        default=10_000,
        ge=1,
        le=100_000_000,
        description="Waiting events that one worker is expected to handle.",
    )
    scale_to_zero: bool = Field(
        default=False, description="Whether the last worker may go when nothing waits."
    )
    replicas: int | None = Field(
        default=None,
        ge=0,
        le=MOST_PODS,
        description="Exact number of workers, as `kubectl scale` sets it; left out: they follow the queue.",
    )
    scaler: Literal["Operator", "Keda"] = Field(
        default="Operator", description="Who follows the queue: the operator itself, or a KEDA ScaledObject."
    )
    max_latency: Duration = Field(
        default="60s", description="How long the oldest event may wait before one more worker is started."
    )
    stabilization: Duration = Field(
        default="5m", description="How long fewer workers must have been enough before one is stopped."
    )
    cooldown: Duration = Field(
        default="5m", description="How long nothing must have waited before the last worker is stopped."
    )
    fallback: int | None = Field(
        default=None,
        ge=1,
        le=MOST_PODS,
        description="Workers to have at least while the queue cannot be read; left out: as many as there are.",
    )
    shards: int | None = Field(
        default=None,
        ge=1,
        le=MOST_PODS,
        description=(
            "Streams that events are spread over, each written by one worker; left out: as many as max; say enough "
            "at the beginning, such as 24, and add some only while nothing waits, since visits, profiles and "
            "idempotency keys move to other streams at once."
        ),
    )
    resources: Resources | None = Field(
        default=None, description="Resources of one worker; left out: enough for 2,000 events a second."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        checks.ordered(self.min, self.max)
        checks.zero_agrees(self.min, scale_to_zero=self.scale_to_zero)
        checks.pinned_fits(self.replicas, high=self.max, scale_to_zero=self.scale_to_zero)
        checks.within_max(self.fallback, high=self.max, at="fallback")
        checks.shards_suffice(self.shards, workers=self.max)
        return self

    @property
    def streams(self) -> int:
        """Over how many streams events are spread."""
        return self.shards or self.max

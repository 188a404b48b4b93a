"""What the operator is told from outside, read once by its entry point and handed on as plain values.

Every field is an environment variable with the prefix `OPERATOR_` (`lease_name` is `OPERATOR_LEASE_NAME`).
"""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of the operator."""

    model_config = SettingsConfigDict(env_prefix="OPERATOR_", extra="ignore")

    namespace: str = Field(
        default="openpanel-system", description="Namespace in which the operator runs and keeps its Lease."
    )
    pod_name: str = Field(default="", description="Name of the operator's pod; empty: the host's name.")
    watch_namespaces: str = Field(
        default="", description="Comma-separated namespaces that are served; empty: all of them."
    )
    lease_name: str = Field(default="openpanel-operator", description="Name of the Lease.")
    leader_election: bool = Field(
        default=True, description="Whether a Lease decides which of several operators works."
    )
    host: str = Field(default="0.0.0.0", description="Address of probes and metrics.")  # noqa: S104
    port: int = Field(
        default=8080, ge=0, le=65_535, description="Port of probes and metrics; 0: any free one."
    )
    version: str = Field(
        default="", description="Version of the product's images; empty: that of the installed package."
    )
    concurrency: int = Field(
        default=20, ge=1, le=200, description="Resources that are reconciled at the same time."
    )
    scaling_interval_s: float = Field(
        default=5.0, gt=0, description="Seconds between two looks at the queues."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log line."
    )

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that are served; none: all."""
        return tuple(name.strip() for name in self.watch_namespaces.split(",") if name.strip())

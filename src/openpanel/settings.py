"""What a service is told from outside, read once by its entry point and handed on as plain values.

Every field is an environment variable with the prefix `OPENPANEL_` (`redis_url` is `OPENPANEL_REDIS_URL`).
Rooms below the entry points never import this module.
"""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings shared by all services; a service reads the ones it needs."""

    model_config = SettingsConfigDict(env_prefix="OPENPANEL_", extra="ignore")

    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0", description="Redis or Valkey with the streams and orders."
    )
    postgres_url: str = Field(
        default="postgresql+psycopg://postgres@127.0.0.1:5432/openpanel",
        description="PostgreSQL with projects, clients and users, as an SQLAlchemy URL.",
    )
    clickhouse_url: str = Field(
        default="http://default:@127.0.0.1:8123",
        description="ClickHouse's HTTP interface with user and password.",
    )
    clickhouse_user: str = Field(default="", description="ClickHouse's user where its address names none.")
    clickhouse_password: str = Field(default="", description="That user's password.")
    clickhouse_database: str = Field(default="openpanel", description="Database that holds the tables.")
    clickhouse_cluster: str = Field(
        default="",
        description="Name of the cluster whose tables are sharded and replicated; empty: one server.",
    )
    clickhouse_shards: str = Field(
        default="",
        description="Comma-separated addresses of all servers of the cluster, with user and password; migrations run on each.",
    )

    api_role: Literal["ingest", "public", "all"] = Field(
        default="all", description="Which ports the API serves."
    )
    host: str = Field(default="127.0.0.1", description="Address the services listen on.")
    ingest_port: int = Field(default=3000, ge=1, le=65535, description="Port of the ingest API.")
    dashboard_port: int = Field(default=3001, ge=1, le=65535, description="Port of the dashboard.")
    public_port: int = Field(default=3002, ge=1, le=65535, description="Port of the public API.")
    worker_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the worker's health page; 0: none."
    )
    ingest_url: str = Field(default="http://localhost:3000", description="Ingest as browsers reach it.")
    dashboard_url: str = Field(default="http://localhost:3001", description="Dashboard as browsers reach it.")
    api_url: str = Field(default="http://localhost:3002", description="Public API as clients reach it.")

    pool: str = Field(default="shared", description="Pool whose streams this service writes or drains.")
    shards: int = Field(default=1, ge=1, le=1024, description="Number of shards of the pool.")
    project: str = Field(
        default="", description="The one project that this ingest serves; empty: all of them."
    )
    high_water_events: int = Field(
        default=2_000_000, ge=1, description="Waiting events past which ingest answers 503 with Retry-After."
    )
    spool_dir: Path = Field(
        default=Path("/var/lib/openpanel/spool"),
        description="Folder that keeps accepted events while Redis is away.",
    )
    spool_patience_s: float = Field(
        default=45.0,
        ge=0,
        description="Seconds that ingest waits at its end for Redis to take what is in that folder.",
    )
    trusted_proxies: str = Field(
        default="", description="Comma-separated networks whose forwarding headers are believed."
    )
    client_ip_header: str = Field(
        default="",
        description="The one header that names the visitor's address when a trusted proxy sets it; empty: X-Forwarded-For.",
    )

    worker_max_block: int = Field(
        default=50_000,
        ge=1,
        description="Events of one insert at most; long ones cost the warehouse half, and the worker 3 kB an event.",
    )
    worker_linger_ms: int = Field(
        default=300, ge=0, description="How long a drain waits for a block to fill, in milliseconds."
    )
    geo_city_file: Path | None = Field(
        default=None, description="GeoLite2 or DB-IP city file (.mmdb), if there is one."
    )
    geo_asn_file: Path | None = Field(
        default=None,
        description="GeoLite2 or DB-IP ASN file (.mmdb), if there is one: tells hosting networks from visitors'.",
    )

    secret_key: str = Field(
        default="", description="Key that signs cookies and links; required by the dashboard."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log line."
    )

    @model_validator(mode="after")
    def _log_in(self) -> Self:
        """User and password of ClickHouse become part of its address, unless it has some itself."""
        parts = urlsplit(self.clickhouse_url)
        if self.clickhouse_user and "@" not in parts.netloc:
            login = f"{quote(self.clickhouse_user, safe='')}:{quote(self.clickhouse_password, safe='')}"
            self.clickhouse_url = urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))
        return self

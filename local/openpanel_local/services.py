"""The processes of an installation: how each is started and asked, and in which order they stop.

Services are told everything by environment variables (`openpanel.settings`); they do not know that they run here.
Knows no driver: the supervisor keeps this module in memory for as long as it runs.
"""

import signal
import sys
from collections.abc import Mapping
from typing import Final

from openpanel_local.engine_folders import Prepared
from openpanel_local.engine_probes import postgres_takes, valkey_answers
from openpanel_local.engines import Command
from openpanel_local.installation import DATABASE, HOST, POOL, SHARDS, Installation, api_processes
from openpanel_local.layout import Layout
from openpanel_local.supervise import probes
from openpanel_local.supervise.program import Probe, Program

API, WORKER, DASHBOARD = "api", "worker", "dashboard"
VALKEY, POSTGRES, CLICKHOUSE, NURSERY = "valkey", "postgres", "clickhouse", "nursery"

STOP_WITHIN_S: Final = 9.0  # with the ends of what is killed then, ten seconds
# Each stage is over before the next one begins; the graces of one stage run side by side.
STOP_STAGES: Final = (
    (API,),  # nothing new comes in; what was accepted is in the stream
    (WORKER, DASHBOARD),  # the worker finishes its block while its stores are there; the dashboard only reads
    (NURSERY,),  # after its children, who would end with it at once
    (CLICKHOUSE,),  # nobody writes any more; it ends running queries and flushes
    (VALKEY,),  # the stream, after everyone who writes or acknowledges
    (POSTGRES,),  # last, since everyone asks it who is who
)
_GRACE_S: Final[Mapping[str, float]] = {
    API: 2.0, WORKER: 3.5, DASHBOARD: 1.0, NURSERY: 0.5, CLICKHOUSE: 2.0, VALKEY: 1.0, POSTGRES: 1.0,
}  # fmt: skip

# Two arenas instead of eight per core: the threads of these services mostly wait, and memory that one arena has
# given back is of no use to another.
_LEAN: Final = {"MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1", "TZ": "UTC"}
_LOOPBACK: Final = "127.0.0.0/8,::1/128"

# What two services or more load, and none of it opens anything. Without prometheus_client, which decides when it is
# loaded whether processes share their numbers, and what loads it: the API's do, the others do not. After a colon: what
# is called of it.
SHARED: Final = (
    "openpanel.settings",
    "openpanel.telemetry",
    "openpanel.metadata",
    "sqlalchemy.dialects.postgresql.psycopg",
    "psycopg",
    "openpanel.warehouse",
    "openpanel.stream.commit",
    "openpanel.stream.drain",
    "openpanel.stream.usage",
    "openpanel.tenancy",
    "openpanel.analytics.events",
    "openpanel.wire.batch",
    "openpanel.enrich.agents:prepare",
    "redis.asyncio",
    "rq",
    "uvloop",
    "uvicorn",
    "uvicorn.protocols.http.httptools_impl",
    "fastapi",
    # The models of its routes are most of what an API process is made of.
    "openpanel_api.public.export",
    "openpanel_api.public.charts",
    "openpanel_api.public.manage.routers",
    "openpanel_api.public.insights.routes",
    "openpanel_api.public.mcp_route",
)


def engines(layout: Layout, installation: Installation, prepared: Prepared) -> tuple[Program, ...]:
    """The three stores, to be started side by side."""
    return tuple(_engine(layout, installation, command, port=port) for command, port in prepared.engines)


def services(
    layout: Layout, installation: Installation, prepared: Prepared, *, secret_key: str
) -> tuple[Program, ...]:
    """Ingest and public API (several processes share the ports), worker and dashboard."""
    ports, count = installation.ports, api_processes(installation)
    env = environment(layout, installation, prepared, secret_key=secret_key)
    apis = (API,) if count == 1 else tuple(f"{API}-{number}" for number in range(1, count + 1))
    return (
        *(_service(layout, installation, name, port=ports.ingest, env=env) for name in apis),
        _service(layout, installation, WORKER, port=ports.worker, env=env),
        _service(layout, installation, DASHBOARD, port=ports.dashboard, env=env),
    )


def nursery(layout: Layout, *, ready: Probe) -> Program:
    """What the services are forked off (see `supervise.nursery`); its log is also theirs until each has its own."""
    return Program(
        name=NURSERY,
        argv=(sys.executable, "-P", "-m", "openpanel_local.nursery", *SHARED),
        cwd=layout.data,
        log=layout.log(NURSERY),
        env=_LEAN,
        ready=ready,
        stop_grace_s=_GRACE_S[NURSERY],
        death_signal=signal.SIGKILL,
    )


def environment(
    layout: Layout, installation: Installation, prepared: Prepared, *, secret_key: str
) -> dict[str, str]:
    """The settings of all services; each reads the ones it needs."""
    ports = installation.ports
    told = {
        "redis_url": prepared.redis_url,
        "postgres_url": prepared.postgres_url,
        "clickhouse_url": prepared.clickhouse_url,
        "clickhouse_database": DATABASE,
        "api_role": "all",
        "host": HOST,
        "ingest_port": ports.ingest,
        "dashboard_port": ports.dashboard,
        "public_port": ports.api,
        "worker_port": ports.worker,
        "ingest_url": installation.ingest_url,
        "dashboard_url": installation.dashboard_url,
        "api_url": installation.api_url,
        "pool": POOL,
        "shards": SHARDS,
        "spool_dir": layout.spool,
        "spool_patience_s": 0,  # the folder stays, and the next start goes on with it
        # Whatever reaches the loopback address is on this machine: a proxy in front, or somebody trying things out.
        "trusted_proxies": _LOOPBACK,
        "secret_key": secret_key,
    }
    return {f"OPENPANEL_{name.upper()}": str(value) for name, value in told.items()} | _LEAN


def probe(layout: Layout, installation: Installation, name: str) -> Probe:
    """How one sees that the process of that name is ready."""
    ports, kind = installation.ports, kind_of(name)
    if kind == VALKEY:
        return valkey_answers(HOST, ports.valkey, password_file=layout.valkey / "password")
    if kind == POSTGRES:
        return postgres_takes(HOST, ports.postgres)
    if kind == CLICKHOUSE:
        return probes.answers(HOST, ports.clickhouse, path="/ping")
    port = {API: ports.ingest, WORKER: ports.worker, DASHBOARD: ports.dashboard}[kind]
    return probes.answers(HOST, port)


def kind_of(name: str) -> str:
    """Which service a process belongs to: `api-2` is one of the API's."""
    return name.partition("-")[0]


def _service(
    layout: Layout, installation: Installation, name: str, *, port: int, env: Mapping[str, str]
) -> Program:
    module = f"openpanel_{kind_of(name)}"
    return Program(
        name=name,
        # -P: the folder it runs in is no place to import from.
        argv=(sys.executable, "-P", "-m", "openpanel_local.lean", module),
        module=module,
        cwd=layout.data,
        log=layout.log(name),
        env=env,
        ready=probe(layout, installation, name),
        stop_grace_s=_GRACE_S[kind_of(name)],
        # Nothing is lost by ending them at once, and without a supervisor nobody would insist.
        death_signal=signal.SIGKILL,
        port=port,
    )


def _engine(layout: Layout, installation: Installation, command: Command, *, port: int) -> Program:
    return Program(
        name=command.name,
        argv=command.argv,
        cwd=command.cwd,
        log=layout.log(command.name),
        env={**_LEAN, **command.env},
        ready=probe(layout, installation, command.name),
        stop_signal=command.stop_signal,
        stop_grace_s=_GRACE_S[command.name],
        # All three come back from it with everything they acknowledged. PostgreSQL has processes of its own, which
        # end with it only if it is asked.
        death_signal=signal.SIGINT if command.name == POSTGRES else signal.SIGKILL,
        user=command.user,
        group=command.group,
        port=port,
    )

"""The managed PostgreSQL: one pod with a volume, one database and one role that owns it and is no superuser.

The role's password is set anew from the Secret at every start, before the server takes connections: a Secret that was
lost and made again, or changed, works as soon as the pod has restarted (and a changed Secret restarts it).
"""

from typing import Final

from openpanel_operator.desired import addresses, sizes
from openpanel_operator.desired.addresses import DATABASE, USER
from openpanel_operator.desired.credentials import PASSWORD
from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.objects import Object, checksum, config_map, disruption_budget, service
from openpanel_operator.desired.platform import Platform
from openpanel_operator.desired.pods import (
    STORE_UID,
    Container,
    Probe,
    config_volume,
    empty_volume,
    mount,
    pod,
    run,
    secret_value,
    template,
)
from openpanel_operator.desired.stateful import Claim, stateful_set

VOLUME: Final = "/var/lib/postgresql/data"
DATA: Final = f"{VOLUME}/cluster"  # volumes may have a lost+found at their root, which initdb refuses
FILES: Final = "/etc/openpanel/postgres"
STOP_S: Final = 60

_CONFIGURATION: Final = """\
listen_addresses = '*'
port = {port}
unix_socket_directories = ''
max_connections = 300
shared_buffers = {shared_mb}MB
effective_cache_size = {cache_mb}MB
max_wal_size = 512MB
jit = off
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
log_destination = 'stderr'
logging_collector = off
log_checkpoints = off
"""
_HBA: Final = f"""\
# type  database    user    address  method
host    {DATABASE}  {USER}  all      scram-sha-256
"""
# initdb and the tools ask for the account's name, which images of others may not have.
_PASSWD: Final = f"""\
root:x:0:0:root:/root:/bin/sh
postgres:x:{STORE_UID}:{STORE_UID}:PostgreSQL:{VOLUME}:/bin/sh
"""
# Single-user mode takes one statement a line, needs no password and tells of failures in its output only.
_PREPARE: Final = f"""\
set -eu
umask 077
statement() {{
    printf '%s\\n' "$2" > /tmp/statement
    postgres --single -D "$1" postgres < /tmp/statement > /tmp/output 2>&1 || true
    rm -f /tmp/statement
    if grep -E 'ERROR:|FATAL:|PANIC:' /tmp/output >&2; then exit 1; fi
}}
if [ ! -s {DATA}/PG_VERSION ]; then
    rm -rf {DATA}.partial
    initdb -D {DATA}.partial -U postgres --encoding=UTF8 --locale=C --data-checksums --auth=reject
    statement {DATA}.partial 'CREATE ROLE {USER} LOGIN'
    statement {DATA}.partial 'CREATE DATABASE {DATABASE} OWNER {USER}'
    mv {DATA}.partial {DATA}
fi
chmod 0700 {DATA}
password=$(printf '%s' "$POSTGRES_PASSWORD" | sed "s/'/''/g")
statement {DATA} "ALTER ROLE {USER} LOGIN PASSWORD '$password'"
"""
_READY: Final = ("pg_isready", "-q", "-h", "127.0.0.1", "-U", USER, "-d", DATABASE)


def postgres_objects(platform: Platform) -> list[Object]:
    """Every object of the managed PostgreSQL; none where somebody else runs it."""
    if platform.spec.postgres.mode == "External":
        return []
    name = addresses.workload(platform.cluster, Component.POSTGRES)
    place, selector = platform.place(Component.POSTGRES), platform.selector(Component.POSTGRES)
    files = _files(platform)
    return [
        config_map(name, place=place, data=files),
        service(name, place=place, selector=selector, ports={"postgres": addresses.POSTGRES_PORT}),
        disruption_budget(name, place=place, selector=selector),
        _stateful_set(platform, name, files),
    ]


def _files(platform: Platform) -> dict[str, str]:
    memory_mb = sizes.memory_limit(_size(platform)) // sizes.MIB
    return {
        "postgresql.conf": _CONFIGURATION.format(
            port=addresses.POSTGRES_PORT, shared_mb=max(memory_mb // 4, 16), cache_mb=max(memory_mb // 2, 32)
        ),
        "pg_hba.conf": _HBA,
        "passwd": _PASSWD,
        "prepare.sh": _PREPARE,
    }


def _size(platform: Platform) -> sizes.Amounts:
    return sizes.amounts(platform.spec.postgres.resources, default=sizes.DEFAULTS[Component.POSTGRES])


def _stateful_set(platform: Platform, name: str, files: dict[str, str]) -> Object:
    spec, secret = platform.spec.postgres, addresses.postgres_secret(platform.cluster)
    place = platform.place(Component.POSTGRES)
    body = pod(
        (_server(platform),),
        before=(_preparation(platform, secret),),
        selector=platform.selector(Component.POSTGRES),
        placement=platform.placement(spec.placement),
        uid=STORE_UID,
        volumes=(
            config_volume("files", config_map=name),
            empty_volume("shared-memory", size="256Mi", memory=True),
        ),
        pull_secrets=platform.spec.images.pull_secrets,
        grace_s=STOP_S,
    )
    notes = platform.annotations(secrets=(secret,), configuration=checksum(files))
    rendered = template(body, labels=place.labels, annotations=notes)
    return stateful_set(
        name,
        place=place,
        selector=platform.selector(Component.POSTGRES),
        service=name,
        template=platform.settled(rendered, component=Component.POSTGRES, workload=name),
        claim=Claim(spec.storage.size, spec.storage.class_name, platform.spec.deletion_policy),
    )


def _mounts() -> tuple[Object, ...]:
    return (
        mount("data", VOLUME),
        mount("files", FILES, read_only=True),
        mount("files", "/etc/passwd", read_only=True, sub_path="passwd"),
        mount("shared-memory", "/dev/shm"),  # noqa: S108 - parallel queries share memory there
    )


def _preparation(platform: Platform, secret: str) -> Container:
    return Container(
        name="prepare",
        image=platform.image(Component.POSTGRES),
        pull_policy=platform.spec.images.pull_policy,
        command=("sh", f"{FILES}/prepare.sh"),
        env=(secret_value("POSTGRES_PASSWORD", secret=secret, key=PASSWORD),),
        mounts=_mounts(),
        resources=_size(platform),
    )


def _server(platform: Platform) -> Container:
    files = ("-c", f"config_file={FILES}/postgresql.conf", "-c", f"hba_file={FILES}/pg_hba.conf")
    return Container(
        name="postgres",
        image=platform.image(Component.POSTGRES),
        pull_policy=platform.spec.images.pull_policy,
        command=("postgres", "-D", DATA, *files),
        ports={"postgres": addresses.POSTGRES_PORT},
        mounts=_mounts(),
        resources=_size(platform),
        startup=Probe(run(*_READY), failures=120),
        readiness=Probe(run(*_READY)),
        liveness=Probe(run(*_READY), period=10, timeout=6, failures=6),
        # SIGTERM would wait for the clients, who never leave.
        before_stop=run("pg_ctl", "-D", DATA, "-m", "fast", "-t", str(STOP_S - 10), "stop"),
    )

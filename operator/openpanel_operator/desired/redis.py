"""The managed Redis: one pod with a volume, an append-only file that is synced before each answer, and no eviction.

A full store refuses writes, and ingest then says so; it never forgets what it accepted.
"""

from typing import Final

from openpanel_operator.desired import addresses, sizes
from openpanel_operator.desired.credentials import PASSWORD
from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.objects import (
    Object,
    checksum,
    config_map,
    disruption_budget,
    service,
)
from openpanel_operator.desired.platform import Platform
from openpanel_operator.desired.pods import (
    STORE_UID,
    Container,
    Probe,
    config_volume,
    mount,
    pod,
    run,
    secret_value,
    template,
)
from openpanel_operator.desired.stateful import Claim, stateful_set

DATA: Final = "/data"
FILES: Final = "/etc/openpanel/redis"
STOP_S: Final = 60  # the append-only file is synced once more

_CONFIGURATION: Final = """\
bind * -::*
port {port}
protected-mode no
dir {data}
daemonize no
logfile ""
maxclients 10000
maxmemory {memory}
# A full store refuses writes; it never forgets what it accepted.
maxmemory-policy noeviction
save ""
appendonly yes
# Affordable because requests are committed in groups.
appendfsync always
aof-load-truncated yes
tcp-keepalive 60
"""
# The password stands in a file that only this container sees: a command line is readable by everyone.
_START: Final = """\
set -eu
umask 077
password=$(printf '%%s' "$REDISCLI_AUTH" | sed 's/["\\\\]/\\\\&/g')
{ cat %(files)s/redis.conf; printf 'requirepass "%%s"\\n' "$password"; } > /tmp/redis.conf
unset REDISCLI_AUTH
exec redis-server /tmp/redis.conf
"""
_ANSWERS: Final = "redis-cli ping 2>/dev/null | grep -q PONG"
# While it loads its file or runs a script it is busy, not dead.
_LIVES: Final = "redis-cli ping 2>&1 | grep -Eq 'PONG|LOADING|BUSY'"


def memory_for_data(limit: int) -> int:
    """How much of a container's memory may be data; the rest is for rewriting the file, buffers and fragments."""
    return limit * 7 // 10


def redis_objects(platform: Platform) -> list[Object]:
    """Every object of the managed Redis; none where somebody else runs it."""
    if platform.spec.redis.mode == "External":
        return []
    name = addresses.workload(platform.cluster, Component.REDIS)
    place, selector = platform.place(Component.REDIS), platform.selector(Component.REDIS)
    files = _files(platform)
    return [
        config_map(name, place=place, data=files),
        service(name, place=place, selector=selector, ports={"redis": addresses.REDIS_PORT}),
        disruption_budget(name, place=place, selector=selector),
        _stateful_set(platform, name, files),
    ]


def _files(platform: Platform) -> dict[str, str]:
    memory = memory_for_data(sizes.memory_limit(_size(platform)))
    configuration = _CONFIGURATION.format(port=addresses.REDIS_PORT, data=DATA, memory=memory)
    return {"redis.conf": configuration, "start.sh": _START % {"files": FILES}}


def _size(platform: Platform) -> sizes.Amounts:
    return sizes.amounts(platform.spec.redis.resources, default=sizes.DEFAULTS[Component.REDIS])


def _stateful_set(platform: Platform, name: str, files: dict[str, str]) -> Object:
    spec, secret = platform.spec.redis, addresses.redis_secret(platform.cluster)
    container = Container(
        name="redis",
        image=platform.image(Component.REDIS),
        pull_policy=platform.spec.images.pull_policy,
        command=("sh", f"{FILES}/start.sh"),
        env=(secret_value("REDISCLI_AUTH", secret=secret, key=PASSWORD),),
        ports={"redis": addresses.REDIS_PORT},
        mounts=(mount("data", DATA), mount("files", FILES, read_only=True)),
        resources=_size(platform),
        startup=Probe(run("sh", "-c", _ANSWERS), failures=360),  # half an hour to read its file
        readiness=Probe(run("sh", "-c", _ANSWERS)),
        liveness=Probe(run("sh", "-c", _LIVES), period=10, timeout=6, failures=6),
    )
    place = platform.place(Component.REDIS)
    body = pod(
        (container,),
        selector=platform.selector(Component.REDIS),
        placement=platform.placement(spec.placement),
        uid=STORE_UID,
        volumes=(config_volume("files", config_map=name),),
        pull_secrets=platform.spec.images.pull_secrets,
        grace_s=STOP_S,
    )
    notes = platform.annotations(secrets=(secret,), configuration=checksum(files))
    rendered = template(body, labels=place.labels, annotations=notes)
    return stateful_set(
        name,
        place=place,
        selector=platform.selector(Component.REDIS),
        service=name,
        template=platform.settled(rendered, component=Component.REDIS, workload=name),
        claim=Claim(spec.storage.size, spec.storage.class_name, platform.spec.deletion_policy),
    )

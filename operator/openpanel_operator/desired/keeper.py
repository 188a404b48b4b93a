"""ClickHouse Keeper: one StatefulSet per member, and an ensemble that grows by one member at a time.

A member whose set exists is in the ensemble; the next one is added only when all of them are there and in sync. Nothing
here ever takes a member out: an ensemble does not shrink.
"""

from collections.abc import Collection
from typing import Final

from openpanel_operator.desired import addresses, sizes
from openpanel_operator.desired.addresses import (
    KEEPER_CLIENT_PORT,
    KEEPER_CONTROL_PORT,
    KEEPER_RAFT_PORT,
)
from openpanel_operator.desired.facts import KeeperFacts
from openpanel_operator.desired.labels import MEMBER, Component
from openpanel_operator.desired.objects import Object, checksum, config_map, disruption_budget, service
from openpanel_operator.desired.platform import Platform
from openpanel_operator.desired.pods import (
    CLICKHOUSE_UID,
    Container,
    Probe,
    config_volume,
    http_get,
    mount,
    pod,
    template,
    value,
)
from openpanel_operator.desired.stateful import Claim, stateful_set
from openpanel_operator.desired.xml import FromEnv, Tree, xml_of

DATA: Final = "/var/lib/clickhouse-keeper"
FILES: Final = "/etc/openpanel/keeper"
METRICS_PORT: Final = 9363
LARGEST: Final = 5  # members
STOP_S: Final = 60

PORTS: Final = {
    "client": KEEPER_CLIENT_PORT,
    "raft": KEEPER_RAFT_PORT,
    "control": KEEPER_CONTROL_PORT,
    "metrics": METRICS_PORT,
}


def keeper_objects(platform: Platform, *, facts: KeeperFacts) -> list[Object]:
    """Every object of the ensemble; none where there is no managed ClickHouse."""
    if platform.spec.clickhouse.engine != "Managed":
        return []
    name = addresses.keeper_service(platform.cluster)
    place, selector = platform.place(Component.KEEPER), platform.selector(Component.KEEPER)
    indices = members(platform, facts=facts)
    files = {"keeper.xml": xml_of(configuration(platform, indices, joining(indices, facts=facts)))}
    return [
        config_map(name, place=place, data=files),
        service(name, place=place, selector=selector, ports=PORTS, headless=True),
        disruption_budget(name, place=place, selector=selector, most_away=max(len(indices) // 2, 1)),
        *(_member(platform, name, index) for index in indices),
    ]


def members(platform: Platform, *, facts: KeeperFacts) -> tuple[int, ...]:
    """Which members the ensemble has from now on: all at the first start, later at most one more than there are."""
    wanted = range(platform.spec.clickhouse.keeper.replicas)
    existing = tuple(
        index
        for index in range(LARGEST)
        if addresses.keeper_member(platform.cluster, index=index) in platform.revisions
    )
    if not existing and not facts.members:
        return tuple(wanted)
    present = tuple(sorted({*existing, *facts.members}))
    missing = [index for index in wanted if index not in present]
    settled = facts.stable and set(present) <= set(facts.members)
    return tuple(sorted((*present, missing[0]))) if missing and settled else present


def joining(indices: Collection[int], *, facts: KeeperFacts) -> int | None:
    """The one member that the others do not know yet: it must wait for their leader instead of electing one."""
    unknown = [index for index in indices if index not in facts.members]
    return unknown[0] if facts.members and len(unknown) == 1 else None


def configuration(platform: Platform, indices: Collection[int], newcomer: int | None) -> Tree:
    """The configuration of every member; which of them it is stands in its environment."""
    servers: list[Tree] = [
        {
            "id": index + 1,
            "hostname": addresses.keeper_host(platform.cluster, index=index),
            "port": KEEPER_RAFT_PORT,
            **({"start_as_follower": "true"} if index == newcomer else {}),
        }
        for index in indices
    ]
    return {
        **_fixed_configuration(),
        "keeper_server": {**_server_configuration(), "raft_configuration": {"server": servers}},
    }


def _fixed_configuration() -> Tree:
    return {
        "logger": {"level": "information", "console": 1, "formatting": {"type": "json"}},
        "listen_host": "::",
        "listen_try": 1,
        "max_connections": 4096,
        "prometheus": {"endpoint": "/metrics", "port": METRICS_PORT, "metrics": 1, "events": 1},
    }


def _server_configuration() -> Tree:
    return {
        "tcp_port": KEEPER_CLIENT_PORT,
        "server_id": FromEnv("KEEPER_SERVER_ID"),
        "path": DATA,
        "log_storage_path": f"{DATA}/log",
        "snapshot_storage_path": f"{DATA}/snapshots",
        # Members change by this file, which the leader reads anew; clients must not change them.
        "enable_reconfiguration": "false",
        "four_letter_word_white_list": "conf,cons,crst,envi,ruok,srst,srvr,stat,wchs,dirs,mntr,isro,rcvr,apiv,csnp,lgif,rqld",
        "http_control": {"port": KEEPER_CONTROL_PORT, "readiness": {"endpoint": "/ready"}},
        "coordination_settings": {
            "operation_timeout_ms": 10_000,
            "session_timeout_ms": 30_000,
            "raft_logs_level": "warning",
        },
    }


def _member(platform: Platform, service_name: str, index: int) -> Object:
    name = addresses.keeper_member(platform.cluster, index=index)
    spec = platform.spec.clickhouse
    place = platform.place(Component.KEEPER)
    body = pod(
        (_container(platform, index),),
        selector=platform.selector(Component.KEEPER),
        placement=platform.placement(spec.placement),
        uid=CLICKHOUSE_UID,
        volumes=(config_volume("files", config_map=service_name),),
        pull_secrets=platform.spec.images.pull_secrets,
        grace_s=STOP_S,
    )
    # Members themselves are read anew; anything else in the file needs a restart.
    fixed = checksum(_fixed_configuration(), _server_configuration())
    own = {MEMBER: str(index)}
    rendered = template(
        body, labels={**place.labels, **own}, annotations=platform.annotations(configuration=fixed)
    )
    return stateful_set(
        name,
        place=place.with_labels(own),
        selector={**platform.selector(Component.KEEPER), **own},
        service=service_name,
        template=platform.settled(rendered, component=Component.KEEPER, workload=name),
        claim=Claim(spec.keeper.storage.size, spec.keeper.storage.class_name, platform.spec.deletion_policy),
        on_delete=True,
    )


def _container(platform: Platform, index: int) -> Container:
    said = platform.spec.clickhouse.keeper.resources
    return Container(
        name="keeper",
        image=platform.image(Component.KEEPER),
        pull_policy=platform.spec.images.pull_policy,
        command=("clickhouse-keeper", f"--config-file={FILES}/keeper.xml"),
        env=(value("KEEPER_SERVER_ID", index + 1),),
        ports=PORTS,
        mounts=(mount("data", DATA), mount("files", FILES, read_only=True)),
        resources=sizes.amounts(said, default=sizes.DEFAULTS[Component.KEEPER]),
        startup=Probe({"tcpSocket": {"port": "raft"}}, failures=60),
        readiness=Probe(http_get("/ready", port="control")),
        # Without a quorum it is not ready, and a restart would not help: only a process that is gone counts.
        liveness=Probe({"tcpSocket": {"port": "raft"}}, period=10, timeout=5, failures=6),
    )

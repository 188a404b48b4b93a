"""`engine: Embedded`: one pod with the ClickHouse engine as a library behind ClickHouse's HTTP interface, and a volume.

For trials and tests: it answers under the same name and on the same port as servers would.
"""

from typing import Final

from openpanel_operator.desired import addresses, sizes
from openpanel_operator.desired.addresses import CLICKHOUSE_HTTP_PORT, USER
from openpanel_operator.desired.credentials import PASSWORD
from openpanel_operator.desired.labels import REPLICA, SHARD, Component
from openpanel_operator.desired.objects import Object, disruption_budget, service
from openpanel_operator.desired.platform import Platform
from openpanel_operator.desired.pods import (
    OPENPANEL_UID,
    Container,
    Probe,
    http_get,
    mount,
    pod,
    secret_volume,
    template,
)
from openpanel_operator.desired.stateful import Claim, stateful_set

VOLUME: Final = "/var/lib/openpanel"
DATA: Final = f"{VOLUME}/clickhouse"  # a volume's own root may hold what is not ours
CREDENTIALS: Final = "/etc/openpanel/credentials"
STOP_S: Final = 30
ENGINE_SHARE: Final = 0.7  # of the container's memory; the rest is the process around the engine

# Like the one server of one shard that it is.
NODE: Final = {SHARD: "0", REPLICA: "0"}


def engine_objects(platform: Platform) -> list[Object]:
    """Every object of the embedded engine; none where there are servers."""
    if platform.spec.clickhouse.engine != "Embedded":
        return []
    name = addresses.workload(platform.cluster, Component.CLICKHOUSE)
    place, selector = platform.place(Component.CLICKHOUSE), platform.selector(Component.CLICKHOUSE)
    return [
        service(name, place=place, selector=selector, ports={"http": CLICKHOUSE_HTTP_PORT}),
        disruption_budget(name, place=place, selector=selector),
        _stateful_set(platform, name),
    ]


def _stateful_set(platform: Platform, service_name: str) -> Object:
    spec, secret = platform.spec.clickhouse, addresses.clickhouse_secret(platform.cluster)
    place, selector = platform.place(Component.CLICKHOUSE), platform.selector(Component.CLICKHOUSE)
    body = pod(
        (_container(platform),),
        selector=selector,
        placement=platform.placement(spec.placement),
        uid=OPENPANEL_UID,
        volumes=(secret_volume("credentials", secret=secret, keys=(PASSWORD,)),),
        pull_secrets=platform.spec.images.pull_secrets,
        grace_s=STOP_S,
    )
    rendered = template(
        body, labels={**place.labels, **NODE}, annotations=platform.annotations(secrets=(secret,))
    )
    name = addresses.clickhouse_node(platform.cluster, shard=0, replica=0)
    return stateful_set(
        name,
        place=place.with_labels(NODE),
        selector={**selector, **NODE},
        service=service_name,
        template=platform.settled(rendered, component=Component.CLICKHOUSE, workload=name),
        claim=Claim(spec.storage.size, spec.storage.class_name, platform.spec.deletion_policy),
    )


def _container(platform: Platform) -> Container:
    size = sizes.amounts(platform.spec.clickhouse.resources, default=sizes.EMBEDDED)
    memory_mb = int(sizes.memory_limit(size) * ENGINE_SHARE) // sizes.MIB
    options = {
        "--data": DATA,
        "--host": "0.0.0.0",  # noqa: S104 - the pod's own
        "--port": CLICKHOUSE_HTTP_PORT,
        "--user": USER,
        "--password-file": f"{CREDENTIALS}/{PASSWORD}",
        "--memory-mb": memory_mb,
    }
    return Container(
        name="engine",
        image=platform.image(Component.CLICKHOUSE),
        pull_policy=platform.spec.images.pull_policy,
        args=tuple(str(part) for option in options.items() for part in option),
        ports={"http": CLICKHOUSE_HTTP_PORT},
        mounts=(mount("data", VOLUME), mount("credentials", CREDENTIALS, read_only=True)),
        resources=size,
        startup=Probe(http_get("/ping", port="http"), failures=120),
        readiness=Probe(http_get("/ping", port="http")),
        liveness=Probe(http_get("/ping", port="http"), period=10, timeout=10, failures=12),
    )

"""The Job that brings the stores' schema to the version of the services, before they roll.

Its name carries what it does: which code migrates which servers. It is there until the schema is reported whole, so a
lost one is made again, and one that is done is cleared away.
"""

from typing import Final

from openpanel_operator.desired import addresses, environment, sizes
from openpanel_operator.desired.clickhouse import present
from openpanel_operator.desired.credentials import read_secrets
from openpanel_operator.desired.facts import ClusterFacts
from openpanel_operator.desired.labels import SECRETS, Component, name_of
from openpanel_operator.desired.objects import Object, checksum, checksum_of
from openpanel_operator.desired.platform import Platform
from openpanel_operator.desired.pods import OPENPANEL_UID, Container, pod, template, value

LONGEST_S: Final = 3600
STORES_WAIT_S: Final = 120  # for stores that are being made or replaced; its next pod may come minutes later
TRIES: Final = 10
CONTAINER: Final = "migrate"
FINAL_EXITS: Final = (1, 2)  # of `openpanel_worker.migrate`: the store refuses, the settings are wrong


def migration_objects(platform: Platform, *, facts: ClusterFacts) -> list[Object]:
    """The Job, while the schema is not what it should be."""
    if facts.schema_ready:
        return []
    place = platform.place(Component.MIGRATION)
    body = pod(
        (_container(platform, facts),),
        selector=platform.selector(Component.MIGRATION),
        placement=platform.placement(),
        uid=OPENPANEL_UID,
        pull_secrets=platform.spec.images.pull_secrets,
    )
    body["restartPolicy"] = "Never"  # every try leaves its log
    rendered = template(
        body,
        labels=place.labels,
        # Not when pods shall be replaced: that leaves nothing to migrate.
        annotations={SECRETS: checksum_of(read_secrets(platform.cluster), known=platform.checksums)},
    )
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": place.meta(job_name(platform, rendered)),
            "spec": {
                "backoffLimit": TRIES,
                # A store that is away may come back; one that refuses will not change its mind.
                "podFailurePolicy": {
                    "rules": [
                        {
                            "action": "FailJob",
                            "onExitCodes": {
                                "containerName": CONTAINER,
                                "operator": "In",
                                "values": list(FINAL_EXITS),
                            },
                        }
                    ]
                },
                "activeDeadlineSeconds": LONGEST_S,
                "completions": 1,
                "parallelism": 1,
                "template": rendered,
            },
        }
    ]


def job_name(platform: Platform, rendered: Object) -> str:
    """A Job never changes, so each has the checksum of what it runs in its name."""
    return name_of(platform.cluster.name, Component.MIGRATION.value, checksum(rendered)[:10])


def _container(platform: Platform, facts: ClusterFacts) -> Container:
    return Container(
        name=CONTAINER,
        image=platform.image(Component.MIGRATION),
        pull_policy=platform.spec.images.pull_policy,
        command=("python", "-m", "openpanel_worker.migrate", "--wait", str(STORES_WAIT_S)),
        env=(*environment.common_variables(platform.cluster), *_servers(platform, facts)),
        resources=sizes.DEFAULTS[Component.MIGRATION],
    )


def _servers(platform: Platform, facts: ClusterFacts) -> list[Object]:
    """Where each server is; nothing of a single one."""
    if platform.spec.clickhouse.engine != "Managed":
        return []
    hosts = [
        addresses.clickhouse_node_host(platform.cluster, shard=node.shard, replica=node.replica)
        for node in present(platform, facts=facts.clickhouse)
    ]
    urls = ",".join(environment.clickhouse_url(host) for host in hosts)
    return [value("OPENPANEL_CLICKHOUSE_SHARDS", urls)]

"""A PanelCluster, brought to what its spec says: the steps, in the order in which they need one another.

Credentials before stores, stores before the schema, the schema before services, services in their order. Each step
reads what is there and writes only what differs, so any pass may be cut off anywhere and the next one goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from openpanel_operator.desired import ClusterFacts, KeeperFacts, Stage, desired_cluster
from openpanel_operator.desired.credentials import generated_secrets
from openpanel_operator.desired.labels import Component
from openpanel_operator.kube import Object, Ref, ref_of
from openpanel_operator.reconcile import conditions, credentials, pods, staging, volumes
from openpanel_operator.reconcile.annotations import RECONCILE_AT
from openpanel_operator.reconcile.applying import Change
from openpanel_operator.reconcile.cluster_facts import clickhouse_facts, keeper_facts, read_secrets_of
from openpanel_operator.reconcile.cluster_figures import figures
from openpanel_operator.reconcile.credentials import KeyMissing, SecretMissing, Secrets
from openpanel_operator.reconcile.migration import Migration, migration_of
from openpanel_operator.reconcile.passing import AUTHENTICATION, Pass, Step
from openpanel_operator.reconcile.scaling_figures import lacking_for_keda, scaling_condition
from openpanel_operator.reconcile.staging import Progress
from openpanel_operator.reconcile.workloads import Owned, Workload, owned_of
from openpanel_operator.resources.cluster import PanelClusterSpec
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.stores import Addresses, Store

LOOK_AGAIN_S: Final = 5.0  # while something is on its way that no watch tells of
WATCH_STORES_S: Final = 60.0  # how often stores are asked whether they answer

STORES: Final[Mapping[Store, tuple[ConditionType, Component]]] = {
    "Redis": (ConditionType.REDIS_READY, Component.REDIS),
    "PostgreSQL": (ConditionType.POSTGRES_READY, Component.POSTGRES),
    "ClickHouse": (ConditionType.CLICKHOUSE_READY, Component.CLICKHOUSE),
}
SERVICES: Final[Mapping[Component, ConditionType]] = {
    Component.WORKER: ConditionType.WORKERS_READY,
    Component.INGEST: ConditionType.INGEST_READY,
    Component.API: ConditionType.API_READY,
    Component.DASHBOARD: ConditionType.DASHBOARD_READY,
}


@dataclass(slots=True)
class ClusterPass(Pass[PanelClusterSpec]):
    """What the steps of a PanelCluster share."""

    secrets: Secrets = field(default_factory=lambda: Secrets({}))
    at: Addresses | None = None
    faults: Mapping[Store, str] = field(default_factory=dict)
    facts: ClusterFacts | None = None
    migration: Migration | None = None
    progress: Progress = field(default_factory=lambda: Progress(Stage.SCHEMA, None, done=False))
    version: str = ""
    objects: list[Object] = field(default_factory=list)

    @property
    def owned(self) -> Owned:
        """What there is of the cluster now."""
        return owned_of(self.world.index.owned(self.key))


async def settle_name(current: ClusterPass) -> None:
    """Give way to an elder project whose objects, in this namespace, are named as the cluster's would be."""
    elder = current.world.claims.forerunner(current.key, place=current.key.namespace)
    if elder is not None:
        message = f"{elder} has this name since before, and its objects lie in this namespace"
        raise current.halt(ConditionType.SPEC_VALID, Reason.NAME_CONFLICT, message)


async def generate_credentials(current: ClusterPass) -> None:
    """Make the Secrets that are missing."""
    cluster, world = current.resource, current.world
    for secret in generated_secrets(cluster):
        there = await credentials.look(world.kube, world.index, namespace=cluster.namespace, name=secret.name)
        values = credentials.decoded(there or {})
        lacking = credentials.missing(cluster, found={secret.name: values})
        for each in (one for one in lacking if one.name == secret.name):
            body = credentials.generated(each, cluster=cluster, there=values, fresh=world.fresh)
            current.changes += await world.applier.apply([body], owner=current.key)
    current.well(ConditionType.SPEC_VALID)


async def read_credentials(current: ClusterPass) -> None:
    """Read all Secrets that the cluster uses; say which is missing."""
    current.secrets = await read_secrets_of(current.resource, world=current.world)
    nodes = frozenset(current.owned.nodes)
    try:
        current.at = credentials.addresses_of(current.resource, secrets=current.secrets, nodes=nodes)
    except (SecretMissing, KeyMissing) as error:
        reason = Reason.SECRET_MISSING if isinstance(error, SecretMissing) else Reason.SECRET_KEY_MISSING
        current.look_again(LOOK_AGAIN_S)
        raise current.halt(STORES[error.store][0], reason, str(error)) from error
    current.world.known.clusters[current.key] = (current.world.clock(), current.secrets, current.at)


async def gather_facts(current: ClusterPass) -> None:
    """Look at what there is, so that the objects can be rendered."""
    cluster, world, owned = current.resource, current.world, current.owned
    assert current.at is not None
    current.version = staging.version_of(
        cluster.spec, own=world.version, recorded=current.before.get("version")
    )
    clickhouse = await clickhouse_facts(cluster, owned, at=current.at, stores=world.stores)
    keeper = await keeper_facts(cluster, owned, at=current.at, stores=world.stores)
    draft = _facts(current, schema_ready=False, stage=Stage.SCHEMA, clickhouse=clickhouse, keeper=keeper)
    current.migration = await migration_of(
        desired_cluster(cluster, facts=draft), current=current, at=current.at, version=current.version
    )
    ready = current.migration.done
    current.progress = staging.progress(
        cluster.spec, version=current.version, owned=owned, schema_ready=ready
    )
    current.facts = _facts(
        current, schema_ready=ready, stage=current.progress.stage, clickhouse=clickhouse, keeper=keeper
    )


async def apply_objects(current: ClusterPass) -> None:
    """Apply what differs, delete what is no longer wanted."""
    assert current.facts is not None
    objects = desired_cluster(current.resource, facts=current.facts)
    await _redo_migration(current)
    current.changes += await current.world.applier.apply(objects, owner=current.key)
    keep = {ref_of(each) for each in objects} | _finished_jobs(current)
    current.changes += await current.world.applier.prune(owner=current.key, keep=keep)
    current.objects = objects
    _report_exposure(current)


async def mend_pods(current: ClusterPass) -> None:
    """Replace pods that nobody else replaces."""
    workloads = current.owned.workloads
    furnished = current.facts.clickhouse.furnished if current.facts else frozenset()
    stable = current.facts is None or current.facts.keeper.stable

    def caught_up(workload: Workload) -> bool:
        if workload.component == Component.KEEPER.value:
            return stable
        return workload.node is None or workload.node in furnished

    gone = await pods.replace(current.world.kube, workloads, caught_up=caught_up)
    current.changes += [Change("deleted", ref) for ref in gone]
    if pods.is_waiting(workloads):
        current.look_again(LOOK_AGAIN_S)


async def check_stores(current: ClusterPass) -> None:
    """Say how each store is; without stores nothing else can be."""
    assert current.at is not None
    waiting = [store for store in STORES if not await _store_pods_serve(current, store)]
    if len(waiting) < len(STORES):
        current.faults = await current.world.stores.faults(current.at)
    for store in (each for each in STORES if each not in waiting):
        _report_store(current, store)
    await _report_keeper(current)
    missing = [store for store in STORES if store in waiting or store in current.faults]
    current.look_again(LOOK_AGAIN_S if missing else WATCH_STORES_S)
    if missing == ["ClickHouse"] and current.migration and not current.migration.done:
        return  # servers without tables do not call themselves ready: the schema has the next word
    if missing:
        message = f"{' and '.join(missing)} not ready"
        raise current.halt(ConditionType.SCHEMA_IN_SYNC, Reason.WAITING_FOR_STORES, message)


async def check_schema(current: ClusterPass) -> None:
    """Say how far the migration is; services are not rolled before it is done."""
    migration = current.migration
    assert migration is not None
    current.status["schema"] = migration.figures()
    if migration.done:
        current.well(ConditionType.SCHEMA_IN_SYNC)
        if migration.recorded != migration.name:
            current.look_again(1.0)  # now that it is written down, its Job may go
        return
    current.look_again(LOOK_AGAIN_S)
    if migration.failure is not None:
        raise current.halt(ConditionType.SCHEMA_IN_SYNC, Reason.MIGRATION_FAILED, migration.failure)
    raise current.halt(ConditionType.SCHEMA_IN_SYNC, Reason.MIGRATING, f"Job {migration.name}")


async def check_services(current: ClusterPass) -> None:
    """Say how each service is, and whether all run the wanted version."""
    owned, held = current.owned, None
    for component, condition in SERVICES.items():
        workloads = owned.of(component.value)
        rollout = owned.rollout(component.value)
        if rollout is not None and rollout.complete:
            current.well(condition)
            continue
        reason, message = await _why_not(current, workloads)
        serves = rollout is not None and rollout.ready > 0
        current.report(condition, "True" if serves else "False", reason, message)
        held = held or (component, reason, message)
    after = staging.progress(current.resource.spec, version=current.version, owned=owned, schema_ready=True)
    waiting = not current.resource.spec.version and current.version != current.world.version
    if after.done and waiting:
        message = f"{current.world.version} is there, {current.version} runs"
        current.report(ConditionType.UP_TO_DATE, "False", Reason.UPGRADE_WAITING, message)
    elif after.done:
        current.well(ConditionType.UP_TO_DATE, message=current.version)
    elif held is not None:
        _report_stopped(current, *held)
    else:
        current.report(ConditionType.UP_TO_DATE, "False", Reason.ROLLING_OUT, after.label)
        current.look_again(0.5)  # the next stage may begin
    current.progress = after


async def grow_volumes(current: ClusterPass) -> None:
    """Enlarge the volumes that the spec wants larger; say which cannot be, or are not yet."""
    seen = await volumes.grow(current.world.kube, current.objects)
    current.changes += [Change("updated", ref) for ref in seen.asked]
    going = [ref.name for ref in (*seen.asked, *seen.growing)]
    if seen.refused:
        message = "; ".join(f"{ref.name}: {said}" for ref, said in seen.refused.items())
        current.report(ConditionType.SCALE_ALLOWED, "False", Reason.VOLUME_NOT_EXPANDABLE, message)
    elif going:
        current.report(ConditionType.SCALE_ALLOWED, "False", Reason.VOLUME_RESIZING, ", ".join(going))
        current.look_again(WATCH_STORES_S)
    elif ConditionType.SCALE_ALLOWED.value not in current.conditions:
        current.well(ConditionType.SCALE_ALLOWED)


async def fill_status(current: ClusterPass) -> None:
    """Put the figures into the status."""
    current.status |= figures(current)
    scaling = scaling_condition(
        current.resource.spec.workers,
        kinds=current.world.optional_kinds,
        lacking=lacking_for_keda(current.resource, secrets=current.secrets),
        scaled=current.world.scaled.get(current.key),
        known=conditions.found(current.before.get("conditions") or (), ConditionType.SCALING_ACTIVE.value),
    )
    if scaling is not None:
        current.conditions[scaling.type] = scaling
    current.status["reconciledAt"] = current.resource.annotations.get(RECONCILE_AT)


STEPS: Final[tuple[Step[ClusterPass], ...]] = (
    Step("settle name", ConditionType.SPEC_VALID, settle_name),
    Step("generate credentials", ConditionType.SPEC_VALID, generate_credentials),
    Step("read credentials", ConditionType.SPEC_VALID, read_credentials),
    Step("gather facts", ConditionType.SPEC_VALID, gather_facts),
    Step("apply objects", ConditionType.EXPOSED, apply_objects),
    Step("mend pods", ConditionType.CLICKHOUSE_READY, mend_pods),
    Step("check stores", ConditionType.CLICKHOUSE_READY, check_stores),
    Step("check schema", ConditionType.SCHEMA_IN_SYNC, check_schema),
    Step("check services", ConditionType.UP_TO_DATE, check_services),
    Step("grow volumes", ConditionType.SCALE_ALLOWED, grow_volumes),
)
ALWAYS: Final[tuple[Step[ClusterPass], ...]] = (Step("fill status", ConditionType.SPEC_VALID, fill_status),)


def _facts(current: ClusterPass, **found: Any) -> ClusterFacts:
    before, owned = current.before, current.owned
    streams = int((before.get("workers") or {}).get("shards") or 0)
    return ClusterFacts(
        operator_namespace=current.world.namespace,
        version=current.version,
        kinds=current.world.optional_kinds,
        secret_checksums=current.secrets.checksums(),
        images=owned.images,
        revisions=owned.revisions,
        streams=max(streams, current.resource.spec.workers.streams),
        **found,
    )


async def _redo_migration(current: ClusterPass) -> None:
    """A Job that came to its end although the schema is not whole is done again; a Job cannot be changed."""
    migration = current.migration
    assert migration is not None
    if migration.stale and migration.ref is not None:
        await current.world.kube.delete(migration.ref)
        current.world.applier.forget(migration.ref)
        current.changes.append(Change("deleted", migration.ref))


def _finished_jobs(current: ClusterPass) -> set[Ref]:
    """A Job that is done stays until the status says so: else a crash in between would have it done again."""
    migration = current.migration
    if migration is None or migration.ref is None or migration.recorded == migration.name:
        return set()
    return {migration.ref}


def _report_exposure(current: ClusterPass) -> None:
    exposure, kinds = current.resource.spec.exposure, current.world.optional_kinds
    if exposure.type == "Gateway" and "HTTPRoute" not in kinds:
        current.report(
            ConditionType.EXPOSED,
            "False",
            Reason.GATEWAY_NOT_INSTALLED,
            "the API server does not know HTTPRoute",
        )
    elif exposure.type == "None":
        current.well(ConditionType.EXPOSED, Reason.NOT_WANTED)
    else:
        current.well(ConditionType.EXPOSED)


async def _store_pods_serve(current: ClusterPass, store: Store) -> bool:
    """Whether somebody could answer; a store that others run has no pods of ours."""
    condition, component = STORES[store]
    if _is_external(current, store):
        return True
    workloads = current.owned.of(component.value)
    if workloads and all(workload.rollout.ready for workload in workloads):
        return True
    reason, message = await _why_not(current, workloads)
    shards = {workload.node.shard for workload in workloads if workload.node}
    served = {workload.node.shard for workload in workloads if workload.node and workload.rollout.ready}
    if shards and shards == served:
        current.report(condition, "True", Reason.REPLICA_UNAVAILABLE, message)
        return True
    if served:
        missing = ", ".join(str(shard) for shard in sorted(shards - served))
        message = f"shard {missing}: {message}"
    waits = reason in {Reason.WAITING_FOR_PODS, Reason.ROLLING_OUT}
    current.report(condition, "False", Reason.SHARD_UNAVAILABLE if served and waits else reason, message)
    return bool(served)


def _report_store(current: ClusterPass, store: Store) -> None:
    condition, _ = STORES[store]
    fault = current.faults.get(store)
    if fault is None:
        if condition.value not in current.conditions:
            current.well(condition, Reason.EXTERNAL if _is_external(current, store) else Reason.AS_WANTED)
        return
    refused = any(word in fault.lower() for word in AUTHENTICATION)
    reason = Reason.AUTHENTICATION_FAILED if refused else Reason.UNREACHABLE
    current.report(condition, "False", reason, f"{store}: {fault}")


async def _report_keeper(current: ClusterPass) -> None:
    if current.resource.spec.clickhouse.engine != "Managed":
        current.well(ConditionType.KEEPER_READY, Reason.NOT_WANTED)
        return
    members = current.owned.of(Component.KEEPER.value)
    ready = sum(1 for member in members if member.rollout.ready)
    wanted = current.resource.spec.clickhouse.keeper.replicas
    if ready <= wanted // 2:
        reason, message = await _why_not(current, members)
        waiting = reason is Reason.WAITING_FOR_PODS
        status = Reason.KEEPER_NO_QUORUM if waiting and current.before.get("keeper") else reason
        current.report(ConditionType.KEEPER_READY, "False", status, message)
    elif ready < wanted:
        current.report(
            ConditionType.KEEPER_READY, "True", Reason.KEEPER_CHANGING, f"{ready} of {wanted} members"
        )
    else:
        current.well(ConditionType.KEEPER_READY)
    facts = current.facts.keeper if current.facts else KeeperFacts()
    stable = facts.stable or not facts.members
    current.report(
        ConditionType.SCALE_ALLOWED,
        "True" if stable else "False",
        Reason.AS_WANTED if stable else Reason.KEEPER_CHANGING,
        "" if stable else "Keeper has no leader with all members in sync",
    )


async def _why_not(current: ClusterPass, workloads: tuple[Workload, ...]) -> tuple[Reason, str]:
    if not workloads:
        return Reason.RECONCILING, "its pods are not made yet"
    found = await pods.trouble(current.world.kube, workloads)
    if found is not None:
        return found.reason, found.message
    ready = sum(workload.rollout.ready for workload in workloads)
    desired = sum(workload.rollout.desired for workload in workloads)
    current.look_again(LOOK_AGAIN_S)  # what pods tell is not watched
    reason = Reason.ROLLING_OUT if ready else Reason.WAITING_FOR_PODS
    return reason, f"{ready} of {desired} pods of {workloads[0].ref.name} serve"


def _report_stopped(current: ClusterPass, component: Component, reason: Reason, message: str) -> None:
    waits = reason in {Reason.RECONCILING, Reason.WAITING_FOR_PODS, Reason.ROLLING_OUT}
    current.report(
        ConditionType.UP_TO_DATE,
        "False",
        Reason.ROLLING_OUT if waits else Reason.UPGRADE_STOPPED,
        f"{component.value}: {reason.value}: {message}",
    )


def _is_external(current: ClusterPass, store: Store) -> bool:
    spec = current.resource.spec
    modes = {
        "Redis": spec.redis.mode,
        "PostgreSQL": spec.postgres.mode,
        "ClickHouse": spec.clickhouse.engine,
    }
    return bool(modes[store] == "External")

"""How the stores, the schema and the services of a PanelCluster are: three steps that look and say, and write nothing."""

from collections.abc import Mapping
from typing import Final

from openpanel_operator.desired import KeeperFacts
from openpanel_operator.desired.labels import Component
from openpanel_operator.reconcile import refusals, staging
from openpanel_operator.reconcile.autoscalers import report_serving
from openpanel_operator.reconcile.cluster_facts import held_back, lagging
from openpanel_operator.reconcile.cluster_pass import ClusterPass
from openpanel_operator.reconcile.passing import AUTHENTICATION
from openpanel_operator.reconcile.workloads import Workload
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.stores import Store

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


async def check_stores(current: ClusterPass) -> None:
    """Say how each store is; without stores nothing else can be."""
    assert current.at is not None
    waiting = [store for store in STORES if not await _store_pods_serve(current, store)]
    if len(waiting) < len(STORES):
        current.faults = await current.world.stores.faults(current.at)
    for store in (each for each in STORES if each not in waiting):
        _report_store(current, store)
    await _report_keeper(current)
    held = held_back(current.resource, current.facts.clickhouse) if current.facts else None
    if held is not None:
        current.report(ConditionType.SCALE_ALLOWED, "False", *held)
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
    for component, condition in SERVICES.items():
        rollout = current.owned.rollout(component.value)
        if rollout is None or not rollout.serves:
            current.report(condition, "False", Reason.WAITING_FOR_SCHEMA, f"Job {migration.name}")
    if migration.failure is not None:
        raise current.halt(ConditionType.SCHEMA_IN_SYNC, Reason.MIGRATION_FAILED, migration.failure)
    found = await refusals.trouble_of_job(current.world.kube, migration.ref) if migration.ref else None
    if found is not None:
        raise current.halt(ConditionType.SCHEMA_IN_SYNC, found.reason, found.message)
    raise current.halt(ConditionType.SCHEMA_IN_SYNC, Reason.MIGRATING, f"Job {migration.name}")


async def check_services(current: ClusterPass) -> None:
    """Say how each service is, and whether all run the wanted version."""
    owned, held = current.owned, None
    for component, condition in SERVICES.items():
        workloads = owned.of(component.value)
        rollout = owned.rollout(component.value)
        if rollout is not None and rollout.complete:
            report_serving(current, component, condition)
            continue
        reason, message = await _why_not(current, workloads)
        serves = rollout is not None and rollout.ready > 0
        current.report(condition, "True" if serves else "False", reason, message)
        held = held or (component, reason, message)
    after = staging.progress(current.follows.spec, version=current.version, owned=owned, schema_ready=True)
    waiting = not current.follows.spec.version and current.version != current.world.version
    if after.done and current.waiting is not None and current.waiting.has_to_wait:
        current.report(ConditionType.UP_TO_DATE, "False", Reason.WAITING_FOR_WINDOW, str(current.waiting))
    elif after.done and waiting:
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
            behind = lagging(current.resource, current.facts.clickhouse) if current.facts else ""
            if store == "ClickHouse" and behind:
                current.report(condition, "True", Reason.REPLICA_LAGGING, behind)
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
    found = await refusals.trouble(current.world.kube, workloads)
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

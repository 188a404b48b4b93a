"""A PanelCluster, brought to what its spec says: the steps, in the order in which they need one another.

Credentials before stores, stores before the schema, the schema before services, services in their order. Each step
reads what is there and writes only what differs, so any pass may be cut off anywhere and the next one goes on.
"""

from dataclasses import replace
from typing import Any, Final

from openpanel_operator.desired import ClickHouseFacts, ClusterFacts, KeeperFacts, Stage, desired_cluster
from openpanel_operator.desired.credentials import generated_secrets
from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.waiting import as_running
from openpanel_operator.kube import Object, Ref, ref_of
from openpanel_operator.reconcile import credentials, maintenance, pods, staging, volumes
from openpanel_operator.reconcile.annotations import RECONCILE_AT, as_followed
from openpanel_operator.reconcile.applying import Change
from openpanel_operator.reconcile.cluster_checks import (
    LOOK_AGAIN_S,
    STORES,
    WATCH_STORES_S,
    check_schema,
    check_services,
    check_stores,
)
from openpanel_operator.reconcile.cluster_facts import (
    clickhouse_facts,
    keeper_facts,
    lacking_servers,
    read_secrets_of,
    redis_facts,
)
from openpanel_operator.reconcile.cluster_figures import figures
from openpanel_operator.reconcile.cluster_pass import ClusterPass
from openpanel_operator.reconcile.credentials import KeyMissing, SecretFault, SecretMissing
from openpanel_operator.reconcile.exposing import report_exposure
from openpanel_operator.reconcile.migration import migration_of
from openpanel_operator.reconcile.passing import Step
from openpanel_operator.reconcile.redis_first import held_ingest
from openpanel_operator.reconcile.scaling_figures import lacking_for_keda, scaling_of
from openpanel_operator.reconcile.snapshot_places import try_place
from openpanel_operator.reconcile.workloads import Workload
from openpanel_operator.resources.reasons import ConditionType, Reason


async def settle_name(current: ClusterPass) -> None:
    """Give way to an elder project whose objects, in this namespace, are named as the cluster's would be."""
    elder = current.world.claims.forerunner(current.key, place=current.key.namespace)
    if elder is not None:
        message = f"{elder} has this name since before, and its objects lie in this namespace"
        raise current.halt(ConditionType.SPEC_VALID, Reason.NAME_CONFLICT, message)


async def generate_credentials(current: ClusterPass) -> None:
    """Make the Secrets that are missing; of the others put back what somebody took off them."""
    cluster, world = current.resource, current.world
    for secret in generated_secrets(cluster):
        body = await credentials.as_generated(
            secret, cluster=cluster, kube=world.kube, index=world.index, fresh=world.fresh
        )
        if body is not None:
            current.changes += await world.applier.apply([body], owner=current.key)
    current.well(ConditionType.SPEC_VALID)


async def read_credentials(current: ClusterPass) -> None:
    """Read all Secrets that the cluster uses; say which is missing."""
    current.secrets = await read_secrets_of(current.resource, world=current.world)
    nodes = frozenset(current.owned.nodes)
    try:
        current.at = credentials.addresses_of(current.resource, secrets=current.secrets, nodes=nodes)
    except SecretFault as error:
        current.look_again(LOOK_AGAIN_S)
        raise current.halt(STORES[error.store][0], _reason_of(error), str(error)) from error
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
    await _wait_for_window(current, clickhouse=clickhouse, keeper=keeper)
    draft = _facts(current, schema_ready=False, stage=Stage.SCHEMA, clickhouse=clickhouse, keeper=keeper)
    drafted = desired_cluster(current.follows, facts=draft)
    current.migration = await migration_of(
        drafted,
        current=current,
        at=current.at,
        version=current.version,
        complete=current.followed is not None and not lacking_servers(cluster, clickhouse),
    )
    ready = current.migration.done
    current.progress = staging.progress(
        current.follows.spec, version=current.version, owned=owned, schema_ready=ready
    )
    facts = _facts(
        current, schema_ready=ready, stage=current.progress.stage, clickhouse=clickhouse, keeper=keeper
    )
    current.facts = replace(facts, held=held_ingest(drafted, owned=owned))


async def apply_objects(current: ClusterPass) -> None:
    """Apply what differs, delete what is no longer wanted."""
    assert current.facts is not None
    objects = desired_cluster(current.follows, facts=current.facts)
    maintenance.remember(current, objects)
    await _redo_migration(current)
    current.changes += await current.world.applier.apply(objects, owner=current.key)
    keep = {ref_of(each) for each in objects} | _finished_jobs(current)
    keep |= credentials.generated_refs(current.resource)  # whatever somebody did to their annotations
    current.changes += await current.world.applier.prune(owner=current.key, keep=keep)
    current.objects = objects
    exposure = current.resource.spec.exposure
    report_exposure(current, exposure, certificate="exposure.tls" if exposure.tls else "")


async def mend_pods(current: ClusterPass) -> None:
    """Replace pods that nobody else replaces."""
    workloads = current.owned.workloads
    servers = current.facts.clickhouse if current.facts else ClickHouseFacts()
    stable = current.facts is None or current.facts.keeper.stable

    def caught_up(workload: Workload, pod: Object) -> bool:
        if workload.component == Component.KEEPER.value:
            return stable
        if workload.node is None or workload.node in servers.caught_up:
            return True
        # With the credentials of before it refuses every question, so nobody could ever hear that it has caught up.
        return workload.node not in servers.delays and pods.has_other_secrets(pod, workload)

    gone = await pods.replace(current.world.kube, workloads, caught_up=caught_up)
    current.changes += [Change("deleted", ref) for ref in gone]
    if pods.is_waiting(workloads):
        current.look_again(LOOK_AGAIN_S)


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
    lacking = lacking_for_keda(current.resource, secrets=current.secrets)
    if current.waiting is not None:
        current.status["maintenance"] = maintenance.figures(
            current, current.waiting, whole=_is_whole(current)
        )
    scaling = scaling_of(current, current.resource.spec.workers, lacking=lacking)
    if scaling is not None:
        current.conditions[scaling.type] = scaling
    current.status["reconciledAt"] = as_followed(current.resource.annotations, RECONCILE_AT)


STEPS: Final[tuple[Step[ClusterPass], ...]] = (
    Step("settle name", ConditionType.SPEC_VALID, settle_name),
    Step("generate credentials", ConditionType.SPEC_VALID, generate_credentials),
    Step("read credentials", ConditionType.SPEC_VALID, read_credentials),
    Step("gather facts", ConditionType.SPEC_VALID, gather_facts),
    Step("apply objects", ConditionType.EXPOSED, apply_objects),
    Step("mend pods", ConditionType.CLICKHOUSE_READY, mend_pods),
    Step("check stores", ConditionType.CLICKHOUSE_READY, check_stores),
    Step("try place", ConditionType.SNAPSHOT_READY, try_place),
    Step("check schema", ConditionType.SCHEMA_IN_SYNC, check_schema),
    Step("check services", ConditionType.UP_TO_DATE, check_services),
    Step("grow volumes", ConditionType.SCALE_ALLOWED, grow_volumes),
)
ALWAYS: Final[tuple[Step[ClusterPass], ...]] = (Step("fill status", ConditionType.SPEC_VALID, fill_status),)


def _reason_of(error: SecretFault) -> Reason:
    if isinstance(error, SecretMissing):
        return Reason.SECRET_MISSING
    return Reason.SECRET_KEY_MISSING if isinstance(error, KeyMissing) else Reason.SECRET_INVALID


def _facts(current: ClusterPass, **found: Any) -> ClusterFacts:
    before, owned = current.before, current.owned
    assert current.at is not None
    streams = int((before.get("workers") or {}).get("shards") or 0)
    return ClusterFacts(
        operator_namespace=current.world.namespace,
        version=current.version,
        kinds=current.world.optional_kinds,
        secret_checksums=current.secrets.checksums(),
        images=owned.images,
        revisions=owned.revisions,
        streams=max(streams, current.resource.spec.workers.streams),
        redis=redis_facts(current.at),
        kept=current.waiting.templates if current.waiting else {},
        **found,
    )


async def _wait_for_window(current: ClusterPass, *, clickhouse: ClickHouseFacts, keeper: KeeperFacts) -> None:
    """Compare what runs with what is to run in the end; while that has to wait, the pass follows what runs."""
    current.waiting = maintenance.NOTHING
    if not current.resource.spec.maintenance.windows:
        return
    end = _facts(current, schema_ready=True, stage=Stage.DASHBOARD, clickhouse=clickhouse, keeper=keeper)
    final = desired_cluster(current.resource, facts=end)
    current.waiting = await maintenance.settle(current, final, owned=current.owned)
    if current.waiting.has_to_wait:
        current.followed = as_running(current.resource, kept=current.waiting.templates.values())
        current.version = str(current.followed.spec.version)


def _is_whole(current: ClusterPass) -> bool:
    """Whether nothing is under way: every pod is of its newest template and serves."""
    done = current.migration is not None and current.migration.done and current.progress.done
    return done and all(workload.rollout.complete for workload in current.owned.workloads)


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

"""An AnalyticsProject, brought to what its spec says: the steps, in the order in which they need one another.

First in the stores, so that the credentials that are handed out always open something; then Secrets, then pods.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from openpanel.tenancy import AnalyticsProject
from openpanel.tenancy.fields import span
from openpanel.tenancy.pools import own_name
from openpanel.tenancy.spec import AnalyticsProjectSpec
from openpanel_operator.desired import ProjectFacts, addresses, desired_project
from openpanel_operator.desired.addresses import SHARED_POOL
from openpanel_operator.desired.credentials import SECRET_KEY
from openpanel_operator.desired.labels import Component
from openpanel_operator.kube import Key, Object, ref_of
from openpanel_operator.reconcile import (
    client_objects,
    client_secrets,
    clusters,
    conditions,
    credentials,
    retention,
)
from openpanel_operator.reconcile.annotations import RECONCILE_AT, ROTATE
from openpanel_operator.reconcile.claims import host_claim, ref_of_key
from openpanel_operator.reconcile.client_secrets import Issue
from openpanel_operator.reconcile.clusters import NoCluster, Serving
from openpanel_operator.reconcile.passing import Pass, Step
from openpanel_operator.reconcile.project_figures import figures
from openpanel_operator.reconcile.project_pods import report_own, report_shared
from openpanel_operator.reconcile.scaling_figures import scaling_condition
from openpanel_operator.reconcile.workloads import Owned, owned_of
from openpanel_operator.reconcile.world import VERIFY_S, Ensured
from openpanel_operator.resources.project import manifest
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.resources.resource import FINALIZER
from openpanel_operator.stores import Credential, PoolAsk, StoreError, Wanted

LOOK_AGAIN_S: Final = 5.0
USUAL_OVERLAP: Final = timedelta(hours=24)  # of the secret before, for clients without a rotation
PROJECTS_FRESH_FOR: Final = timedelta(seconds=30)


@dataclass(slots=True)
class ProjectPass(Pass[AnalyticsProjectSpec]):
    """What the steps of an AnalyticsProject share."""

    serving: Serving | None = None
    manifest: AnalyticsProject | None = None
    issues: dict[str, Issue] = field(default_factory=dict)
    client_ids: dict[str, str] = field(default_factory=dict)
    objects: list[Object] = field(default_factory=list)
    streams: int = 0

    @property
    def owned(self) -> Owned:
        """What there is of the project now."""
        return owned_of(self.world.index.owned(self.key))

    @property
    def dedicated(self) -> bool:
        """Whether the project has pods and streams of its own."""
        return bool(self.resource.spec.ingest.mode == "Dedicated")

    @property
    def pool(self) -> dict[str, Any]:
        """The streams that take the project's events, as its status reports them."""
        name = own_name(self.key.name) if self.dedicated else SHARED_POOL
        return {"name": name, "shards": self.streams}

    @property
    def at(self) -> Serving:
        """The cluster, in the steps after it was found."""
        assert self.serving is not None
        return self.serving


async def find_cluster(current: ProjectPass) -> None:
    """Find the PanelCluster, and see whether it can be used."""
    try:
        current.serving = await clusters.serving(current.key, world=current.world)
    except NoCluster as error:
        raise current.halt(ConditionType.CLUSTER_READY, error.reason, str(error)) from error
    key = current.serving.key
    current.status["cluster"] = {"name": key.name, "namespace": key.namespace}
    missing = current.serving.missing
    if missing is not None:
        raise current.halt(ConditionType.CLUSTER_READY, Reason.CLUSTER_NOT_READY, missing)
    current.well(ConditionType.CLUSTER_READY)


async def settle_claims(current: ProjectPass) -> None:
    """Give way to an elder project with the same name or host."""
    claims, spec = current.world.claims, current.resource.spec
    namesake = claims.namesake(current.key, cluster=current.at.key)
    if namesake is not None:
        message = f"project {namesake.namespace}/{namesake.name} has this name since before"
        raise current.halt(ConditionType.SPEC_VALID, Reason.NAME_CONFLICT, message)
    holder = claims.holder(host_claim(spec.ingest.host)) if spec.ingest.host else None
    if holder is not None and holder != current.key:
        message = f"host {spec.ingest.host} is of {holder}"
        raise current.halt(ConditionType.SPEC_VALID, Reason.HOST_CONFLICT, message)
    current.well(ConditionType.SPEC_VALID)


async def hold(current: ProjectPass) -> None:
    """Set the finalizer before anything is made outside Kubernetes that would have to be cleared."""
    meta = current.body["metadata"]
    finalizers = list(meta.get("finalizers") or ())
    if FINALIZER in finalizers:
        return
    changes = {
        "metadata": {
            "finalizers": [*finalizers, FINALIZER],
            "resourceVersion": meta["resourceVersion"],  # the list is replaced as a whole
        }
    }
    current.body = await current.world.kube.patch(ref_of_key(current.key), changes)
    current.world.index.put(current.body, kind=ref_of_key(current.key).kind)


async def plan_credentials(current: ProjectPass) -> None:
    """Decide which secret each client has now."""
    world, project = current.world, current.resource
    reported = {each["name"]: each for each in current.before.get("clients") or ()}
    for client in project.spec.clients:
        name = client_objects.secret_name(project.name, client)
        secret = await client_objects.look(world, namespace=project.namespace, name=name, owner=current.key)
        current.issues[client.name] = client_secrets.issue(
            client,
            current=client_secrets.recorded(secret),
            exists=secret is not None,
            reported=int(reported.get(client.name, {}).get("serial") or 0),
            asked=project.annotations.get(ROTATE, ""),
            now=world.clock(),
        )
        due = client_secrets.seconds_until_due(client, current=current.issues[client.name], now=world.clock())
        if due is not None:
            current.look_again(max(due, 1.0))


async def provision(current: ProjectPass) -> None:
    """Make the project what it should be in the stores, unless that is known to be so."""
    world, project = current.world, current.resource
    asked = manifest(project)
    cut = retention.cuts(
        asked.spec.retention, applied=current.before.get("retention"), annotations=project.annotations
    )
    current.manifest = retention.held_back(asked, cut=cut)
    current.streams = _streams(current)
    wish, now = _wish(current), world.clock()
    if not await _is_known(current, wish):
        done = await world.stores.ensure(_wanted(current), current.at.at)
        world.known.ensured[current.key] = Ensured(
            wish, now + timedelta(seconds=VERIFY_S * (0.5 + world.chance()))
        )
        current.client_ids = dict(done.client_ids)
        current.notes += done.changes
        if done.changes:
            current.status["serial"] = int(current.before.get("serial") or 0) + 1
    current.well(ConditionType.PROVISIONED)
    current.status["retention"] = retention.applied(current.manifest)
    if not cut:
        current.well(ConditionType.RETENTION_APPLIED)
        return
    kinds = ", ".join(f"{kind} from {old or 'for ever'} to {new} days" for kind, (old, new) in cut.items())
    current.report(ConditionType.RETENTION_APPLIED, "False", Reason.RETENTION_NEEDS_CONSENT, kinds)


async def deliver_credentials(current: ProjectPass) -> None:
    """Write the clients' Secrets."""
    key = current.at.secrets.value(addresses.keys_secret(current.at.cluster), SECRET_KEY, store="ClickHouse")
    secrets = [
        client_objects.secret(
            client,
            project=current.resource,
            cluster=current.at.cluster,
            client_id=current.client_ids[client.name],
            issue=current.issues[client.name],
            key=key,
        )
        for client in current.resource.spec.clients
    ]
    for each in current.before.get("clients") or ():  # those of removed clients are not watched, perhaps
        await credentials.look(
            current.world.kube, current.world.index, namespace=current.key.namespace, name=each["secretName"]
        )
    current.changes += await current.world.applier.apply(secrets, owner=current.key)
    current.objects += secrets
    current.well(ConditionType.CREDENTIALS_READY)


async def apply_objects(current: ProjectPass) -> None:
    """Apply what differs of everything else, delete what is no longer wanted."""
    facts = await _facts(current)
    objects = desired_project(current.resource, cluster=current.at.cluster, facts=facts)
    current.changes += await current.world.applier.apply(objects, owner=current.key)
    current.objects += objects
    keep = {ref_of(each) for each in current.objects}
    current.changes += await current.world.applier.prune(owner=current.key, keep=keep)
    _report_exposure(current)


async def check_pods(current: ProjectPass) -> None:
    """Say how the project's own pods are; with a shared ingest, how the cluster's are."""
    for component, condition in (
        (Component.INGEST, ConditionType.INGEST_READY),
        (Component.WORKER, ConditionType.WORKERS_READY),
    ):
        if current.dedicated:
            await report_own(current, component, condition)
        else:
            report_shared(current, condition)


async def fill_status(current: ProjectPass) -> None:
    """Put the figures into the status."""
    known = conditions.found(current.before.get("conditions") or (), ConditionType.SCALING_ACTIVE.value)
    scaling = scaling_condition(
        current.resource.spec.workers,
        kinds=current.world.optional_kinds,
        scaled=current.world.scaled.get(current.key),
        known=known,
    )
    if current.dedicated and scaling is not None:
        current.conditions[scaling.type] = scaling
    elif not current.dedicated:
        current.well(ConditionType.SCALING_ACTIVE, Reason.SHARED)
    current.status |= figures(current)
    current.status["reconciledAt"] = current.resource.annotations.get(RECONCILE_AT)


STEPS: Final[tuple[Step[ProjectPass], ...]] = (
    Step("find cluster", ConditionType.CLUSTER_READY, find_cluster),
    Step("settle claims", ConditionType.SPEC_VALID, settle_claims),
    Step("set finalizer", ConditionType.PROVISIONED, hold),
    Step("plan credentials", ConditionType.CREDENTIALS_READY, plan_credentials),
    Step("provision", ConditionType.PROVISIONED, provision),
    Step("deliver credentials", ConditionType.CREDENTIALS_READY, deliver_credentials),
    Step("apply objects", ConditionType.EXPOSED, apply_objects),
    Step("check pods", ConditionType.INGEST_READY, check_pods),
)
ALWAYS: Final[tuple[Step[ProjectPass], ...]] = (Step("fill status", ConditionType.SPEC_VALID, fill_status),)


def _streams(current: ProjectPass) -> int:
    """Streams that take the project's events; never fewer than there were."""
    spec, pool = current.resource.spec, current.before.get("pool") or {}
    if current.dedicated:
        had = int(pool.get("shards") or 0) if pool.get("name") == own_name(current.key.name) else 0
        return max(int(spec.workers.streams), had)
    shared = (current.at.cluster.status.get("workers") or {}).get("shards")
    return max(current.at.cluster.spec.workers.streams, int(shared or 0))


def _wanted(current: ProjectPass) -> Wanted:
    assert current.manifest is not None
    key = current.at.secrets.value(addresses.keys_secret(current.at.cluster), SECRET_KEY, store="ClickHouse")
    given = {
        client.name: Credential(
            secret=client_secrets.derive(
                key,
                project_uid=current.resource.uid,
                client=client.name,
                serial=current.issues[client.name].serial,
            ),
            serial=current.issues[client.name].serial,
            overlap=span(client.rotation.overlap) if client.rotation else USUAL_OVERLAP,
        )
        for client in current.resource.spec.clients
    }
    return Wanted(
        manifest=current.manifest,
        pool=current.pool["name"],
        shards=current.streams,
        credentials=given,
    )


def _wish(current: ProjectPass) -> str:
    """A checksum of all that is asked of the stores."""
    assert current.manifest is not None
    serials = {name: issue.serial for name, issue in current.issues.items()}
    parts = (
        current.manifest.model_dump_json(by_alias=True),
        current.dedicated,
        current.streams,
        sorted(serials.items()),
        current.resource.annotations.get(RECONCILE_AT, ""),
        hash(current.at.at),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


async def _is_known(current: ProjectPass, wish: str) -> bool:
    """Whether the stores are known to have all of it: because it was asked for here, or the status says so."""
    world, before = current.world, current.before
    reported = {each["name"]: each for each in before.get("clients") or ()}
    current.client_ids = {name: each["clientId"] for name, each in reported.items() if each.get("clientId")}
    names = {client.name for client in current.resource.spec.clients}
    if not names <= set(current.client_ids) or names != set(reported):
        return False
    if current.key.name not in await _projects(current):
        return False  # the stores were lost, or put back to an earlier day
    remembered = world.known.ensured.get(current.key)
    if remembered is not None:
        return remembered.wish == wish and world.clock() < remembered.until
    if not _is_reported(current, reported):
        return False
    # After a restart the status is believed, and looked after within the hour.
    world.known.ensured[current.key] = Ensured(
        wish, world.clock() + timedelta(seconds=VERIFY_S * world.chance())
    )
    return True


def _is_reported(current: ProjectPass, reported: Mapping[str, Mapping[str, Any]]) -> bool:
    before = current.before
    provisioned = conditions.found(before.get("conditions") or (), ConditionType.PROVISIONED.value) or {}
    assert current.manifest is not None
    return (
        provisioned.get("status") == "True"
        and provisioned.get("observedGeneration") == current.resource.generation
        and before.get("reconciledAt") == current.resource.annotations.get(RECONCILE_AT)
        and before.get("pool") == current.pool
        and before.get("retention", {}) == retention.applied(current.manifest)
        and all(
            reported[name].get("serial") == issue.serial and not issue.why
            for name, issue in current.issues.items()
        )
    )


async def _projects(current: ProjectPass) -> frozenset[str]:
    """The projects that the stores know, asked for once for all."""
    world, key = current.world, current.at.key
    known, now = world.known.projects.get(key), world.clock()
    mine = current.key.name
    if known is not None and now - known[0] < PROJECTS_FRESH_FOR:
        if mine in known[1]:
            return known[1]
        if current.key in world.known.ensured:  # made since
            return known[1] | {mine}
    there = await world.stores.projects(current.at.at)
    world.known.projects[key] = (now, there)
    return there


async def _facts(current: ProjectPass) -> ProjectFacts:
    owned, serving = current.owned, current.at
    own = serving.version(current.world.version)
    return ProjectFacts(
        version=own,
        kinds=current.world.optional_kinds,
        secret_checksums=serving.secrets.checksums(),
        stage=serving.stage,
        images=owned.images,
        revisions=owned.revisions,
        streams=current.streams if current.dedicated else 0,
        pool_drained=await _is_drained(current),
    )


async def _is_drained(current: ProjectPass) -> bool:
    """Whether nothing waits in streams that the project once had for itself."""
    workers = current.owned.of(Component.WORKER.value)
    if current.dedicated or not workers:
        return True
    figures_before = current.before.get("workers") or {}
    streams = int(figures_before.get("shards") or current.resource.spec.workers.streams)
    ask = PoolAsk(own_name(current.key.name), streams)
    try:
        (seen,) = await current.world.stores.pools([ask], current.at.at)
    except StoreError:
        return False
    if seen.waiting:
        current.look_again(LOOK_AGAIN_S)
    return not seen.waiting


def _report_exposure(current: ProjectPass) -> None:
    exposure = current.at.cluster.spec.exposure
    if not current.resource.spec.ingest.host or exposure.type == "None":
        current.well(ConditionType.EXPOSED, Reason.NOT_WANTED)
    elif exposure.type == "Gateway" and "HTTPRoute" not in current.world.optional_kinds:
        current.report(
            ConditionType.EXPOSED,
            "False",
            Reason.GATEWAY_NOT_INSTALLED,
            "the API server does not know HTTPRoute",
        )
    else:
        current.well(ConditionType.EXPOSED)


def cluster_key(status: Mapping[str, Any]) -> Key | None:
    """The cluster that a status names."""
    named = status.get("cluster")
    return Key("PanelCluster", named["namespace"], named["name"]) if named else None

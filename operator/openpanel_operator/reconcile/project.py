"""An AnalyticsProject, brought to what its spec says: the steps, in the order in which they need one another.

First in the stores, so that the credentials that are handed out always open something; then Secrets, then pods.
"""

from dataclasses import replace
from typing import Final

from openpanel.tenancy import AnalyticsProject
from openpanel.tenancy.pools import own_name
from openpanel_operator.desired import ProjectFacts, addresses, desired_project
from openpanel_operator.desired.credentials import SECRET_KEY
from openpanel_operator.desired.labels import Component
from openpanel_operator.kube import Key, ref_of
from openpanel_operator.reconcile import (
    client_objects,
    client_secrets,
    clusters,
    credentials,
    provisioning,
    retention,
    warehouse_user,
)
from openpanel_operator.reconcile.annotations import RECONCILE_AT, ROTATE, as_followed
from openpanel_operator.reconcile.claims import host_claim, ref_of_key
from openpanel_operator.reconcile.cluster_facts import redis_facts
from openpanel_operator.reconcile.clusters import NoCluster
from openpanel_operator.reconcile.exposing import report_exposure
from openpanel_operator.reconcile.owners import OrganizationElsewhere, OwnedElsewhere
from openpanel_operator.reconcile.passing import Step
from openpanel_operator.reconcile.project_figures import figures
from openpanel_operator.reconcile.project_pass import ProjectPass
from openpanel_operator.reconcile.project_pods import report_draining, report_own, report_shared
from openpanel_operator.reconcile.quota import report_quota, settle_class
from openpanel_operator.reconcile.redis_first import held_ingest_of_project
from openpanel_operator.reconcile.retention import Cuts, Days, RetentionCut
from openpanel_operator.reconcile.scaling_figures import lacking_for_keda, scaling_of
from openpanel_operator.reconcile.snapshot_places import look_for_place
from openpanel_operator.resources.project import manifest
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.resources.resource import FINALIZER
from openpanel_operator.stores import PoolAsk, StoreError

LOOK_AGAIN_S: Final = 5.0
VISITS_AGAIN_S: Final = 60.0  # until it is looked again whether visits have ended
_ELSEWHERE: Final = {
    OwnedElsewhere: Reason.OWNED_ELSEWHERE,
    OrganizationElsewhere: Reason.ORGANIZATION_ELSEWHERE,
}
CONSENT_AGAIN_S: Final = 30.0  # until it is looked again whether a person has consented on the PanelCluster


async def find_cluster(current: ProjectPass) -> None:
    """Find the PanelCluster, and see whether it can be used."""
    try:
        clusters.must_stay(current.key, world=current.world)
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
    """Give way to a resource that has the name or the host since before."""
    claims, spec = current.world.claims, current.resource.spec
    elder = claims.forerunner(current.key, place=current.at.key.namespace)
    if elder is not None:
        message = (
            f"{elder} has this name since before, and objects of both would lie in {current.at.key.namespace}"
        )
        message += _while_it_goes(current, elder)
        raise current.halt(ConditionType.SPEC_VALID, Reason.NAME_CONFLICT, message)
    holder = claims.holder(host_claim(spec.ingest.host)) if spec.ingest.host else None
    if holder is not None and holder != current.key:
        message = f"host {spec.ingest.host} is of {holder}{_while_it_goes(current, holder)}"
        raise current.halt(ConditionType.SPEC_VALID, Reason.HOST_CONFLICT, message)
    settle_class(current)
    if current.dedicated and spec.isolation.network_policy and not _has_policies(current):
        message = f"networkPolicies.enabled is false in PanelCluster {current.at.key.namespace}/{current.at.key.name}"
        current.well(ConditionType.SPEC_VALID, Reason.NETWORK_POLICIES_OFF, message)
    else:
        current.well(ConditionType.SPEC_VALID)


async def hold(current: ProjectPass) -> None:
    """Set the finalizer before anything is made outside Kubernetes that would have to be cleared."""
    meta = current.body["metadata"]
    finalizers = list(meta.get("finalizers") or ())
    if FINALIZER not in finalizers:
        changes = {
            "metadata": {
                "finalizers": [*finalizers, FINALIZER],
                "resourceVersion": meta["resourceVersion"],  # the list is replaced as a whole
            }
        }
        current.body = await current.world.kube.patch(ref_of_key(current.key), changes)
        current.world.index.put(current.body, kind=ref_of_key(current.key).kind)
    cluster = current.world.index.get(ref_of_key(current.at.key)) or {"metadata": {}}
    is_held = FINALIZER in (cluster["metadata"].get("finalizers") or ())
    if current.resource.spec.deletion_policy != "Retain" and not is_held:
        current.world.enqueue(current.at.key)  # it is to outlast the project, whose end needs its stores


async def plan_credentials(current: ProjectPass) -> None:
    """Decide which secret each client has now."""
    world, project = current.world, current.resource
    reported = {each["name"]: each for each in current.before.get("clients") or ()}
    for client in project.spec.clients:
        name = client_objects.secret_name(project.name, client)
        secret = await client_objects.look(world, namespace=project.namespace, name=name, owner=current.key)
        current.issues[client.name] = client_secrets.issue(
            client.rotation,
            current=client_secrets.recorded(secret),
            exists=secret is not None,
            reported=int(reported.get(client.name, {}).get("serial") or 0),
            asked=project.annotations.get(ROTATE, ""),
            now=world.clock(),
        )
        due = client_secrets.seconds_until_due(client, current=current.issues[client.name], now=world.clock())
        if due is not None:
            current.look_again(max(due, 1.0))
    await warehouse_user.plan(current)


async def provision(current: ProjectPass) -> None:
    """Make the project what it should be in the stores, unless that is known to be so."""
    asked = manifest(current.resource)
    cut = _hold_back(current, asked, applied=current.before.get("retention"))
    current.streams = provisioning.streams(current)
    try:
        try:
            await provisioning.bring(current)
        except RetentionCut as refusal:  # the stores have data of a project of this name from before
            cut = _hold_back(current, asked, applied=refusal.stored)
            await provisioning.bring(current)
    except (OwnedElsewhere, OrganizationElsewhere) as refusal:
        current.look_again(CONSENT_AGAIN_S)
        message = refusal.explained(cluster=f"{current.at.key.namespace}/{current.at.key.name}")
        raise current.halt(ConditionType.PROVISIONED, _ELSEWHERE[type(refusal)], message) from refusal
    current.well(ConditionType.PROVISIONED)
    assert current.manifest is not None
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
    secrets += warehouse_user.secrets(current)
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
    held = held_ingest_of_project(current.owned, serving=current.at, facts=facts, world=current.world)
    if held:
        current.look_again(LOOK_AGAIN_S)
    facts = replace(facts, held=held)
    objects = desired_project(current.resource, cluster=current.at.cluster, facts=facts)
    current.changes += await current.world.applier.apply(objects, owner=current.key)
    current.objects += objects
    keep = {ref_of(each) for each in current.objects}
    current.changes += await current.world.applier.prune(owner=current.key, keep=keep)
    report_quota(current)
    ingest = current.resource.spec.ingest
    report_exposure(
        current,
        current.at.cluster.spec.exposure,
        wanted=bool(ingest.host),
        certificate="ingest.tlsSecretName" if ingest.tls_secret_name else "",
        own=True,
    )


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
    if not current.dedicated:
        report_draining(current)


async def fill_status(current: ProjectPass) -> None:
    """Put the figures into the status."""
    serving = current.serving
    lacking = lacking_for_keda(serving.cluster, secrets=serving.secrets) if serving else ""
    scaling = scaling_of(current, current.resource.spec.workers, lacking=lacking)
    if current.dedicated and scaling is not None:
        current.conditions[scaling.type] = scaling
    elif not current.dedicated:
        current.well(ConditionType.SCALING_ACTIVE, Reason.SHARED)
    current.status |= figures(current)
    current.status["reconciledAt"] = as_followed(current.resource.annotations, RECONCILE_AT)


STEPS: Final[tuple[Step[ProjectPass], ...]] = (
    Step("find cluster", ConditionType.CLUSTER_READY, find_cluster),
    Step("settle claims", ConditionType.SPEC_VALID, settle_claims),
    Step("look for a place", ConditionType.SNAPSHOT_READY, look_for_place),
    Step("set finalizer", ConditionType.PROVISIONED, hold),
    Step("plan credentials", ConditionType.CREDENTIALS_READY, plan_credentials),
    Step("provision", ConditionType.PROVISIONED, provision),
    Step("deliver credentials", ConditionType.CREDENTIALS_READY, deliver_credentials),
    Step("apply objects", ConditionType.EXPOSED, apply_objects),
    Step("check pods", ConditionType.INGEST_READY, check_pods),
)
ALWAYS: Final[tuple[Step[ProjectPass], ...]] = (Step("fill status", ConditionType.SPEC_VALID, fill_status),)


def _has_policies(current: ProjectPass) -> bool:
    return bool(current.at.cluster.spec.network_policies.enabled)


def _while_it_goes(current: ProjectPass, other: Key) -> str:
    """What is added about another that is being deleted: its data and objects are still there."""
    if not current.world.claims.is_going(other):
        return ""
    return "; it is being deleted, and this goes on by itself when it is gone: its SpecValid says what it waits for"


def _hold_back(current: ProjectPass, asked: AnalyticsProject, *, applied: Days | None) -> Cuts:
    """Take what is asked for as far as nobody has to consent to it; the kinds that are held back."""
    cut = retention.cuts(asked.spec.retention, applied=applied, annotations=current.resource.annotations)
    current.manifest = retention.held_back(asked, cut=cut)
    return cut


async def _facts(current: ProjectPass) -> ProjectFacts:
    owned, serving = current.owned, current.at
    own = serving.version(current.world.version)
    current.undone = await _undone(current)
    return ProjectFacts(
        version=own,
        kinds=current.world.optional_kinds,
        secret_checksums=serving.secrets.checksums(),
        stage=serving.stage,
        images=owned.images,
        revisions=owned.revisions,
        streams=provisioning.own_streams(current),
        redis=redis_facts(serving.at),
        class_is_shared=current.class_shared_with is not None,
        pool_drained=not current.undone,
    )


async def _undone(current: ProjectPass) -> str:
    """What streams that the project once had for itself need workers for, in words; "": for nothing.

    Only they end the visits that are under way there. It is looked at in every pass, also when the workers are gone:
    an ingest pod that was slow to hear of the change, or had a spool, may bring something later. They come again then.
    """
    workers = current.owned.of(Component.WORKER.value)
    if current.dedicated or not (workers or current.before.get("workers")):
        return ""
    ask = PoolAsk(own_name(current.key.name), provisioning.own_streams(current), visits=True)
    try:
        (seen,) = await current.world.stores.pools([ask], current.at.at)
    except StoreError:
        current.look_again(LOOK_AGAIN_S)
        return "stays until Redis says that the project's own streams are empty" if workers else ""
    if seen.waiting:
        current.look_again(LOOK_AGAIN_S)
        return "goes when the project's own streams are empty"
    if seen.visits:
        current.look_again(VISITS_AGAIN_S)
        return "stays: visits under way in the project's own streams end within 30 minutes"
    return ""

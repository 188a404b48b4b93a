"""The place where a project's data is copied before it is deleted: read from the cluster's spec and its Secret, and tried.

Who tries is the cluster's pass, every few minutes and at once when address or Secret are others; its condition tells
its projects. What is tried leaves a small file there.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from openpanel.tenancy.snapshot_errors import SnapshotError
from openpanel.tenancy.snapshot_places import S3
from openpanel_operator.reconcile import conditions, credentials
from openpanel_operator.reconcile.cluster_checks import WATCH_STORES_S
from openpanel_operator.reconcile.cluster_pass import ClusterPass
from openpanel_operator.reconcile.conditions import Condition
from openpanel_operator.reconcile.project_pass import ProjectPass
from openpanel_operator.reconcile.world import Tried, World
from openpanel_operator.resources.cluster import Cluster
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.stores import PlaceFault, SnapshotUnderWay, StoreError

TRIED_FOR: Final = timedelta(minutes=10)  # how long what went well is taken to be so
FAILED_FOR: Final = timedelta(minutes=1)  # the same of what did not
STILL_S: Final = 15.0  # until it is asked again what a trial comes to that takes long
READY: Final = ConditionType.SNAPSHOT_READY

KEY: Final = "accessKeyId"
SECRET: Final = "secretAccessKey"  # noqa: S105 - the key, not the value


class NoPlace(Exception):
    """There is none that could be used."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


async def place_of(cluster: Cluster, *, world: World) -> S3:
    """The place of this cluster; raises `NoPlace` with the cure."""
    wanted = cluster.spec.snapshots
    if wanted is None:
        message = f"PanelCluster {cluster.namespace}/{cluster.name} has no spec.snapshots"
        raise NoPlace(Reason.NO_SNAPSHOT_PLACE, message)
    key, secret = await _login(cluster, wanted.secret_name, world) if wanted.secret_name else ("", "")
    try:
        return S3(wanted.url, key=key, secret=secret)
    except SnapshotError as error:
        raise NoPlace(Reason.NO_SNAPSHOT_PLACE, str(error)) from error


async def try_place(current: ClusterPass) -> None:
    """Say whether a copy would arrive, as long as nothing depends on it."""
    if current.resource.spec.snapshots is None:
        _withdraw(current)
        return
    try:
        place = await place_of(current.resource, world=current.world)
    except NoPlace as error:
        current.report(READY, "False", error.reason, str(error))
        return
    tried = await _tried(current, place)
    if tried is not None:
        _report(current, tried.fault)


async def look_for_place(current: ProjectPass) -> None:
    """Say whether the project could be copied before it is deleted, as long as that can be mended."""
    if current.resource.spec.deletion_policy != "Snapshot":
        _withdraw(current)
        return
    cluster = current.at.cluster
    try:
        await place_of(cluster, world=current.world)
    except NoPlace as error:
        current.report(READY, "False", error.reason, str(error))
        return
    told = conditions.found(cluster.status.get("conditions") or (), READY.value)
    if told is None:
        current.report(READY, "Unknown", Reason.RECONCILING, f"{current.at.key} has not tried the place yet")
    elif told["status"] == "True":
        current.well(READY)
    else:
        message = f"{current.at.key}: {told.get('message', '')}"
        current.conditions[READY.value] = Condition(READY.value, told["status"], told["reason"], message)


def _withdraw(current: ClusterPass | ProjectPass) -> None:
    """Nobody asks for a place; that is said only if something else was said before."""
    if conditions.found(current.before.get("conditions") or (), READY.value) is not None:
        current.well(READY, Reason.NOT_WANTED)


async def _tried(current: ClusterPass, place: S3) -> Tried | None:
    """The last trial of the place, or a new one if it is time for it; None: there is no answer yet."""
    world, key, now = current.world, current.key, current.world.clock()
    before = world.known.places.get(key)
    same = before is not None and before.place == place
    if before is not None and same and now < before.until:
        return before
    assert current.at is not None
    try:
        fault = await world.stores.try_place(place, current.at)
    except SnapshotUnderWay:
        current.look_again(STILL_S)
        if conditions.found(current.before.get("conditions") or (), READY.value) is None:
            current.report(READY, "Unknown", Reason.RECONCILING, "the place is being tried")
        return None
    except StoreError:
        return None  # ClickHouse has a condition of its own, and this one stays what it was
    if before is not None and same and before.fault and fault and before.fault.reason == fault.reason:
        fault = before.fault  # the same in other words, with a number of the request perhaps, is no news
    tried = Tried(place, fault, now + (FAILED_FOR if fault else TRIED_FOR))
    world.known.places[key] = tried
    return tried


def _report(current: ClusterPass, fault: PlaceFault | None) -> None:
    if fault is None:
        current.well(READY)
        return
    current.look_again(WATCH_STORES_S)
    reason = _REASONS.get(fault.reason, Reason.PLACE_UNUSABLE)
    named = current.resource.spec.snapshots.secret_name if current.resource.spec.snapshots else None
    secret = f"Secret {current.resource.namespace}/{named}: " if named else ""
    about = secret if reason is Reason.AUTHENTICATION_FAILED else ""
    current.report(READY, "False", reason, f"{about}{fault.message}")


# What a trial may say that is said of other stores, too.
_REASONS: Final[Mapping[str, Reason]] = {
    "Unreachable": Reason.UNREACHABLE,
    "WrongCredentials": Reason.AUTHENTICATION_FAILED,
}


async def _login(cluster: Cluster, name: str, world: World) -> tuple[str, str]:
    body = await credentials.look(world.kube, world.index, namespace=cluster.namespace, name=name)
    if body is None:
        message = f"Secret {cluster.namespace}/{name}, which spec.snapshots names, is not there"
        raise NoPlace(Reason.SECRET_MISSING, message)
    values = credentials.decoded(body)
    lacking = " and ".join(f"no key {key}" for key in (KEY, SECRET) if not values.get(key))
    if lacking:
        raise NoPlace(Reason.SECRET_KEY_MISSING, f"Secret {cluster.namespace}/{name} has {lacking}")
    return values[KEY], values[SECRET]

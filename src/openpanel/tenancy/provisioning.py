"""Brings one project to what its manifest says: a short list of steps, each of which may be repeated.

Called by whatever makes projects real, on one machine or in a cluster. A second call changes nothing; a call after
a crash goes on where the first one stopped. One process at a time works on a project.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import uuid4

from openpanel.identity.credentials import hash_secret
from openpanel.metadata import (
    SHARED_POOL,
    Database,
    NewClient,
    clients,
    event_meta,
    lock,
    organizations,
    projects,
)
from openpanel.tenancy import stored
from openpanel.tenancy import wanted as records
from openpanel.tenancy.announcing import Announce, tell
from openpanel.tenancy.fields import span
from openpanel.tenancy.manifest import AnalyticsProject
from openpanel.tenancy.report import Change, Issued, Report
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Form, Single

Deliver = Callable[[str, Issued], None]


def _keep_nothing(_client: str, _issued: Issued) -> None:
    """Credentials are in the report only."""


@dataclass(frozen=True, slots=True)
class World:
    """What the steps work on and with."""

    database: Database
    warehouse: Warehouse
    announce: Announce
    clock: Callable[[], datetime]
    fresh_secret: Callable[[], str]
    fresh_id: Callable[[], str] = lambda: str(uuid4())
    deliver: Deliver = _keep_nothing  # puts a secret where its owner finds it
    pool: str = SHARED_POOL  # whose streams take the project's events
    pool_shards: int = 1
    form: Form = field(default_factory=Single)  # of the warehouse's tables


Step = Callable[[AnalyticsProject, World], Iterator[Change]]


def ensure(
    wanted: AnalyticsProject,
    *,
    database: Database,
    warehouse: Warehouse,
    announce: Announce,
    clock: Callable[[], datetime],
    fresh_secret: Callable[[], str],
    deliver: Deliver = _keep_nothing,
    pool: str = SHARED_POOL,
    pool_shards: int = 1,
    form: Form | None = None,
) -> Report:
    """Make the project what the manifest says. New secrets go to `deliver` and are in the report, and nowhere else.

    `deliver` is called before the client is made: a crash in between leaves a secret that opens nothing, and the
    next call delivers another, rather than a client whose secret nobody knows. `pool` and its shards are what
    `pools.pool_of` says where projects with ingest of their own have workers of their own, too. `form` is that of
    the warehouse's tables, one server's if left out.
    """
    world = World(
        database,
        warehouse,
        announce,
        clock,
        fresh_secret,
        deliver=deliver,
        pool=pool,
        pool_shards=pool_shards,
        form=form or Single(),
    )
    return run(wanted, world=world, steps=STEPS)


def run(wanted: AnalyticsProject, *, world: World, steps: tuple[Step, ...]) -> Report:
    """Take these steps under the project's lock."""
    with lock(world.database, lock_name(wanted.name)):
        return Report.of(wanted.name, [change for step in steps for change in step(wanted, world)])


def lock_name(project: str) -> str:
    """The lock that whoever changes the project holds."""
    return f"openpanel.project.{project}"


def ensure_organization(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    name = wanted.organization
    if organizations.ensure(world.database, organization=name, name=name):
        yield Change("organization", name, "created")


def ensure_project(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    record = records.project(wanted, pool=world.pool, pool_shards=world.pool_shards)
    changed = projects.put(world.database, wanted=record)
    if changed == ("id",):
        yield Change("project", wanted.name, "created")
    elif changed:
        yield Change("project", wanted.name, f"changed {', '.join(changed)}")


def ensure_filters(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    if projects.put_filters(world.database, project=wanted.name, filters=records.filters(wanted)):
        yield Change("filters", wanted.name, "replaced")


def ensure_event_meta(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    changed = event_meta.put_managed(world.database, project=wanted.name, events=records.event_meta(wanted))
    for name in changed:
        yield Change("events", name, "changed")


def ensure_clients(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    present = {client.name: client.id for client in clients.listed(world.database, project=wanted.name)}
    for client in wanted.spec.clients:
        if client.name not in present:
            yield Change("client", client.name, "created", _create(wanted, client.name, world))
            continue
        changed = clients.put_managed(
            world.database,
            client_id=present[client.name],
            organization=wanted.organization,
            client_type=client.type,
            ignore_cors_and_secret=client.ignore_cors_and_secret,
        )
        if changed:
            yield Change("client", client.name, f"changed {', '.join(changed)}")


def rotate_clients(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    present = {client.name: client.id for client in clients.listed(world.database, project=wanted.name)}
    for client in wanted.spec.clients:
        if client.rotation is None:
            continue
        now = world.clock()
        made = clients.last_rotation(world.database, client_id=present[client.name])
        if made is not None and made + span(client.rotation.interval) <= now:
            issued = Issued(present[client.name], world.fresh_secret())
            world.deliver(
                client.name, issued
            )  # before it counts: one that nobody was given is replaced by the next
            _count(issued, until=now + span(client.rotation.overlap), world=world)
            yield Change("client", client.name, "secret rotated", issued)


def revoke_clients(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    names = {client.name for client in wanted.spec.clients}
    for client in clients.listed(world.database, project=wanted.name):
        gone = client.managed and client.name not in names
        if gone and clients.revoke(world.database, client_id=client.id, at=world.clock()):
            yield Change("client", client.name, "revoked")


def tell_caches(_wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    tell(world.database, announce=world.announce)
    yield from ()  # telling is no change


def ensure_retention(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    days = records.retention(wanted)
    for table in stored.retain(world.warehouse, project=wanted.name, days=days, form=world.form):
        yield Change("retention", wanted.name, f"changed of {table}")


# The warehouse comes last: while it is away everything else is already as wanted, and revoked clients have stopped.
STEPS: Final[tuple[Step, ...]] = (
    ensure_organization,
    ensure_project,
    ensure_filters,
    ensure_event_meta,
    ensure_clients,
    rotate_clients,
    revoke_clients,
    tell_caches,
    ensure_retention,
)


def _count(issued: Issued, *, until: datetime, world: World) -> None:
    """Have the secret open its client from now on, and the ones so far until `until`."""
    clients.rotate(
        world.database,
        client_id=issued.client_id,
        secret_hash=hash_secret(issued.secret),
        at=world.clock(),
        until=until,
    )


def _create(wanted: AnalyticsProject, name: str, world: World) -> Issued:
    client = next(each for each in wanted.spec.clients if each.name == name)
    issued = Issued(world.fresh_id(), world.fresh_secret())
    world.deliver(name, issued)
    new = NewClient(
        id=issued.client_id,
        name=name,
        project=wanted.name,
        organization=wanted.organization,
        type=client.type,
        secret_hash=hash_secret(issued.secret),
        ignore_cors_and_secret=client.ignore_cors_and_secret,
        managed=True,
    )
    clients.create(world.database, client=new, at=world.clock())
    return issued

"""The steps that make a project real where its secrets are given: those of `openpanel.tenancy`, but for clients, whose
secrets are derived instead of drawn, for retention, which every server of a cluster is told and nobody cuts without
consent, and for the project's own ClickHouse user, without which it serves all the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Final
from uuid import uuid4

from openpanel.identity.credentials import hash_secret, verify_secret
from openpanel.metadata import ClientRecord, NewClient, clients, projects
from openpanel.tenancy import AnalyticsProject, Change, provisioning, warehouse_access
from openpanel.tenancy.provisioning import Step, World
from openpanel.tenancy.spec import Client
from openpanel.warehouse import Refused, Warehouse
from openpanel_operator.reconcile import retention
from openpanel_operator.stores import Credential

REMEMBERED: Final = 20_000  # clients whose secret was checked: a check costs milliseconds on purpose


class Verified:
    """Which secrets were found good against which hashes; bounded."""

    def __init__(self) -> None:
        self._good: OrderedDict[str, tuple[bytes, tuple[str, ...]]] = OrderedDict()

    def check(self, client: ClientRecord, credential: Credential) -> bool:
        """Whether the client's secret opens."""
        seen = (blake2b(credential.secret.encode(), digest_size=16).digest(), client.secret_hashes)
        if self._good.get(client.id) == seen:
            return True
        if not verify_secret(credential.secret, hashes=client.secret_hashes):
            return False
        self._good[client.id] = seen
        self._good.move_to_end(client.id)
        if len(self._good) > REMEMBERED:
            self._good.popitem(last=False)
        return True


def ensuring(
    credentials: Mapping[str, Credential],
    *,
    verified: Verified,
    servers: Sequence[Warehouse],
    fresh_id: Callable[[], str] = lambda: str(uuid4()),
) -> tuple[Step, ...]:
    """The steps, with these credentials."""

    def ensure_clients(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
        present = {client.name: client for client in clients.listed(world.database, project=wanted.name)}
        for client in wanted.spec.clients:
            credential, record = credentials[client.name], present.get(client.name)
            if record is None:
                _create(wanted, client, credential, fresh_id(), world)
                yield Change("client", client.name, "created")
            else:
                yield from _bring(wanted, client, record, world)
                if not verified.check(record, credential):
                    _replace(record, credential, world)
                    yield Change("client", client.name, f"secret {credential.serial} issued")

    def ensure_retention(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
        for server in servers:
            yield from provisioning.ensure_retention(wanted, replace(world, warehouse=server))

    own: dict[Step, tuple[Step, ...]] = {
        provisioning.ensure_clients: (ensure_clients,),
        provisioning.rotate_clients: (),  # a rotation is another secret that is given
        provisioning.ensure_retention: (ensure_retention,),
    }
    return (keep_what_is_stored, *(each for step in provisioning.STEPS for each in own.get(step, (step,))))


def keep_what_is_stored(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
    """Raise `RetentionCut`, before anything is changed, if the project's data were to be kept for less long.

    A project that was deleted, its data kept, counts: who makes one of its name again may not know of them.
    """
    record = projects.load(world.database, project=wanted.name)
    if record is not None:
        retention.must_not_cut(wanted, stored=record.retention_days)
    yield from ()  # a look is no change


def ensuring_user(secret: str, *, refuse: Callable[[str], None]) -> Step:
    """The step that makes the project's own ClickHouse user; what the server says against it goes to `refuse`."""

    def ensure_user(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
        try:
            yield from warehouse_access.ensure(
                world.warehouse, project=wanted.name, secret=secret, form=world.form
            )
        except Refused as refusal:
            refuse(refusal.message)

    return ensure_user


def _bring(wanted: AnalyticsProject, client: Client, record: ClientRecord, world: World) -> Iterator[Change]:
    changed = clients.put_managed(
        world.database,
        client_id=record.id,
        organization=wanted.organization,
        client_type=client.type,
        ignore_cors_and_secret=client.ignore_cors_and_secret,
    )
    if changed:
        yield Change("client", client.name, f"changed {', '.join(changed)}")


def _create(
    wanted: AnalyticsProject, client: Client, credential: Credential, fresh_id: str, world: World
) -> None:
    new = NewClient(
        id=fresh_id,
        name=client.name,
        project=wanted.name,
        organization=wanted.organization,
        type=client.type,
        secret_hash=hash_secret(credential.secret),
        ignore_cors_and_secret=client.ignore_cors_and_secret,
        managed=True,
    )
    clients.create(world.database, client=new, at=world.clock())


def _replace(record: ClientRecord, credential: Credential, world: World) -> None:
    now = world.clock()
    clients.rotate(
        world.database,
        client_id=record.id,
        secret_hash=hash_secret(credential.secret),
        at=now,
        until=now + credential.overlap,
    )

"""The stores of this installation, opened for a command: migrate them, apply manifests, remove projects, let people in.

Used by commands and by the start; needs running engines. Everything done here can be done twice.
"""

import contextlib
import os
import secrets
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import redis

from openpanel import metadata, tenancy
from openpanel.identity.credentials import new_secret
from openpanel.metadata import Database, ProjectRecord, UserRecord
from openpanel.stream import Pool
from openpanel.stream.sweep import forget
from openpanel.tenancy import AnalyticsProject, Announce, Issued, Report, removal
from openpanel.tenancy.announcing import tell
from openpanel.warehouse import Warehouse, migrations
from openpanel.warehouse import errors as warehouse_errors
from openpanel.warehouse.schema import Single
from openpanel_local import credentials
from openpanel_local.engines import clickhouse, postgres, valkey
from openpanel_local.exits import CommandError, ExitCode
from openpanel_local.installation import DATABASE, POOL, SHARDS, Installation
from openpanel_local.layout import Layout
from openpanel_local.typed import typed

CHANGES: Final = "op:changes"  # the channel on which services hear of changed clients and projects
OWNER: Final = "owner@localhost"  # who set this machine up; has no mailbox and needs none
_WAREHOUSE_LOCK: Final = "openpanel.warehouse.migrations"
_WAREHOUSE_WAIT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Stores:
    """The open stores."""

    layout: Layout
    database: Database
    warehouse: Warehouse
    redis: redis.Redis


@contextlib.contextmanager
def opened(layout: Layout, installation: Installation) -> Iterator[Stores]:
    """The stores until the end of the block; `CommandError` when they do not answer."""
    addresses = _addresses(layout, installation)
    try:
        with (
            Database(addresses.postgres, application="openpanel") as database,
            Warehouse(addresses.clickhouse, database=DATABASE) as warehouse,
            redis.Redis.from_url(addresses.redis) as connection,
        ):
            yield Stores(layout, database, warehouse, connection)
    except (metadata.Unavailable, warehouse_errors.Unavailable, redis.ConnectionError) as error:
        raise _silent(layout, error) from error
    except (metadata.MetadataError, warehouse_errors.WarehouseError, redis.RedisError) as error:
        raise CommandError(ExitCode.FAILED, f"a store refused: {error}") from error


def migrate(stores: Stores, *, postgres_url: str) -> None:
    """Bring the tables of both stores to this version."""
    metadata.migrate(postgres_url)
    # ClickHouse has no lock of its own for this.
    with metadata.lock(stores.database, _WAREHOUSE_LOCK, wait_s=_WAREHOUSE_WAIT_S):
        migrations.migrate(stores.warehouse, form=Single())


def apply(stores: Stores, projects: Sequence[AnalyticsProject]) -> list[Report]:
    """Make each project what its manifest says, and keep the credentials that this issues."""
    return [_applied(stores, project) for project in projects]


def known_project(stores: Stores, name: str) -> ProjectRecord:
    """The project of that name; an unknown one is refused with the names there are."""
    there = {record.id: record for record in projects(stores)}
    if name not in there:
        raise CommandError(ExitCode.UNKNOWN, credentials.no_such("project", name, there=there))
    return there[name]


def remove(stores: Stores, name: str) -> Report:
    """Take a project away, here and in the stores."""
    world = removal.World(
        stores.database,
        stores.warehouse,
        _announcer(stores),
        _now,
        forget=lambda project: forget(stores.redis, pool=Pool(POOL, SHARDS), project=project),
    )
    report = removal.remove(name, world=world)
    credentials.forget(stores.layout, name)
    stores.layout.demo_of(name).unlink(missing_ok=True)
    return report


def announce_changes(stores: Stores) -> None:
    """Tell the services what has changed in the metadata."""
    tell(stores.database, announce=_announcer(stores))


def projects(stores: Stores) -> tuple[ProjectRecord, ...]:
    """All projects."""
    return metadata.projects.listed(stores.database)


def sign_in_token(stores: Stores) -> str:
    """What signs the first user in once; it waits until it is used, and ends the one before it."""
    wanted = UserRecord(id=str(uuid.uuid4()), email=OWNER, first_name="Owner", owner=True)
    owner = next(iter(metadata.users.owners(stores.database)), None) or metadata.users.ensure(
        stores.database, wanted=wanted
    )
    token = secrets.token_urlsafe(32)
    metadata.sign_in_links.issue(stores.database, user=owner.id, token=token, at=_now(), expires_at=None)
    return token


class _Addresses(NamedTuple):
    postgres: str
    clickhouse: str
    redis: str


def _addresses(layout: Layout, installation: Installation) -> _Addresses:
    ports = installation.ports
    try:
        return _Addresses(
            postgres.url(layout.postgres, port=ports.postgres),
            clickhouse.url(layout.clickhouse, port=ports.clickhouse),
            valkey.url(layout.valkey, port=ports.valkey),
        )
    except FileNotFoundError as error:  # no password: the engine was never started
        raise _silent(layout, error) from error


def _silent(layout: Layout, error: Exception) -> CommandError:
    status = typed("status", data=layout.data)
    message = f"the stores of {layout.data} do not answer; is it running? `{status}` tells ({error})"
    return CommandError(ExitCode.NOT_RUNNING, message)


def _applied(stores: Stores, project: AnalyticsProject) -> Report:
    types = {client.name: client.type for client in project.spec.clients}

    def deliver(client: str, issued: Issued) -> None:
        secret = credentials.Secret(issued.client_id, types[client], issued.secret)
        credentials.put(stores.layout, project.name, client=client, secret=secret)

    report = tenancy.ensure(
        project,
        database=stores.database,
        warehouse=stores.warehouse,
        announce=_announcer(stores),
        clock=_now,
        fresh_secret=lambda: new_secret(os.urandom),
        deliver=deliver,
        pool=POOL,
    )
    there = metadata.clients.listed(stores.database, project=project.name)
    credentials.keep_only(
        stores.layout, project.name, there={record.name: (record.id, record.type) for record in there}
    )
    return report


def _announcer(stores: Stores) -> Announce:
    def announce(topic: str) -> None:
        stores.redis.publish(CHANGES, topic)

    return announce


def _now() -> datetime:
    return datetime.now(UTC)

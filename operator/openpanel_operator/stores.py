"""What the operator wants of the stores of a cluster, as a protocol; `real_stores` has the real ones.

All of it may be repeated. A store that cannot be reached raises `StoreAway`, what it refuses `StoreRefused`; neither
is ever taken for "there is nothing".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol

from openpanel.metadata import DeletionPolicy
from openpanel.tenancy import AnalyticsProject, snapshot_errors
from openpanel.tenancy.snapshot_places import S3
from openpanel_operator.desired import KeeperFacts, Node
from openpanel_operator.reconcile.owners import NO_CONSENT, Consent

Store = Literal["Redis", "PostgreSQL", "ClickHouse"]


class StoreError(Exception):
    """Base of what a call to a store raises."""

    def __init__(self, store: Store, message: str) -> None:
        super().__init__(f"{store}: {message}")
        self.store = store
        self.message = message


class StoreAway(StoreError):
    """The store does not answer now."""


class SnapshotFailed(StoreError):
    """The copy that a deletion waits for could not be made; nothing was deleted."""


class SnapshotUnderWay(StoreError):
    """The copy that a deletion waits for is being made, or its turn comes."""


class StillDraining(SnapshotUnderWay):
    """What was accepted of the project is not all written yet, and would be in no copy."""


class StoreRefused(StoreError):
    """The store answers and does not do it: credentials, rights, a schema of another version."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the stores of one cluster are, credentials included. Never logged."""

    redis: str = field(repr=False)
    postgres: str = field(repr=False)
    clickhouse: str = field(repr=False)
    database: str = "openpanel"
    nodes: Mapping[Node, str] = field(default_factory=dict, repr=False)
    """Each server's own address, where there are several; none: `clickhouse` is the only one."""
    keepers: tuple[tuple[str, int], ...] = ()
    clustered: str = ""
    """Name of the cluster in `remote_servers`; "": a single server."""
    keeps_users: bool = False
    """Whether ClickHouse keeps users that statements make; the embedded engine does not."""
    owner: str = ""
    """Whose stores they are: of each owner only the connections of its newest addresses are kept."""

    def __hash__(self) -> int:
        return hash((self.redis, self.postgres, self.clickhouse, self.database, self.keepers, self.clustered))


@dataclass(frozen=True, slots=True)
class Credential:
    """The secret that a client has now; the one before goes on for `overlap` after it was made."""

    secret: str = field(repr=False)
    serial: int
    overlap: timedelta


@dataclass(frozen=True, slots=True)
class Wanted:
    """A project as it should be in the stores."""

    manifest: AnalyticsProject
    pool: str
    shards: int
    credentials: Mapping[str, Credential]
    user_secret: str | None = field(default=None, repr=False)
    """Of the project's own ClickHouse user; None: it shall have none."""
    namespace: str = ""
    """Of the resource; "": nobody asks whose the project is."""
    consent: Consent = NO_CONSENT
    """What whoever runs the PanelCluster agreed to about it."""


@dataclass(frozen=True, slots=True)
class Ensured:
    """What came of it."""

    changes: tuple[str, ...]
    client_ids: Mapping[str, str]
    user_refused: str = ""
    """Why ClickHouse would not make the project's own user; "": it did, or there shall be none."""


@dataclass(frozen=True, slots=True)
class PoolAsk:
    """A pool that is asked after; `workers`: whether to look which of its workers are busy."""

    name: str
    shards: int
    orders: tuple[str, ...] = ()
    """RQ queues besides the streams, whose orders hold a worker."""
    workers: bool = False
    visits: bool = False
    """Whether to look for visits that are under way, too."""


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """A pool's queues at one moment."""

    waiting: int
    running: int
    oldest_age: float | None
    busy_hosts: frozenset[str] = frozenset()
    visits: bool = False
    """Whether visits are under way: only workers of this pool end them, which makes more wait in it."""


@dataclass(frozen=True, slots=True)
class PlaceFault:
    """Why nothing could be copied to a place; the message names no credentials."""

    reason: snapshot_errors.Reason
    message: str


class Stores(Protocol):
    """The stores of all clusters; connections are kept between calls."""

    async def faults(self, at: Addresses) -> Mapping[Store, str]:
        """What is wrong with which store; empty: all answer."""

    async def schema_is_current(self, at: Addresses) -> bool:
        """Whether metadata and warehouse have the tables of this version."""

    async def furnished(self, at: Addresses, *, like: frozenset[Node] = frozenset()) -> Mapping[Node, bool]:
        """Whether each server has the whole schema, or that of those in `like` while its migration has not come.

        One that does not answer is left out.
        """

    async def delays(self, at: Addresses) -> Mapping[Node, int]:
        """By how many seconds each server is behind its shard; one that does not answer or write is left out."""

    async def releasable(self, at: Addresses, nodes: Sequence[Node]) -> frozenset[Node]:
        """Those of `nodes` whose data are on other servers; one that cannot be asked is not."""

    async def keeper(self, at: Addresses) -> KeeperFacts | None:
        """What the ensemble says of itself; None: it could not be read."""

    async def projects(self, at: Addresses) -> frozenset[str]:
        """The projects that are known and not deleted."""

    async def ensure(self, wanted: Wanted, at: Addresses) -> Ensured:
        """Make the project what it should be; raises `OwnedElsewhere` if what there is of it is another's,
        and `OrganizationElsewhere` if its organization is."""

    async def stop(
        self, project: str, *, policy: DeletionPolicy, user: bool, namespace: str = "", at: Addresses
    ) -> None:
        """Stop the project's clients, mark it as deleted, and with `user` drop its own user: at once, and no more.

        It is noted as the `namespace`'s if nobody noted whose it is; what another one owns is left as it is.
        """

    async def remove(
        self,
        project: str,
        *,
        policy: DeletionPolicy,
        user: bool,
        place: S3 | None = None,
        namespace: str = "",
        at: Addresses,
    ) -> str:
        """What `stop` does; and with "Delete" erase what was collected.

        With "Snapshot" what has stopped is copied to `place` before: `SnapshotUnderWay` until it is, and
        `SnapshotFailed` if it is not. Only a call that finds the copy made erases: one that is still being made when
        the policy changes deletes nothing. What is returned is where the copy lies; "": there is none.
        """

    async def try_place(self, place: S3, at: Addresses) -> PlaceFault | None:
        """Why a copy to `place` would fail, by writing and reading there; None: it would not.

        `SnapshotUnderWay` until that is known.
        """

    async def pools(self, asks: Sequence[PoolAsk], at: Addresses) -> Sequence[PoolSeen]:
        """All these pools, read in one go."""

    async def close(self) -> None:
        """Close every connection."""

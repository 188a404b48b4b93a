"""What the repositories of this room answer: frozen values that outlive the transaction that read them.

Imported by every room that reads metadata. Knows no SQLAlchemy, no session and no table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

ClientType = Literal["write", "read", "root"]
FilterType = Literal["ip", "profile_id", "event"]
DeletionPolicy = Literal["Retain", "Delete", "Snapshot"]  # Snapshot: copied elsewhere, then deleted
Role = Literal["admin", "member"]
ProjectType = Literal["website", "app", "backend"]
CohortKind = Literal["dynamic", "static"]
ErasureState = Literal["asked", "running", "done", "failed"]
RetentionKind = Literal["events", "sessions", "aggregates", "replays", "bots", "deadLetters"]

RETENTION_KINDS: Final[tuple[RetentionKind, ...]] = get_args(RetentionKind)
SHARED_POOL: Final = "shared"
RATE_LIMIT: Final = 50_000.0  # messages per second and client; generous, a guard against accidents only
RATE_BURST: Final = 100_000  # messages


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of an event filter; several values are alternatives."""

    name: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """What a project does not want: an address or network, a profile id, or events of a name (`*`: any)."""

    type: FilterType
    value: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a project's events are told; the secret that signs the calls is known by its name only."""

    url: str
    events: tuple[str, ...]
    secret_name: str = ""


@dataclass(frozen=True, slots=True)
class EventMeta:
    """How the dashboard shows events of one name, and whether they count as conversions."""

    name: str
    conversion: bool = False
    icon: str = ""
    colour: str = ""


@dataclass(frozen=True, slots=True)
class OrganizationRecord:
    """The tenant that projects and memberships belong to."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """One tracked product with all that ingest, workers and pages must know of it."""

    id: str
    name: str
    organization: str
    timezone: str = "UTC"
    cors: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    allow_unsafe_revenue: bool = False
    truncate_ip: bool = False
    honour_dnt: bool = False
    honour_gpc: bool = False
    cookieless: bool = False  # True: a persistent device id sent by the page is ignored
    rate_limit: float = RATE_LIMIT
    rate_burst: int = RATE_BURST
    pool: str = SHARED_POOL  # whose streams take the events
    pool_shards: int = 1  # how many streams that pool has
    retention_days: Mapping[RetentionKind, int | None] = field(
        default_factory=dict
    )  # kind → days, None: kept
    trusted_senders: tuple[str, ...] = ()  # networks that may name the visitor's address
    quota_events: int | None = None  # events per calendar month, None: unlimited
    webhooks: tuple[Webhook, ...] = ()
    deletion_policy: DeletionPolicy = "Retain"  # what happens to collected data on removal
    deleted: bool = False
    timezone_since: datetime | None = None  # when it became this one; None: it was never another


@dataclass(frozen=True, slots=True)
class ForgottenPerson:
    """Whose events are not taken any more if they were received up to `until_ms`."""

    erasure: str
    persons: tuple[int, ...]
    until_ms: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the projects that have an id and had it. Neither: nobody knows such a project."""

    record: ProjectRecord | None
    erased_at: datetime | None = None  # when one of this id was erased last; the one there is now came later
    forgotten: tuple[ForgottenPerson, ...] = ()

    @property
    def erased(self) -> bool:
        """Whether the project's data are deleted, or are being so. A record that is missing is no word of that."""
        if self.record is None:
            return self.erased_at is not None
        return self.record.deleted and self.record.deletion_policy == "Delete"


@dataclass(frozen=True, slots=True)
class ProjectDetails:
    """A project with what matters to those who look after it, and to nobody who counts."""

    record: ProjectRecord
    managed: bool  # described by a manifest, which says what most of the record is
    domain: str
    cross_domain: bool
    types: tuple[ProjectType, ...]
    created_at: datetime
    delete_after: datetime | None  # when it will be removed, unless that is taken back


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """One set of API credentials. More than one hash means that a rotation's overlap is running."""

    id: str
    name: str
    project: ProjectRecord | None
    organization: str
    type: ClientType
    secret_hashes: tuple[str, ...] = ()
    ignore_cors_and_secret: bool = False
    revoked: bool = False
    secrets_valid_until: datetime | None = None  # when the first of the hashes stops being valid
    managed: bool = False  # comes from a manifest, which may take it away again


@dataclass(frozen=True, slots=True)
class NewClient:
    """What a client is made of; `managed` ones come from a manifest, which may take them away again."""

    id: str
    name: str
    project: str | None
    organization: str
    type: ClientType
    secret_hash: str
    ignore_cors_and_secret: bool = False
    managed: bool = False


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A person who signs in to the dashboard."""

    id: str
    email: str
    first_name: str = ""
    last_name: str = ""
    owner: bool = False  # set up this installation, and sees all of it


@dataclass(frozen=True, slots=True)
class MembershipRecord:
    """What a person may do in an organization."""

    user: str
    organization: str
    role: Role


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A browser that is signed in to the dashboard."""

    user: UserRecord
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DashboardRecord:
    """A board of reports; `version` grows with each change of it and of where its reports stand."""

    id: str
    project: str
    name: str
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """A saved question. What `question` and `place` hold is the business of who asks and shows them."""

    id: str
    project: str
    dashboard: str
    name: str
    question: Mapping[str, Any]
    place: Mapping[str, int] | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class CohortRecord:
    """A group of persons by definition; of a static one the members of `generation` are kept."""

    id: str
    project: str
    name: str
    description: str
    kind: CohortKind
    definition: Mapping[str, Any]
    generation: int | None
    members: int | None
    counted_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ReferenceRecord:
    """Something that happened beside the data, such as a release, and is shown on charts."""

    id: str
    project: str
    title: str
    description: str
    happened_at: datetime
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PersonErasure:
    """That everything about one person is to go. What says who it is is not kept once it is done."""

    id: str
    project: str
    profile_id: str | None
    device_id: str | None
    person: int
    """The number of the profile or the device that was asked for."""
    persons: tuple[int, ...]
    """All numbers that stand for the person, as far as found."""
    names: tuple[str, ...]
    """All its profile ids, as far as found."""
    until_ms: int
    """What was received up to then is the erased person's."""
    asked_at: datetime
    asked_by: str
    state: ErasureState
    looks: int
    reason: str
    finished_at: datetime | None
    receipt: Mapping[str, Any]

    @property
    def until(self) -> datetime:
        """`until_ms` as a moment."""
        return datetime.fromtimestamp(self.until_ms / 1_000, tz=UTC)

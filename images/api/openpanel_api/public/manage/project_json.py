"""A project as JSON: what it is answered as, and what may be said of one that is made or changed. Pure."""

import re
import unicodedata
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from openpanel.metadata import ProjectDetails, ProjectRecord, ProjectType, RetentionKind
from openpanel.tenancy.fields import PRINTABLE, WEB_ADDRESS, Days, Domain, TimeZone
from openpanel.tenancy.spec import Filter as ManifestFilter
from openpanel_api.public.manage.changes import Changes
from openpanel_api.public.manage.routes import Json
from openpanel_api.public.moments import moment_json

MAX_DOMAINS: Final = 200
MAX_ID: Final = 63
TRIES: Final = 1_000  # ids that are tried for one name

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PRINTABLE.pattern)]
Types = Annotated[list[ProjectType], Field(max_length=3)]
Domains = Annotated[list[Domain], Field(max_length=MAX_DOMAINS)]
SiteAddress = Annotated[str, StringConstraints(max_length=2_000, pattern=f"^$|{WEB_ADDRESS.pattern}")]


class RetentionJson(Json):
    """Days each kind of data is kept; null: for ever, replays and dead letters for 30 days."""

    events: Days | None = Field(default=None, examples=[730])
    sessions: Days | None = Field(default=None, examples=[730])
    aggregates: Days | None = None
    replays: Days | None = Field(default=None, examples=[30])
    bots: Days | None = None
    dead_letters: Days | None = None

    @classmethod
    def of(cls, project: ProjectRecord) -> "RetentionJson":
        """As the project has it."""
        return cls.model_validate(dict(project.retention_days))

    def days(self) -> dict[RetentionKind, int | None]:
        """As the stores take it: every kind."""
        return {
            "events": self.events, "sessions": self.sessions, "aggregates": self.aggregates,
            "replays": self.replays, "bots": self.bots, "deadLetters": self.dead_letters,
        }  # fmt: skip


class ProjectJson(Json):
    """A project."""

    id: str = Field(examples=["shop"])
    name: str = Field(examples=["Shop"])
    organization_id: str = Field(examples=["acme"])
    domain: str | None = Field(examples=["https://shop.example"])
    cors: list[str] = Field(
        description="Origins that may send without a secret.", examples=[["https://shop.example"]]
    )
    cross_domain: bool
    types: list[str] = Field(examples=[["website"]])
    timezone: str = Field(examples=["Europe/Berlin"])
    allow_unsafe_revenue_tracking: bool
    truncate_ip: bool
    honour_do_not_track: bool
    honour_global_privacy_control: bool
    cookieless: bool
    retention: RetentionJson
    filters: int = Field(
        description="How many filters it has; see `/manage/projects/{projectId}/filters`.", examples=[2]
    )
    managed: bool = Field(
        description="Whether a manifest describes it: then most of it is changed there and not here."
    )
    created_at: str = Field(examples=["2026-03-01T10:00:00.000Z"])
    delete_at: str | None = Field(
        description="When it will be removed, unless that is taken back.", examples=[None]
    )


class FirstClientJson(Json):
    """The credentials of the first client; the secret is shown this once."""

    id: str = Field(examples=["5a1f6b1e-6a0e-4f0b-9c5e-0d1c2b3a4f50"])
    secret: str = Field(examples=["sec_0123456789abcdef0123456789abcdef01234567"])


class NewProjectJson(ProjectJson):
    """A project with the client that was made for it."""

    client: FirstClientJson


class ProjectToMake(Json):
    """What a new project is made of."""

    name: Name = Field(examples=["Shop"])
    domain: SiteAddress | None = Field(default=None, examples=["https://shop.example"])
    cors: Domains = Field(default_factory=list, examples=[["https://shop.example"]])
    cross_domain: bool = False
    types: Types = Field(default_factory=list, examples=[["website"]])
    timezone: TimeZone = Field(default="UTC", examples=["Europe/Berlin"])


class ProjectChanges(Changes):
    """What is to be different; what is left out stays."""

    erasable = frozenset({"domain"})

    name: Name | None = Field(default=None, examples=["Shop"])
    domain: SiteAddress | None = Field(
        default=None, description="null or '': none.", examples=["https://shop.example"]
    )
    cors: Domains | None = None
    cross_domain: bool | None = None
    types: Types | None = None
    timezone: TimeZone | None = None
    allow_unsafe_revenue_tracking: bool | None = None
    truncate_ip: bool | None = None
    honour_do_not_track: bool | None = None
    honour_global_privacy_control: bool | None = None
    cookieless: bool | None = None

    def columns(self) -> dict[str, Any]:
        """The columns that are to be set, and to what."""
        said = self.model_dump(exclude_unset=True)
        if "domain" in said:
            said["domain"] = said["domain"] or ""
        return {_COLUMNS.get(name, name): value for name, value in said.items()}


class FiltersJson(Json):
    """All filters of a project."""

    filters: Annotated[list[ManifestFilter], Field(max_length=500)] = Field(
        examples=[[{"type": "ip", "value": "203.0.113.0/24"}]]
    )


_COLUMNS: Final = {
    "allow_unsafe_revenue_tracking": "allow_unsafe_revenue",
    "honour_do_not_track": "honour_dnt",
    "honour_global_privacy_control": "honour_gpc",
}


def project_json(details: ProjectDetails) -> dict[str, Any]:
    """The fields of `ProjectJson`."""
    record = details.record
    return {
        "id": record.id,
        "name": record.name,
        "organizationId": record.organization,
        "domain": details.domain or None,
        "cors": list(record.cors),
        "crossDomain": details.cross_domain,
        "types": list(details.types),
        "timezone": record.timezone,
        "allowUnsafeRevenueTracking": record.allow_unsafe_revenue,
        "truncateIp": record.truncate_ip,
        "honourDoNotTrack": record.honour_dnt,
        "honourGlobalPrivacyControl": record.honour_gpc,
        "cookieless": record.cookieless,
        "retention": RetentionJson.of(record).model_dump(by_alias=True),
        "filters": len(record.filters),
        "managed": details.managed,
        "createdAt": moment_json(details.created_at),
        "deleteAt": moment_json(details.delete_after),
    }


def ids_for(name: str) -> tuple[str, ...]:
    """Ids that suit a name, the best first: `shop`, `shop-2`, `shop-3` and so on.

    >>> ids_for("Müller & Söhne")[:2]
    ('muller-sohne', 'muller-sohne-2')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: MAX_ID - 4].strip("-") or "project"
    return (word, *(f"{word}-{number}" for number in range(2, TRIES)))

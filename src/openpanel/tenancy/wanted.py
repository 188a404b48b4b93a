"""What a manifest means for the stores: the records that it asks for. Pure."""

from collections.abc import Iterable

from openpanel.metadata.records import (
    RETENTION_KINDS,
    Condition,
    EventMeta,
    Filter,
    FilterType,
    ProjectRecord,
    RetentionKind,
    Webhook,
)
from openpanel.tenancy import spec
from openpanel.tenancy.checks import EVENT_FIELDS
from openpanel.tenancy.manifest import AnalyticsProject

_FILTER_TYPES: dict[str, FilterType] = {"ip": "ip", "profileId": "profile_id", "event": "event"}


def project(wanted: AnalyticsProject, *, pool: str, pool_shards: int = 1) -> ProjectRecord:
    """The project that the manifest asks for, its filters aside."""
    said, privacy = wanted.spec, wanted.spec.privacy
    return ProjectRecord(
        id=wanted.name,
        name=said.display_name or wanted.name,
        organization=wanted.organization,
        timezone=said.time_zone,
        cors=tuple(said.domains),
        allow_unsafe_revenue=privacy.allow_unsafe_revenue,
        truncate_ip=privacy.truncate_ip,
        honour_dnt=privacy.honour_do_not_track,
        honour_gpc=privacy.honour_global_privacy_control,
        cookieless=privacy.cookieless,
        rate_limit=float(said.ingest.rate_limit.messages_per_second),
        rate_burst=said.ingest.rate_limit.burst,
        pool=pool,
        pool_shards=pool_shards,
        retention_days=retention(wanted),
        trusted_senders=tuple(said.ingest.trusted_senders),
        deletion_policy=said.deletion_policy,
        quota_events=said.quota.events_per_month,
        webhooks=tuple(
            Webhook(each.url, tuple(each.events), each.secret_name or "") for each in said.webhooks
        ),
    )


def retention(wanted: AnalyticsProject) -> dict[RetentionKind, int | None]:
    """Days per kind of data; None: kept."""
    days = wanted.spec.retention.model_dump(by_alias=True)
    return {kind: days[kind] for kind in RETENTION_KINDS}


def filters(wanted: AnalyticsProject) -> tuple[Filter, ...]:
    """What the project does not count, with fields under the names of their columns."""
    return filters_of(wanted.spec.filters)


def filters_of(said: Iterable[spec.Filter]) -> tuple[Filter, ...]:
    """The records of filters that somebody describes."""
    return tuple(
        Filter(
            _FILTER_TYPES[each.type],
            each.value,
            tuple(_condition(condition) for condition in each.conditions),
        )
        for each in said
    )


def event_meta(wanted: AnalyticsProject) -> tuple[EventMeta, ...]:
    """Conversions and looks of events."""
    return tuple(
        EventMeta(each.name, conversion=each.conversion, icon=each.icon or "", colour=each.colour or "")
        for each in wanted.spec.events
    )


def _condition(condition: spec.Condition) -> Condition:
    name = EVENT_FIELDS.get(condition.name, condition.name)
    return Condition(name, condition.operator, tuple(condition.values))

"""What the fields of a manifest demand of one another: each check refuses with reason, place and the right form.

Called by the validators of `manifest`; values in, a refusal out or nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, Protocol

from openpanel.tenancy.fields import NUMBER, amount, network, refuse, span

SHORTEST_ROTATION: Final = timedelta(hours=1)
VALUELESS: Final = frozenset({"isNull", "isNotNull"})
ORDERED: Final = frozenset({"gt", "gte", "lt", "lte"})
PROPERTY: Final = "properties."

# Event fields a filter may name → the column they are kept in.
EVENT_FIELDS: Final = {
    "name": "name",
    "path": "path",
    "origin": "origin",
    "title": "title",
    "referrer": "referrer",
    "referrerName": "referrer_name",
    "referrerType": "referrer_type",
    "utmSource": "utm_source",
    "utmMedium": "utm_medium",
    "utmCampaign": "utm_campaign",
    "utmTerm": "utm_term",
    "utmContent": "utm_content",
    "country": "country",
    "region": "region",
    "city": "city",
    "os": "os",
    "osVersion": "os_version",
    "browser": "browser",
    "browserVersion": "browser_version",
    "device": "device",
    "brand": "brand",
    "model": "model",
    "sdkName": "sdk_name",
    "sdkVersion": "sdk_version",
    "profileId": "profile_id",
    "revenue": "revenue",
}
EVENT_FIELD: Final = (
    rf"^({'|'.join(EVENT_FIELDS)}|properties\.[^\x00-\x1f\x7f]+)$"  # for whoever cannot call `known_field`
)


class IngestFields(Protocol):
    """What `dedicated_only` looks at."""

    @property
    def mode(self) -> str: ...
    @property
    def replicas(self) -> object | None: ...
    @property
    def target_cpu_percent(self) -> int | None: ...
    @property
    def target_memory_percent(self) -> int | None: ...
    @property
    def resources(self) -> object | None: ...


def ordered(low: int, high: int) -> None:
    """`min` may not exceed `max`."""
    if low > high:
        refuse(
            f"min is {low} and max is {high}", expected=f"min at most {high}, or max at least {low}", at="min"
        )


def zero_agrees(low: int, *, scale_to_zero: bool) -> None:
    """No workers at all is said twice, so that nobody asks for it by accident."""
    if low == 0 and not scale_to_zero:
        refuse("min is 0 without scaleToZero", expected="scaleToZero: true, or min at least 1", at="min")
    if low > 0 and scale_to_zero:
        refuse(
            f"scaleToZero is true, but min is {low}",
            expected="min: 0, or scaleToZero: false",
            at="scaleToZero",
        )


def within_max(value: int | None, *, high: int, at: str) -> None:
    """A number of pods that is named outright lies within the bounds, too."""
    if value is not None and value > high:
        refuse(f"{at} is {value} and max is {high}", expected=f"at most {high}, or a higher max", at=at)


def pinned_fits(replicas: int | None, *, high: int, scale_to_zero: bool) -> None:
    """An exact number of workers obeys what the bounds say of most and of none."""
    within_max(replicas, high=high, at="replicas")
    if replicas == 0 and not scale_to_zero:
        refuse(
            "replicas is 0 without scaleToZero",
            expected="scaleToZero: true, or replicas at least 1",
            at="replicas",
        )


def shards_suffice(shards: int | None, *, workers: int) -> None:
    """A stream is written by one worker at a time, so more workers than streams would stand idle."""
    if shards is not None and shards < workers:
        refuse(
            f"shards is {shards} and max is {workers}",
            expected=f"shards at least {workers}, or max at most {shards}",
            at="shards",
        )


def within_limit(request: str | None, *, limit: str | None, at: str) -> None:
    """The API server takes no pod that is promised more than it may have."""
    if request is not None and limit is not None and amount(request) > amount(limit):
        refuse(
            f"requests.{at} is {request} and limits.{at} is {limit}",
            expected=f"a request of at most {limit}, or a higher limit",
            at=f"requests.{at}",
        )


def certificate_has_host(secret: str | None, *, host: str | None) -> None:
    """A certificate is for a name."""
    if secret is not None and host is None:
        refuse(
            "tlsSecretName is given without host", expected="host, or no tlsSecretName", at="tlsSecretName"
        )


def dedicated_only(ingest: IngestFields) -> None:
    """What describes pods of its own makes no sense where others' pods do the work."""
    if ingest.mode == "Dedicated":
        return
    given = {
        "replicas": ingest.replicas,
        "targetCpuPercent": ingest.target_cpu_percent,
        "targetMemoryPercent": ingest.target_memory_percent,
        "resources": ingest.resources,
    }
    for field, value in given.items():
        if value is not None:
            refuse(
                f"{field} is given, but mode is Shared", expected=f"mode: Dedicated, or no {field}", at=field
            )


def quota_bounds_something(*, admission: bool, bounded: bool) -> None:
    """A quota without a bound would count, and refuse nothing."""
    if admission and not bounded:
        refuse(
            "admission is true, but nothing is bounded",
            expected="pods, requests or limits, or admission: false",
            at="admission",
        )


def quota_has_class(priority_class: str | None, *, admission: bool) -> None:
    """Kubernetes tells a project's pods from those beside them by their priority class alone."""
    if admission and priority_class is None:
        refuse(
            "resourceQuota.admission is true without priorityClassName",
            expected="a priorityClassName that no other pods have, or admission: false",
            at="priorityClassName",
        )


def limits_are_said(bound: str | None, *, limits: Mapping[str, str | None]) -> None:
    """A pod that does not say what its quota counts is refused; `limits` is what the pods say, by the field's path."""
    for field, limit in limits.items():
        if bound is not None and limit is None:
            refuse(
                f"isolation.resourceQuota bounds limits.cpu by admission, and {field} is left out",
                expected=f"{field}, or no limits.cpu in the quota",
                at=field,
            )


def overlap_fits(*, interval: str, overlap: str) -> None:
    """A secret may not live on past the one that follows its successor."""
    if span(interval) < SHORTEST_ROTATION:
        refuse(f"interval is {interval}", expected="at least 1h", at="interval")
    if span(overlap) >= span(interval):
        refuse(
            f"overlap is {overlap} and interval is {interval}",
            expected=f"an overlap shorter than {interval}",
            at="overlap",
        )


def open_only_to_write(type_: str, *, ignore_cors_and_secret: bool) -> None:
    """Data may be sent by anyone if the owner wants it; it is never read by anyone."""
    if ignore_cors_and_secret and type_ != "write":
        refuse(
            f"ignoreCorsAndSecret is true for a {type_} client",
            expected="type: write, or ignoreCorsAndSecret: false",
            at="ignoreCorsAndSecret",
        )


def known_field(name: str) -> None:
    """A filter on a field that does not exist would silently never match."""
    if name in EVENT_FIELDS or (name.startswith(PROPERTY) and len(name) > len(PROPERTY)):
        return
    refuse(
        f"'{name}' is not an event field", expected=f"{', '.join(EVENT_FIELDS)} or {PROPERTY}<key>", at="name"
    )


def operator_fits(operator: str, *, values: Sequence[str]) -> None:
    """Comparisons have something to compare with, and questions of presence have nothing."""
    if operator in VALUELESS and values:
        refuse(f"{operator} takes no values", expected="no values", at="values")
    if operator not in VALUELESS and not values:
        refuse(f"{operator} has no values", expected="at least one value", at="values")
    if operator in ORDERED:
        for place, value in enumerate(values):
            _numeric(value, operator=operator, at=f"values[{place}]")


def filter_fits(type_: str, *, value: str, conditions: int) -> None:
    """Addresses are addresses, and only events have fields to compare."""
    if type_ != "event" and conditions:
        refuse(
            f"a filter of type {type_} has conditions",
            expected="no conditions, or type: event",
            at="conditions",
        )
    if type_ != "ip":
        return
    try:
        network(value)
    except ValueError:
        refuse(
            f"'{value}' is neither an address nor a network",
            expected="an address such as 203.0.113.7, or a network without host bits such as 203.0.113.0/24",
            at="value",
        )


def unique(values: Sequence[str], *, at: str, what: str) -> None:
    """Nothing is said twice; `at` has a place for the index of the repeat."""
    first: dict[str, int] = {}
    for place, value in enumerate(values):
        if value in first:
            refuse(
                f"{what} '{value}' is given twice, first at index {first[value]}",
                expected=f"each {what} once",
                at=at.format(place),
            )
        first[value] = place


def _numeric(value: str, *, operator: str, at: str) -> None:
    if not NUMBER.fullmatch(value):
        refuse(f"'{value}' is no number", expected=f"a number in quotes for {operator}", at=at)

"""What the fields of a `PanelCluster` demand of one another: each check refuses with reason, place and remedy.

Called by the validators of the models; the API server is told the same in CEL by `cluster_rules`.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from openpanel.tenancy import checks
from openpanel.tenancy.fields import refuse, span

SHORTEST_WINDOW: Final = timedelta(minutes=10)
LONGEST_WINDOW: Final = timedelta(hours=24)


def embedded_is_one(engine: str, *, shards: int, replicas: int) -> None:
    """The embedded engine is one process with one volume."""
    if engine != "Embedded":
        return
    for field, value in {"shards": shards, "replicas": replicas}.items():
        if value > 1:
            refuse(
                f"{field} is {value}, but engine is Embedded",
                expected=f"engine: Managed, or {field}: 1",
                at=field,
            )


def external_agrees(mode: str, *, field: str, external: object | None) -> None:
    """A store of others is named; a store of ours has no other address."""
    if mode == "External" and external is None:
        refuse(f"{field} is External without external", expected="external.secretName", at="external")
    if mode != "External" and external is not None:
        refuse(
            f"external is given, but {field} is {mode}",
            expected=f"{field}: External, or no external",
            at="external",
        )


def one_count(replicas: int | None, *, autoscaled: bool) -> None:
    """A number of pods is either written down or chosen by the autoscaler."""
    if replicas is not None and autoscaled:
        refuse(
            "replicas is given, but autoscaling is enabled",
            expected="autoscaling.min and autoscaling.max, or autoscaling.enabled: false",
            at="replicas",
        )


def way_in_agrees(type_: str, *, class_name: str | None, gateway: object | None) -> None:
    """An Ingress has a class, a Gateway a name; nothing is exposed by neither."""
    if type_ == "Gateway" and gateway is None:
        refuse("type is Gateway without gatewayRef", expected="gatewayRef.name", at="gatewayRef")
    if type_ != "Gateway" and gateway is not None:
        refuse(
            f"gatewayRef is given, but type is {type_}",
            expected="type: Gateway, or no gatewayRef",
            at="gatewayRef",
        )
    if type_ != "Ingress" and class_name is not None:
        refuse(
            f"className is given, but type is {type_}",
            expected="type: Ingress, or no className",
            at="className",
        )


def hosts_named(type_: str, *, hosts: Mapping[str, str | None]) -> None:
    """Whatever is exposed has a name, and no name leads to two services."""
    given = {field: host for field, host in hosts.items() if host is not None}
    if type_ != "None" and not given:
        refuse(f"type is {type_} without a host", expected="at least one of hosts", at="hosts")
    services: dict[str, str] = {}
    for field, host in given.items():
        if host in services:
            refuse(
                f"host '{host}' is given for {services[host]} and for {field}",
                expected="a host of its own for each service",
                at=f"hosts.{field}",
            )
        services[host] = field


def certificate_agrees(type_: str, *, tls: object | None) -> None:
    """Only what is exposed is encrypted by whoever exposes it."""
    if tls is not None and type_ == "None":
        refuse("tls is given, but type is None", expected="type: Ingress or Gateway, or no tls", at="tls")


def one_of(given: Mapping[str, str | None], *, what: str) -> None:
    """A thing has exactly one origin."""
    named = [field for field, value in given.items() if value is not None]
    if len(named) != 1:
        reason = f"{what} has {' and '.join(named)}" if named else f"{what} has no origin"
        refuse(reason, expected=f"exactly one of {', '.join(given)}")


def some_of(given: Mapping[str, object | None], *, what: str) -> None:
    """A thing has an origin."""
    if all(value is None for value in given.values()):
        refuse(f"{what} is empty", expected=f"at least one of {', '.join(given)}")


def toleration_agrees(operator: str, *, key: str | None, value: str | None) -> None:
    """As the API server checks a pod's tolerations."""
    if operator == "Exists" and value is not None:
        refuse("value is given, but operator is Exists", expected="operator: Equal, or no value", at="value")
    if operator == "Equal" and key is None:
        refuse("operator is Equal without key", expected="key, or operator: Exists", at="key")


def seconds_for_eviction(effect: str | None, *, seconds: int | None) -> None:
    """Only an eviction can be put off."""
    if seconds is not None and effect != "NoExecute":
        refuse(
            "tolerationSeconds is given, but effect is not NoExecute",
            expected="effect: NoExecute, or no tolerationSeconds",
            at="tolerationSeconds",
        )


def snapshots_reachable(engine: str, *, snapshots: object | None) -> None:
    """The servers copy, and the embedded engine calls nobody."""
    if engine == "Embedded" and snapshots is not None:
        refuse(
            "snapshots is given, but clickhouse.engine is Embedded",
            expected="clickhouse.engine: Managed or External, or no snapshots",
            at="snapshots",
        )


def window_fits(days: Sequence[str], *, duration: str) -> None:
    """A window is long enough to begin something and closes before it opens again; no day is named twice."""
    checks.unique(days, at="days[{}]", what="day")
    if not SHORTEST_WINDOW <= span(duration) <= LONGEST_WINDOW:
        refuse(f"a window of {duration}", expected="a duration from 10m to 24h, such as 2h", at="duration")

"""What newer operators render differently in pod templates, so that an upgrade restarts nothing by surprise.

Every change to a pod template that is made for unchanged resources is declared here, one revision each:

    Change(2, "The worker's probe allows 5 s", {Component.WORKER}, undo=_probe_of_3_s)     pods keep the old form
    Change(3, "Closes a hole in the engine", {Component.CLICKHOUSE}, undo=None)            pods restart at once

`undo` turns the new template into what the revision before rendered. A workload keeps its revision until it is
rolled for another reason; then it gets the newest one. The golden files of the last release hold the check: a
difference that is neither undone nor declared fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from openpanel_operator.desired.labels import Component
from openpanel_operator.desired.objects import Object

FIRST: Final = 1


@dataclass(frozen=True, slots=True)
class Change:
    """One declared change; `undo` gets a copy and may change it in place. Without `undo` it restarts the pods."""

    revision: int
    what: str
    components: frozenset[Component]
    undo: Callable[[Object], Object] | None


def _without_login(template: Object) -> Object:
    """Services were told the address of an external ClickHouse and nothing of user and password beside it."""
    for container in template["spec"]["containers"]:
        container["env"] = [each for each in container["env"] if each["name"] not in _LOGIN]
    return template


def _without_mark(template: Object) -> Object:
    """Ingest with an external Redis was told of no mark, and stopped at its own of two million events."""
    for container in template["spec"]["containers"]:
        container["env"] = [each for each in container["env"] if each != _EXTERNAL_MARK]
    return template


_EXTERNAL_MARK: Final = {"name": "OPENPANEL_HIGH_WATER_EVENTS", "value": "1000000000"}
_LOGIN: Final = frozenset({"OPENPANEL_CLICKHOUSE_USER", "OPENPANEL_CLICKHOUSE_PASSWORD"})
_SERVICES: Final = frozenset({Component.INGEST, Component.API, Component.DASHBOARD, Component.WORKER})

CHANGES: Final[tuple[Change, ...]] = (
    # Pods that have no login do not serve, and are replaced with the images of the release at the latest.
    Change(
        2, "Services log in to an external ClickHouse by keys of its Secret", _SERVICES, undo=_without_login
    ),
    Change(
        3,
        "An external Redis decides itself how much waits",
        frozenset({Component.INGEST}),
        undo=_without_mark,
    ),
)

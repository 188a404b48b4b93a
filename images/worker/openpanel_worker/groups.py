"""What is known about a group of people, such as a customer's account: pure values, no store.

Merged like a profile: later words win, empty ones do not, what is new counts for as long as there is room, and a change
that is met twice counts once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from openpanel.enrich.properties import flatten
from openpanel.enrich.text import storable
from openpanel.wire.messages import GroupPayload
from openpanel_worker.batch import Row
from openpanel_worker.bounded import MAX_PROPERTIES, left_out, merged
from openpanel_worker.fragments import Fragments


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a project as far as told; version 0: nothing was told yet."""

    project: str
    id: str
    type: str = ""
    name: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    created_ms: int = 0
    version: int = 0


def regrouped(group: Group, payload: GroupPayload, *, order: int, at_ms: int) -> Group:
    """The group after somebody described it; the same one if it has seen that."""
    if order <= group.version:
        return group
    return Group(
        project=group.project,
        id=group.id,
        type=storable(payload.type) or group.type,
        name=storable(payload.name) or group.name,
        properties=merged(group.properties, flatten(payload.properties or {})),
        created_ms=group.created_ms or at_ms,
        version=order,
    )


def left_of_description(group: Group, payload: GroupPayload) -> str:
    """What of a description found no room in the group after it, as a sentence; empty: all of it did."""
    if len(group.properties) < MAX_PROPERTIES:
        return ""
    return left_out(flatten(payload.properties or {}), group.properties)


def group_row(group: Group, fragments: Fragments) -> Row:
    """The row of `groups`."""
    return (
        group.project,
        fragments[group.id],
        group.type,
        fragments[group.name],
        (tuple(group.properties), tuple(map(fragments.__getitem__, group.properties.values()))),
        group.created_ms,
        group.version,
        0,
    )

"""Which form of a pod template a workload gets: the newest, or the one it runs, if nothing else has changed.

A template carries `openpanel.dev/revision: <number>-<checksum>`. An operator that renders templates differently
than the one before undoes its changes (`changes`) for a workload with an older number; if the checksum is then the
recorded one, nobody asked for anything new, and the pods are left alone.
"""

import copy
from collections.abc import Sequence
from typing import Final

from openpanel_operator.desired.changes import CHANGES, FIRST, Change
from openpanel_operator.desired.labels import REVISION, Component
from openpanel_operator.desired.objects import Object, checksum

NEVER_RECORDED: Final = ""


def settle(
    template: Object, *, component: Component, recorded: str, changes: Sequence[Change] = CHANGES
) -> Object:
    """The template as the workload should have it; `recorded` is its revision annotation, if it has one."""
    number, _, seen = recorded.partition("-")
    if number.isdecimal():
        old = _undone(template, component=component, number=int(number), changes=changes)
        if old is not None and _checksum(old) == seen:
            return _stamped(old, int(number))
    return _stamped(template, max((change.revision for change in changes), default=FIRST))


def revision_of(template: Object) -> str:
    """What `settle` wrote down in this template."""
    return str((template["metadata"].get("annotations") or {}).get(REVISION, NEVER_RECORDED))


def restamped(template: Object) -> Object:
    """A template of which something was changed, in the form of the revision that it already has."""
    metadata = template["metadata"]
    notes = dict(metadata.get("annotations") or {})
    number, _, _ = notes.pop(REVISION, NEVER_RECORDED).partition("-")
    bare = {**template, "metadata": {**metadata, "annotations": notes}}
    return _stamped(bare, int(number) if number.isdecimal() else FIRST)


def _undone(
    template: Object, *, component: Component, number: int, changes: Sequence[Change]
) -> Object | None:
    """The template as the operator of that revision rendered it; None if a change since is worth a restart."""
    old = copy.deepcopy(template)
    for change in sorted(changes, key=lambda change: -change.revision):
        if change.revision <= number or component not in change.components:
            continue
        if change.undo is None:
            return None
        old = change.undo(old)
    return old


def _checksum(template: Object) -> str:
    return checksum(template)


def _stamped(template: Object, number: int) -> Object:
    metadata = template["metadata"]
    revision = f"{number}-{_checksum(template)}"
    return {
        **template,
        "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), REVISION: revision}},
    }

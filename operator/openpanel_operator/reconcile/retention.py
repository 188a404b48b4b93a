"""How long a project's data may be kept from now on: shorter than before only with consent. Pure.

What counts as before is what the stores say; the status is asked first, since that costs nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

from openpanel.tenancy import AnalyticsProject
from openpanel.tenancy.spec import Retention
from openpanel_operator.reconcile.annotations import is_set
from openpanel_operator.resources.project import ALLOW_DATA_LOSS

ENDLESS: Final = 10**9  # days; what "for ever" counts as

Days = Mapping[Any, int | None]  # kind of data → days that it is kept; None or left out: its default
Cuts = dict[str, tuple[int | None, int]]  # kind of data → days now and days wanted


class RetentionCut(Exception):
    """The stores keep a project's data for longer than is wanted now, and nobody has consented."""

    def __init__(self, stored: Days) -> None:
        super().__init__(f"kept until now: {dict(stored)}")
        self.stored = stored


def must_not_cut(manifest: AnalyticsProject, *, stored: Days) -> None:
    """Raise `RetentionCut` if the manifest would delete what is stored; its annotations may consent."""
    if cuts(manifest.spec.retention, applied=stored, annotations=manifest.metadata.annotations):
        raise RetentionCut(stored)


def cuts(wanted: Retention, *, applied: Days | None, annotations: Mapping[str, str]) -> Cuts:
    """The kinds whose data would be deleted earlier than so far, without consent: days now and days wanted."""
    if applied is None or is_set(annotations, ALLOW_DATA_LOSS):
        return {}
    days = wanted.model_dump(by_alias=True)
    return {
        kind: (applied.get(kind), number)
        for kind, number in days.items()
        if number is not None and number < (applied.get(kind) or _unset(kind))
    }


def held_back(manifest: AnalyticsProject, *, cut: Cuts) -> AnalyticsProject:
    """The manifest with the days that are kept for want of consent."""
    if not cut:
        return manifest
    days = manifest.spec.retention.model_dump(by_alias=True) | {kind: now for kind, (now, _) in cut.items()}
    spec = manifest.spec.model_copy(update={"retention": Retention.model_validate(days)})
    return manifest.model_copy(update={"spec": spec})


def applied(manifest: AnalyticsProject) -> dict[str, int]:
    """For the status."""
    return manifest.spec.retention.model_dump(by_alias=True, exclude_none=True)


def _unset(kind: str) -> int:
    return 30 if kind in ("replays", "deadLetters") else ENDLESS

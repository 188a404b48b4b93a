"""How long a project's data may be kept from now on: shorter than before only with consent. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from openpanel.tenancy import AnalyticsProject
from openpanel.tenancy.spec import Retention
from openpanel_operator.desired.labels import GROUP
from openpanel_operator.reconcile.annotations import is_set

ALLOW_DATA_LOSS: Final = f"{GROUP}/allow-data-loss"  # "true": a shorter retention may delete data
ENDLESS: Final = 10**9  # days; what "for ever" counts as


def cuts(
    wanted: Retention, *, applied: Mapping[str, Any] | None, annotations: Mapping[str, str]
) -> dict[str, tuple[int | None, int]]:
    """The kinds whose data would be deleted earlier than so far, without consent: days now and days wanted."""
    if applied is None or is_set(annotations, ALLOW_DATA_LOSS):
        return {}
    days = wanted.model_dump(by_alias=True)
    return {
        kind: (applied.get(kind), number)
        for kind, number in days.items()
        if number is not None and number < (applied.get(kind) or _unset(kind))
    }


def held_back(manifest: AnalyticsProject, *, cut: Mapping[str, tuple[int | None, int]]) -> AnalyticsProject:
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
    return 30 if kind == "replays" else ENDLESS

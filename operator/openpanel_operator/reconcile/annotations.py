"""Annotations that people set on resources, and those that the operator leaves on what it makes. Pure."""

from collections.abc import Mapping
from typing import Final

from openpanel_operator.desired.labels import GROUP
from openpanel_operator.resources.status import LONGEST_SHORT_TEXT

PAUSED: Final = f"{GROUP}/paused"  # "true": nothing is changed
RECONCILE_AT: Final = f"{GROUP}/reconcile-at"  # a new value: look at everything again now
DELETION_PROTECTION: Final = f"{GROUP}/deletion-protection"  # "true": a deletion waits until this is gone
SKIP_CLEANUP: Final = f"{GROUP}/skip-cleanup"  # "true": let the resource go without clearing the stores
MAINTENANCE_NOW: Final = f"{GROUP}/maintenance-now"  # a new value: what waits for a window begins now, once
ROTATE: Final = f"{GROUP}/rotate"  # a new value: give every client of the project a new secret now

SERIAL: Final = f"{GROUP}/serial"  # of a client's Secret: how many secrets it has had
ISSUED_AT: Final = f"{GROUP}/issued-at"  # of a client's Secret: when its secret was made
ROTATED_FOR: Final = (
    f"{GROUP}/rotated-for"  # of a client's Secret: the last value of ROTATE that was followed
)


def is_set(annotations: Mapping[str, str], name: str) -> bool:
    """Whether an annotation says yes."""
    return annotations.get(name, "").strip().lower() in {"true", "yes", "1"}


def as_followed(annotations: Mapping[str, str], name: str) -> str | None:
    """An annotation's value as the status says that it was followed: a longer one would have all of it refused."""
    value = annotations.get(name)
    return None if value is None else value[:LONGEST_SHORT_TEXT]

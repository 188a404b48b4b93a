"""One pass over one resource: a tuple of named steps, and the one loop that owns errors, conditions and status.

A step does one thing and reports on it. One that finds that the rest makes no sense now raises `Halt`; one that
fails has its condition `Unknown` with the reason, and the steps after it wait for the next pass. Conditions of steps
that were not reached stay what they were: one fault does not make everything unknown.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import structlog

from openpanel_operator.kube import Conflict, Forbidden, Key, KubeError, Object, Refused, Unavailable
from openpanel_operator.kube.objects import labels
from openpanel_operator.reconcile.applying import Change, Taken
from openpanel_operator.reconcile.conditions import Condition, Status
from openpanel_operator.reconcile.workloads import Owned, owned_of
from openpanel_operator.reconcile.world import World
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.resources.resource import Resource
from openpanel_operator.stores import StoreAway, StoreError, StoreRefused

SpecT = TypeVar("SpecT")
PassT = TypeVar("PassT", bound="Pass[Any]")

_log = structlog.get_logger(__name__)


class Halt(Exception):
    """The rest of the steps makes no sense now; what is wrong was reported."""


@dataclass(slots=True)
class Pass(Generic[SpecT]):
    """What the steps of one pass share."""

    world: World
    key: Key
    body: Object
    resource: Resource[Any]
    conditions: dict[str, Condition] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What else was changed, outside Kubernetes, for the Event."""
    fault: Exception | None = None
    again: float | None = None
    _read: tuple[int, Owned] | None = field(default=None, init=False, repr=False)

    def report(self, type_: ConditionType, status: Status, reason: Reason, message: str = "") -> None:
        """Say how one side is."""
        self.conditions[type_.value] = Condition(type_.value, status, reason.value, message)

    def well(self, type_: ConditionType, reason: Reason = Reason.AS_WANTED, message: str = "") -> None:
        """One side is as it should be."""
        self.report(type_, "True", reason, message)

    def halt(self, type_: ConditionType, reason: Reason, message: str) -> Halt:
        """One side is not, and nothing after it makes sense: to be raised."""
        self.report(type_, "False", reason, message)
        return Halt(message)

    def look_again(self, seconds: float) -> None:
        """Come back after so long at the latest."""
        self.again = seconds if self.again is None else min(self.again, seconds)

    @property
    def before(self) -> Mapping[str, Any]:
        """The status as it was."""
        return self.resource.status

    @property
    def owned(self) -> Owned:
        """What there is of the resource now; unpacked once for all steps that ask before anything changes."""
        index = self.world.index
        if self._read is None or self._read[0] != index.changes:
            self._read = index.changes, owned_of(index.owned(self.key))
        return self._read[1]

    @property
    def user_labels(self) -> Mapping[str, str]:
        """Labels of the resource itself."""
        return labels(self.body)


@dataclass(frozen=True, slots=True)
class Step(Generic[PassT]):
    """One thing to do, and the condition that tells of it."""

    name: str
    condition: ConditionType
    run: Callable[[PassT], Awaitable[None]]


async def take(steps: Iterable[Step[PassT]], current: PassT) -> None:
    """Take the steps in order."""
    for step in steps:
        try:
            await step.run(current)
        except Halt as halt:
            _log.debug("halted", resource=str(current.key), step=step.name, why=str(halt))
            return
        except (KubeError, StoreError, Taken) as error:
            reason, message = explain(error)
            current.fault = error
            current.report(step.condition, "Unknown", reason, f"step {step.name}: {message}")
            tell = (
                _log.debug if isinstance(error, Taken) else _log.warning
            )  # it is asked often, and told once
            tell("step failed", resource=str(current.key), step=step.name, error=message)
            return


def is_as_seen(answer: Mapping[str, Any], current: Pass[Any]) -> bool:
    """Whether nobody changed the resource during this pass: else the watch must be heard, and not be old news."""
    seen, now = current.body["metadata"], answer["metadata"]
    return all(seen.get(name) == now.get(name) for name in ("generation", "annotations", "deletionTimestamp"))


def explain(error: Exception) -> tuple[Reason, str]:
    """The reason that a person is given for an error."""
    if isinstance(error, Taken):
        secret = error.ref.kind.name == "Secret"
        return Reason.SECRET_CONFLICT if secret else Reason.FIELD_CONFLICT, str(error)
    if isinstance(error, StoreError):
        return _store_reason(error), str(error)
    message = error.message if isinstance(error, KubeError) else str(error)
    return _kube_reason(error, message), message


def _store_reason(error: StoreError) -> Reason:
    words = error.message.lower()
    if any(word in words for word in AUTHENTICATION):
        return Reason.AUTHENTICATION_FAILED
    if isinstance(error, StoreAway):
        return Reason.UNREACHABLE
    return Reason.PROVISIONING_FAILED if isinstance(error, StoreRefused) else Reason.STEP_FAILED


# How the stores say that user or password is wrong.
AUTHENTICATION: Final = (
    "password",
    "authentication",
    "wrongpass",
    "noauth",
    "invalid username",
    "no such user",
)


def _kube_reason(error: Exception, message: str) -> Reason:
    for kind, words, reason in _KUBE_REASONS:
        if isinstance(error, kind) and any(word in message for word in words):
            return reason
    return Reason.STEP_FAILED


# The first that fits: whose error, one of which words (none: any), and what it means.
_KUBE_REASONS: Final[tuple[tuple[type[Exception], tuple[str, ...], Reason], ...]] = (
    (KubeError, ("because it is being terminated",), Reason.NAMESPACE_TERMINATING),
    (
        KubeError,
        ("must support resize", "spec.resources.requests.storage", "except resources.requests"),
        Reason.VOLUME_NOT_EXPANDABLE,
    ),
    (Refused, ("exceeded quota",), Reason.QUOTA_EXCEEDED),
    (Refused, ("immutable", "may not be"), Reason.CHANGE_REFUSED),
    (Forbidden, ("",), Reason.FORBIDDEN),
    (Conflict, ("",), Reason.UNKNOWN),
    (Unavailable, ("",), Reason.UNKNOWN),
)

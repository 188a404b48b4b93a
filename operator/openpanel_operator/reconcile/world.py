"""What a pass over a resource works with: the API server, what is known of it, the stores, a clock and chance."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from openpanel.tenancy.snapshot_places import S3
from openpanel_operator.kube import Index, Key, Kube, Object
from openpanel_operator.reconcile.applying import Applier
from openpanel_operator.reconcile.claims import Claims
from openpanel_operator.reconcile.credentials import Secrets
from openpanel_operator.reconcile.events import Recorder
from openpanel_operator.reconcile.vacancies import Vacancies
from openpanel_operator.stores import Addresses, PlaceFault, Stores

RESYNC_S: Final = 600.0  # seconds after which a resource is looked at even if nobody asked
VERIFY_S: Final = (
    3_600.0  # seconds after which a project is brought to its stores again, though nothing changed
)


@dataclass(frozen=True, slots=True)
class Ensured:
    """What is remembered of a project that was brought to its stores; lost without harm."""

    wish: str  # checksum of what was asked for
    until: datetime  # when it is asked for again


@dataclass(frozen=True, slots=True)
class Tried:
    """What is remembered of a cluster's place for snapshots; lost without harm."""

    place: S3
    fault: PlaceFault | None
    until: datetime  # when it is tried again


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered for a moment, so that a thousand projects do not ask the same."""

    clusters: dict[Key, tuple[datetime, Secrets, Addresses]] = field(default_factory=dict)
    projects: dict[Key, tuple[datetime, frozenset[str]]] = field(default_factory=dict)
    ensured: dict[Key, Ensured] = field(default_factory=dict)
    places: dict[Key, Tried] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scaled:
    """The last decision that was other than the one before, or was made on clearly other figures."""

    desired: int
    reason: str
    active: bool
    at: datetime
    queued: int | None = None
    running: int | None = None
    oldest_seconds: int | None = None


@dataclass(slots=True)
class Installed:
    """Kinds of objects of others that this Kubernetes cluster has now; they come and go."""

    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class World:
    """One for all passes."""

    kube: Kube
    index: Index
    applier: Applier
    claims: Claims
    recorder: Recorder
    stores: Stores
    clock: Callable[[], datetime]
    chance: Callable[[], float]
    fresh: Callable[[int], bytes]  # random bytes for generated passwords
    enqueue: Callable[[Key], None]
    version: str  # of this operator
    namespace: str  # in which the operator runs
    installed: Installed = field(default_factory=Installed)
    known: Known = field(default_factory=Known)
    vacancies: Vacancies = field(default_factory=Vacancies)
    """Who waits for an object that another resource has."""
    templates: dict[Key, dict[str, Object]] = field(default_factory=dict)
    """The pod templates last rendered, by workload, of clusters with maintenance windows; lost without much harm."""
    scaled: dict[Key, Scaled] = field(default_factory=dict)
    """What the scaler last decided for each resource with workers."""

    @property
    def optional_kinds(self) -> frozenset[str]:
        """The kinds of others that may be used now."""
        return self.installed.kinds

"""Which resources there are and what they claim for themselves: project names, hosts, clusters. No I/O.

Kept up to date by whoever hears of resources, so that a pass needs not read all others. Of two that claim the same,
the elder has it, until it is gone: what is being deleted is still being cleared. When it lets go, the younger is told.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from openpanel_operator.kube import Key, Ref
from openpanel_operator.kube.kinds import CLUSTER, PROJECT
from openpanel_operator.kube.objects import is_deleting
from openpanel_operator.reconcile import conditions
from openpanel_operator.resources.reasons import ConditionType, Reason
from openpanel_operator.resources.resource import FINALIZER

Claim = tuple[str, str]  # what, and which: ("host", "in.example.org")
Rank = tuple[str, bool, bool, int]  # lower: elder
Turn = tuple[int, Rank]  # lower: it comes first to a priority class

_CLASS: Final = "priority class"
_KINDS: Final = {kind.name: kind for kind in (PROJECT, CLUSTER)}


def ref_of_key(key: Key) -> Ref:
    """Where the resource itself is."""
    return Ref(_KINDS[key.kind], key.namespace, key.name)


@dataclass(frozen=True, slots=True)
class _Standing:
    """One resource: its age, for precedence, and what it claims."""

    rank: Rank
    claims: frozenset[Claim]
    quota: tuple[bool, bool]  # of a project: whether it is to be counted, and whether it is
    named: tuple[str, str] | None  # of a project: namespace and name of the cluster in its spec
    stands_on: tuple[str, str] | None  # the same of the cluster that has its data
    going: bool  # whether it is being deleted


class Claims:
    """What every resource claims."""

    def __init__(self) -> None:
        self._standing: dict[Key, _Standing] = {}
        self._holders: defaultdict[Claim, set[Key]] = defaultdict(set)
        self._clusters: set[Key] = set()
        self._heard = itertools.count()

    def put(self, body: Mapping[str, Any], *, key: Key) -> set[Key]:
        """Take a resource in; the others whose claims this may decide differently."""
        before = self._standing.get(key)
        rank = _rank(body, key, heard=next(self._heard))
        if before is not None and before.rank[0] == rank[0]:
            rank = before.rank
        standing = _standing(body, key, rank=rank)
        self._standing[key] = standing
        if key.kind == CLUSTER.name:
            self._clusters.add(key)
        for claim in standing.claims:
            self._holders[claim].add(key)
        old = before.claims if before else frozenset()
        for claim in old - standing.claims:
            self._holders[claim].discard(key)
        told = old ^ standing.claims
        if before is not None and before.quota != standing.quota:
            told |= {claim for claim in standing.claims if claim[0] == _CLASS}
        if before is not None and before.going != standing.going:
            told |= standing.claims
        asks = standing.quota[0] or (before is not None and before.quota[0])
        return self._others(told, key, asks=asks)

    def drop(self, key: Key) -> set[Key]:
        """The resource is gone; the others that may have its claims now."""
        standing = self._standing.pop(key, None)
        if standing is None:
            return set()
        self._clusters.discard(key)
        others = self._others(standing.claims, key, asks=standing.quota[0])
        for claim in standing.claims:
            self._holders[claim].discard(key)
            if not self._holders[claim]:
                del self._holders[claim]
        return others

    def holder(self, claim: Claim) -> Key | None:
        """Who has it: the eldest that claims it."""
        return min(self._holders.get(claim, ()), key=lambda key: self._standing[key].rank, default=None)

    def namesake(self, project: Key, *, cluster: Key) -> Key | None:
        """An elder project of the same name on the same cluster: the name is the id in the stores."""
        mine = self._standing[project].rank
        elders = [
            other
            for other in self._holders.get(_name_claim(project.name), ())
            if other != project
            and other.kind == PROJECT.name
            and self._standing[other].rank < mine
            and self.cluster_of(other) == cluster
        ]
        return min(elders, key=lambda key: self._standing[key].rank, default=None)

    def forerunner(self, key: Key, *, place: str) -> Key | None:
        """Who has this name in the namespace where the objects lie: theirs and ours would be named alike.

        The elder has it; but a cluster comes before the projects that it serves, which have no objects without it.
        """
        before = [
            other
            for other in self._holders.get(_name_claim(key.name), ())
            if other != key and self._place_of(other) == place and self._is_before(other, key)
        ]
        return min(before, key=lambda other: self._standing[other].rank, default=None)

    def before_in_class(self, project: Key, name: str, *, place: str) -> list[Key]:
        """Who has pods of this priority class in the namespace where the objects lie, of those before the project.

        A cluster's pods always come first, then the project that is counted already, then those that ask for no
        quota: whoever asks for one late has no claim to others' pods.
        """
        claim = class_claim(name)
        others = (other for other in self._holders.get(claim, ()) if self._place_of(other) == place)
        mine = self._turn(project)
        return sorted((other for other in others if self._turn(other) < mine), key=self._turn)

    def asks_for_quota(self, key: Key) -> bool:
        """Whether Kubernetes is to count the pods of this project."""
        return self._standing[key].quota[0]

    def clusters(self, *, namespace: str | None = None) -> list[Key]:
        """Every PanelCluster, or those of a namespace."""
        return sorted(key for key in self._clusters if namespace is None or key.namespace == namespace)

    def cluster_of(self, project: Key) -> Key | list[Key]:
        """The cluster that the project is on or else names, there or not; if there is none, those it might mean."""
        standing = self._standing.get(project)
        settled = standing and (standing.stands_on or standing.named)
        if settled:
            return Key(CLUSTER.name, *settled)
        near = self.clusters(namespace=project.namespace)
        candidates = near or self.clusters()
        return candidates[0] if len(candidates) == 1 else candidates

    def projects_of(self, cluster: Key) -> Iterator[Key]:
        """The projects that this cluster serves."""
        for key in list(self._standing):
            if key.kind == PROJECT.name and self.cluster_of(key) == cluster:
                yield key

    def other_named(self, project: Key) -> Key | None:
        """The cluster that the project's spec names, if its data are on another."""
        standing = self._standing[project]
        if standing.named is None or standing.stands_on in (None, standing.named):
            return None
        return Key(CLUSTER.name, *standing.named)

    def is_going(self, key: Key) -> bool:
        """Whether the resource is being deleted, and not gone yet."""
        return key in self._standing and self._standing[key].going

    def is_known(self, key: Key) -> bool:
        """Whether there is such a resource."""
        return key in self._standing

    def _place_of(self, key: Key) -> str | None:
        """The namespace of its objects: a project's lie beside the stores of its cluster."""
        cluster = key if key.kind == CLUSTER.name else self.cluster_of(key)
        return cluster.namespace if isinstance(cluster, Key) else None

    def _is_before(self, other: Key, key: Key) -> bool:
        if self._serves(other, key):
            return True
        return not self._serves(key, other) and self._standing[other].rank < self._standing[key].rank

    def _serves(self, key: Key, other: Key) -> bool:
        return key.kind == CLUSTER.name and other.kind == PROJECT.name and self.cluster_of(other) == key

    def _turn(self, key: Key) -> Turn:
        standing = self._standing[key]
        asks, is_counted = standing.quota
        if key.kind == CLUSTER.name:
            return 0, standing.rank
        return (1 if is_counted else 3 if asks else 2), standing.rank

    def _others(self, claims: Iterable[Claim], key: Key, *, asks: bool) -> set[Key]:
        decisive = (claim for claim in claims if asks or self._decides(claim))
        return {other for claim in decisive for other in self._holders.get(claim, ()) if other != key}

    def _decides(self, claim: Claim) -> bool:
        """Whether it matters who has it. A thousand projects may have one priority class, if nobody counts by it."""
        return claim[0] != _CLASS or any(
            self._standing[holder].quota[0] for holder in self._holders.get(claim, ())
        )


def _name_claim(name: str) -> Claim:
    """Objects are named after their project or cluster, and a project's name is its id in the stores."""
    return ("name", name)


def host_claim(host: str) -> Claim:
    """A host leads to one service."""
    return ("host", host)


def class_claim(name: str) -> Claim:
    """A priority class tells the pods of one from those of others, where somebody counts by it."""
    return (_CLASS, name)


def _rank(body: Mapping[str, Any], key: Key, *, heard: int) -> Rank:
    """The age, told in whole seconds; within one: clusters before projects, who was let in, who was heard of first."""
    known = (body.get("status") or {}).get("conditions") or ()
    let_in = conditions.is_true(known, ConditionType.SPEC_VALID.value)
    return (str(body["metadata"].get("creationTimestamp", "")), key.kind != CLUSTER.name, not let_in, heard)


def _standing(body: Mapping[str, Any], key: Key, *, rank: Rank) -> _Standing:
    spec = body.get("spec") or {}
    hosts = _project_hosts(spec) if key.kind == PROJECT.name else _cluster_hosts(spec)
    classes = _project_classes(spec) if key.kind == PROJECT.name else _cluster_classes(spec)
    claims = {host_claim(host) for host in hosts if host} | {class_claim(name) for name in classes if name}
    claims.add(_name_claim(key.name))
    return _Standing(
        rank,
        frozenset(claims),
        quota=_quota(body),
        named=_named_cluster(spec, key),
        stands_on=_settled_cluster(body, key),
        going=is_deleting(dict(body)),
    )


def _quota(body: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether a project is to be counted, and whether it is, which its status says."""
    spec = body.get("spec") or {}
    quota = (spec.get("isolation") or {}).get("resourceQuota") or {}
    asks = bool(quota.get("admission")) and any(_project_classes(spec))
    known = (body.get("status") or {}).get("conditions") or ()
    told = conditions.found(known, ConditionType.QUOTA_ENFORCED.value) or {}
    return asks, asks and (told.get("status"), told.get("reason")) == ("True", Reason.AS_WANTED.value)


def _named_cluster(spec: Mapping[str, Any], key: Key) -> tuple[str, str] | None:
    named = spec.get("clusterRef") if key.kind == PROJECT.name else None
    return (named.get("namespace") or key.namespace, named["name"]) if named else None


def _settled_cluster(body: Mapping[str, Any], key: Key) -> tuple[str, str] | None:
    """Where something was made of the project: before that it has the finalizer, and its status says on which."""
    if key.kind != PROJECT.name or FINALIZER not in (body["metadata"].get("finalizers") or ()):
        return None
    told = (body.get("status") or {}).get("cluster")
    return (told["namespace"], told["name"]) if told else None


def _project_hosts(spec: Mapping[str, Any]) -> list[str]:
    host = (spec.get("ingest") or {}).get("host")
    return [host] if host else []


def _cluster_hosts(spec: Mapping[str, Any]) -> list[str]:
    exposure = spec.get("exposure") or {}
    return list((exposure.get("hosts") or {}).values()) if exposure.get("type", "None") != "None" else []


def _project_classes(spec: Mapping[str, Any]) -> list[str | None]:
    """Of the project's own pods, if it has any; what it does not say is the cluster's."""
    own = (spec.get("ingest") or {}).get("mode") == "Dedicated"
    return [(spec.get("isolation") or {}).get("priorityClassName")] if own else []


def _cluster_classes(spec: Mapping[str, Any]) -> list[str | None]:
    parts = (spec, *(spec.get(name) or {} for name in _PLACED))
    return [(part.get("placement") or {}).get("priorityClassName") for part in parts]


# The parts of a PanelCluster that may have a placement of their own.
_PLACED: Final = ("clickhouse", "redis", "postgres", "ingest", "api", "dashboard")

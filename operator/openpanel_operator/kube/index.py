"""What is known of the objects in the cluster, kept in step by watches: small, since there are many of them.

A body is kept as compressed JSON without what nobody here reads (fields that others manage, above all). Versions
decide: an older body never replaces a newer one, so what a write answered is not undone by a late event.
Knows no API server.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from openpanel_operator.desired import labels as names
from openpanel_operator.kube.client import MANAGER
from openpanel_operator.kube.kinds import CLUSTER, PROJECT, Kind
from openpanel_operator.kube.objects import Object, Ref, labels, ref_of, version

_LEVEL: Final = 1  # of zlib: the fastest makes them a fifth already


class Key(NamedTuple):
    """A resource that is reconciled."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class _Entry:
    version: int
    owner: Key | None
    packed: bytes


class Index:
    """The observed objects by reference, and by the resource that owns them."""

    def __init__(self, *, vacated: Callable[[Ref], None] = lambda _ref: None) -> None:
        """`vacated` hears of each object that is gone, or is another's than before."""
        self._vacated = vacated
        self._entries: dict[Ref, _Entry] = {}
        self._owned: defaultdict[Key, set[Ref]] = defaultdict(set)
        self.changes = 0
        """How often anything became other than known: as long as it stays, what was read is what there is."""

    def put(self, body: Mapping[str, Any], *, kind: Kind) -> Key | None:
        """Take a newer body in; whose it is, and None if it was known already or is nobody's."""
        ref, number = ref_of(body, kind=kind), version(body)
        known = self._entries.get(ref)
        if known is not None and known.version >= number:
            return None
        owner = owner_of(body, kind=kind)
        if known is not None and known.owner not in {None, owner}:
            self._disown(ref, known)
        self._entries[ref] = _Entry(number, owner, _packed(body))
        self.changes += 1
        if owner is not None:
            self._owned[owner].add(ref)
        if known is not None and known.owner != owner:
            self._vacated(ref)
        return owner

    def drop(self, ref: Ref, *, version: int | None = None) -> Key | None:
        """Forget an object unless a later one of the name is known; whose it was."""
        known = self._entries.get(ref)
        if known is None or (version is not None and known.version > version):
            return None
        del self._entries[ref]
        self.changes += 1
        self._disown(ref, known)
        self._vacated(ref)
        return known.owner

    def retain(self, kind: Kind, *, namespace: str, seen: Iterable[Ref], until: int) -> list[Key]:
        """Forget the objects that a list of version `until` no longer has; whose they were."""
        there = set(seen)
        gone = [
            ref
            for ref, entry in self._entries.items()
            if ref.kind == kind
            and (not namespace or ref.namespace == namespace)
            and ref not in there
            and entry.version <= until
        ]
        owners = [self.drop(ref) for ref in gone]
        return [owner for owner in owners if owner is not None]

    def get(self, ref: Ref) -> Object | None:
        """The body last heard of."""
        entry = self._entries.get(ref)
        return None if entry is None else _unpacked(entry, ref)

    def version(self, ref: Ref) -> int:
        """The version last heard of; 0: none."""
        entry = self._entries.get(ref)
        return entry.version if entry else 0

    def owned(self, owner: Key, *, kind: Kind | None = None) -> list[tuple[Ref, Object]]:
        """Everything that is labelled as this resource's, or all of one kind of it."""
        refs = (ref for ref in self._owned.get(owner, ()) if kind is None or ref.kind == kind)
        return [(ref, _unpacked(self._entries[ref], ref)) for ref in sorted(refs, key=str)]

    def refs(self, owner: Key, kind: Kind) -> list[Ref]:
        """The resource's objects of a kind, unread."""
        return sorted((ref for ref in self._owned.get(owner, ()) if ref.kind == kind), key=str)

    def all(self, kind: Kind) -> Iterator[tuple[Ref, Object]]:
        """Every known object of a kind."""
        for ref in [ref for ref in self._entries if ref.kind == kind]:
            entry = self._entries.get(ref)
            if entry is not None:
                yield ref, _unpacked(entry, ref)

    def of(self, kind: Kind) -> list[Ref]:
        """Every known object of a kind, unread."""
        return [ref for ref in self._entries if ref.kind == kind]

    def keys(self, kind: Kind) -> list[Key]:
        """Every known resource of a kind, unread."""
        return [Key(kind.name, ref.namespace, ref.name) for ref in self._entries if ref.kind == kind]

    def __len__(self) -> int:
        return len(self._entries)

    def _disown(self, ref: Ref, entry: _Entry) -> None:
        if entry.owner is None:
            return
        mine = self._owned[entry.owner]
        mine.discard(ref)
        if not mine:
            del self._owned[entry.owner]


def owner_of(body: Mapping[str, Any], *, kind: Kind) -> Key | None:
    """The resource that an object belongs to: by its labels, or itself."""
    meta = body["metadata"]
    if kind in {PROJECT, CLUSTER}:
        return Key(kind.name, meta["namespace"], meta["name"])
    marks = labels(body)
    if names.PROJECT in marks and names.PROJECT_NAMESPACE in marks:
        return Key(PROJECT.name, marks[names.PROJECT_NAMESPACE], marks[names.PROJECT])
    if names.CLUSTER in marks:
        return Key(CLUSTER.name, meta["namespace"], marks[names.CLUSTER])
    return None


Listener = Callable[[Key], None]


def _packed(body: Mapping[str, Any]) -> bytes:
    meta = dict(body["metadata"])
    mine = [entry for entry in meta.get("managedFields") or () if is_ours(entry)]
    if mine:
        meta["managedFields"] = mine
    else:
        meta.pop("managedFields", None)
    return zlib.compress(msgspec.json.encode({**body, "metadata": meta}), _LEVEL)


def is_ours(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of `managedFields` tells what the operator has applied."""
    return (
        entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")
    )


def _unpacked(entry: _Entry, ref: Ref) -> Object:
    body: Object = msgspec.json.decode(zlib.decompress(entry.packed))
    body.setdefault("apiVersion", ref.kind.api_version)
    body.setdefault("kind", ref.kind.name)
    return body

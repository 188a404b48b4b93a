"""Profiles and groups as the warehouse has them now: what a change is applied to.

One question per table and block, in pieces that fit into an address. Errors are the warehouse's own.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from openpanel.warehouse import Warehouse
from openpanel.warehouse.client import SAME_REPLICA
from openpanel_worker.groups import Group
from openpanel_worker.profiles import Profile

Key = tuple[str, str]  # project, id

PIECE: Final = 500  # keys
PIECE_BYTES: Final = 8_192  # of keys, which may travel in the address

_PROFILES: Final = """
SELECT project_id, profile_id, first_name, last_name, email, avatar, properties, groups, created_at, version
FROM profiles FINAL
WHERE (project_id, profile_id) IN {keys:Array(Tuple(String, String))}
"""
_GROUPS: Final = """
SELECT project_id, group_id, type, name, properties, created_at, version
FROM groups FINAL
WHERE (project_id, group_id) IN {keys:Array(Tuple(String, String))}
"""


def current_profiles(warehouse: Warehouse, keys: Iterable[Key]) -> dict[Key, Profile]:
    """The profiles that exist among these."""
    found: dict[Key, Profile] = {}
    for piece in _pieces(keys):
        for *facts, groups, created, version in _answer(warehouse, _PROFILES, piece):
            project, name, first_name, last_name, email, avatar, properties = facts
            found[project, name] = Profile(
                project=project,
                id=name,
                first_name=first_name,
                last_name=last_name,
                email=email,
                avatar=avatar,
                properties=properties,
                groups=tuple(groups),
                created_ms=_ms(created),
                version=version,
            )
    return found


def current_groups(warehouse: Warehouse, keys: Iterable[Key]) -> dict[Key, Group]:
    """The groups that exist among these."""
    found: dict[Key, Group] = {}
    for piece in _pieces(keys):
        for project, one, kind, name, properties, created, version in _answer(warehouse, _GROUPS, piece):
            found[project, one] = Group(project, one, kind, name, properties, _ms(created), version)
    return found


def _answer(warehouse: Warehouse, question: str, piece: list[Key]) -> list[tuple[Any, ...]]:
    return warehouse.query(question, parameters={"keys": piece}, settings=SAME_REPLICA)


def _pieces(keys: Iterable[Key]) -> Iterator[list[Key]]:
    piece: list[Key] = []
    size = 0
    for key in keys:
        size += sum(len(part.encode(errors="replace")) for part in key) + 12
        if piece and (size > PIECE_BYTES or len(piece) >= PIECE):
            yield piece
            piece, size = [], 0
        piece.append(key)
    if piece:
        yield piece


def _ms(moment: datetime) -> int:
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)

"""Under which numbers and ids the warehouse has one person.

A person is stored under numbers: the hash of a profile's id, and the devices on which it was anonymous before. What was
done on one of its devices under another profile's id is that one's.
"""

import json
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openpanel.identity.ids import foreign_device, from_hex, person_of_profile, to_hex
from openpanel.warehouse import Warehouse

JOB: Final = {"max_execution_time": 3_600, "max_result_rows": 0}  # nobody waits for a page
AT_ONCE: Final = 10_000  # numbers of one statement
BYTES_AT_ONCE: Final = 4_096  # of texts, which travel in the address

# Where a message says whose it is; also in what could not be read.
KEYS: Final = ("profileId", "profile_id", "alias", "deviceId", "__deviceId", "device_id")

_UP: Final = """
SELECT DISTINCT `into` FROM person_overrides FINAL
WHERE project_id = {project:String} AND person != 0 AND person IN <<numbers>>"""
_DOWN: Final = """
SELECT DISTINCT person FROM person_overrides FINAL
WHERE project_id = {project:String} AND person != 0 AND `into` IN <<numbers>>"""
_CLAIMED: Final = """
SELECT DISTINCT person FROM person_overrides WHERE project_id = {project:String} AND person IN <<numbers>>"""
_SEEN_AS: Final = """
SELECT DISTINCT profile_id FROM events
WHERE project_id = {project:String} AND profile_id != '' AND person IN <<numbers>>"""
_TOLD_AS: Final = """
SELECT DISTINCT profile_id FROM profiles WHERE project_id = {project:String} AND person IN <<numbers>>"""
_CALLED: Final = """
SELECT DISTINCT device_ref FROM events
WHERE project_id = {project:String} AND device_ref != '' AND person IN <<numbers>>"""

_WRITTEN: Final = rf'"(?:{"|".join(KEYS)})"\s*:\s*("(?:[^"\\]|\\.)*"|[0-9]+)'
_BURIED: Final = """
SELECT DISTINCT arrayJoin(extractAll(body, {pattern:String})) FROM dead_letters
WHERE project_id = {project:String}"""


@dataclass(frozen=True, slots=True)
class Person:
    """One person of a project, by all numbers and profile ids, up to a moment."""

    project: str
    persons: tuple[int, ...]
    names: tuple[str, ...]
    until_ms: int


def numbers_of(profile: str) -> tuple[int, ...]:
    """The numbers an id may stand for: a profile by its hash, or a visitor without one, who is shown by its device."""
    device = from_hex(profile)
    own = person_of_profile(profile)
    return (own,) if device is None else (own, device)


def resolved(warehouse: Warehouse, asked: Person) -> Person:
    """The person with every number that stands for it, and with all its profile ids."""
    found = Numbers(warehouse, asked.project)
    persons = found.closure(asked.persons)
    names = {name for name in asked.names if person_of_profile(name) in persons}
    names |= found.texts(_SEEN_AS, persons) | found.texts(_TOLD_AS, persons) | found.buried(persons)
    return Person(asked.project, tuple(sorted(persons)), tuple(sorted(names)), asked.until_ms)


def unclaimed(warehouse: Warehouse, *, project: str, devices: Iterable[int]) -> set[int]:
    """Those of the devices that stand for nobody yet."""
    asked = set(devices)
    return asked - Numbers(warehouse, project).numbers(_CLAIMED, asked)


def patterns(warehouse: Warehouse, person: Person) -> Iterator[str]:
    """Patterns that the bodies of messages match which name the person, or one of its devices where it has no name."""
    called = Numbers(warehouse, person.project).texts(_CALLED, person.persons)
    own = {name for name in called if foreign_device(person.project, name) in person.persons}
    for some in texts_at_once(sorted({*person.names, *map(to_hex, person.persons), *own})):
        yield _pattern(some)


class Numbers:
    """Asks for what belongs to numbers of persons."""

    def __init__(self, warehouse: Warehouse, project: str) -> None:
        self._warehouse = warehouse
        self._parameters = {"project": project}

    def closure(self, asked: Iterable[int]) -> set[int]:
        """The ids that stand for the same person as these do: to the end of the way, and back from there."""
        return self._spread(_DOWN, self._spread(_UP, set(asked)))

    def numbers(self, question: str, among: Iterable[int]) -> set[int]:
        """What is answered to a question about `<<numbers>>`."""
        return {number for (number,) in self._rows(question, among)}

    def texts(self, question: str, among: Iterable[int]) -> set[str]:
        """The same for texts."""
        return {text for (text,) in self._rows(question, among)}

    def buried(self, persons: Container[int]) -> set[str]:
        """The profile ids of these persons that stand in dead letters."""
        parameters = {**self._parameters, "pattern": _WRITTEN}
        found = self._warehouse.query(_BURIED, parameters=parameters, settings=JOB)
        names = {_text(written) for (written,) in found}
        return {name for name in names if person_of_profile(name) in persons}

    def _spread(self, question: str, found: set[int]) -> set[int]:
        edge = found
        while edge:
            edge = self.numbers(question, edge) - found
            found = found | edge
        return found

    def _rows(self, question: str, among: Iterable[int]) -> Iterator[tuple[Any, ...]]:
        for piece in pieces(sorted(among)):
            sql = question.replace("<<numbers>>", piece)
            yield from self._warehouse.query(sql, parameters=self._parameters, settings=JOB)


def pieces(numbers: Sequence[int]) -> Iterator[str]:
    """The numbers as lists that statements take."""
    for start in range(0, len(numbers), AT_ONCE):
        yield f"({', '.join(map(str, numbers[start : start + AT_ONCE]))})"


def texts_at_once(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in lists that are short enough to be sent."""
    piece: list[str] = []
    size = 0
    for text in texts:
        weight = len(text.encode(errors="replace")) + 8
        if piece and size + weight > BYTES_AT_ONCE:
            yield piece
            piece, size = [], 0
        piece.append(text)
        size += weight
    if piece:
        yield piece


def _pattern(names: Iterable[str]) -> str:
    """A message's own words, or those in which the end of a session is kept that could not be written."""
    forms = "|".join(sorted({re.escape(form) for name in names for form in _forms(name)}))
    devices = "|".join(str(device) for name in names if (device := from_hex(name)) is not None) or "-"
    keys = "|".join(KEYS)
    return (
        rf'"(?:{keys})"\s*:\s*(?:"(?:{forms})"|(?:{forms})(?:\.0)?\s*[,}}\]])'
        rf"|profile='(?:{forms})'|device=(?:{devices}),"
    )


def _text(written: str) -> str:
    """What JSON writes so; '' for what is none."""
    try:
        return str(json.loads(written))
    except ValueError:
        return ""


def _forms(name: str) -> set[str]:
    """A text as JSON may write it."""
    return {name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1]}

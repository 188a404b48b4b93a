"""The objects as the last release rendered them, and how today's differ. `python -m tests.operator.desired.golden` writes
them anew: done for a release, together with emptying `golden/differences.yaml`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from openpanel_operator.desired import Object
from tests.operator.desired import cases

FOLDER = Path(__file__).parent / "golden"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where it was built
DECLARATIONS = FOLDER / "differences.yaml"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where an object is not what it was; `path` "": the object as a whole is new or gone."""

    object: str
    path: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """A difference that is meant: which objects (by kind and the end of their names), from which path on, and why."""

    object: str
    path: str
    why: str
    restarts: bool

    def covers(self, found: Difference) -> bool:
        """Whether it is this difference that is meant."""
        kind, _, ending = self.object.partition("/")
        found_kind, _, name = found.object.partition("/")
        below = found.path == self.path or found.path.startswith((f"{self.path}.", f"{self.path}["))
        return kind == found_kind and name.endswith(ending) and (below or not self.path)


def released(case: str) -> list[Object]:
    """The objects of the last release."""
    return list(yaml.load_all((FOLDER / f"{case}.yaml").read_text(), Loader=_LOADER))


def declared() -> list[Declaration]:
    """Every difference that is meant."""
    return [Declaration(**entry) for entry in yaml.safe_load(DECLARATIONS.read_text())["differences"]]


def differences(before: list[Object], after: list[Object]) -> list[Difference]:
    """Where the objects differ."""
    old, new = _by_name(before), _by_name(after)
    return [
        Difference(name, path)
        for name in sorted(old.keys() | new.keys())
        for path in ([""] if name not in old or name not in new else _paths(old[name], new[name], ""))
    ]


def _by_name(objects: list[Object]) -> dict[str, Object]:
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in objects}


def _paths(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            below = f"{path}.{key}" if path else str(key)
            yield from _paths(before.get(key), after.get(key), below)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, pair in enumerate(zip(before, after, strict=True)):
            yield from _paths(*pair, f"{path}[{place}]")
    elif before != after:
        yield path


def main() -> None:
    """Write the objects of every case."""
    for case, objects in cases.all_rendered().items():
        (FOLDER / f"{case}.yaml").write_text(yaml.safe_dump_all(objects, sort_keys=False, width=110))


if __name__ == "__main__":
    main()

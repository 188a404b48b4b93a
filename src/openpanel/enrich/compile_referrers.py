"""Compiles `data/referrers.txt` into `data/referrers.json`: `python -m openpanel.enrich.compile_referrers`.

Run when the table changes; the result is checked in. Refuses lines it cannot read and hosts listed twice.
"""

import json
import re
from pathlib import Path
from typing import Final

DATA: Final = Path(__file__).parent / "data"
SOURCE: Final = "own table, openpanel/enrich/data/referrers.txt"
LICENCE: Final = "Apache-2.0"
KINDS: Final = frozenset({"search", "social", "email", "paid", "ai", "commerce", "content", "tech"})

_LINE: Final = re.compile(r"(?P<name>[^:(]+?)(?: \((?P<others>[^)]*)\))?: (?P<hosts>.+)")

Pair = tuple[str, str]


class TableError(ValueError):
    """A line of the table cannot be used."""


def compiled(text: str) -> str:
    """Turn the table into its JSON form."""
    endings: dict[str, list[str]] = {}
    tables: dict[str, dict[str, Pair]] = {"hosts": {}, "names": {}, "families": {}}
    kind = ""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("@"):
            name, _, values = line.partition(" = ")
            endings[name] = values.split()
        elif line.startswith("["):
            kind = _kind(line, number)
        else:
            _take(line, number, kind, endings, tables)
    document = {"source": SOURCE, "licence": LICENCE} | {
        name: dict(sorted(table.items())) for name, table in tables.items()
    }
    return json.dumps(document, ensure_ascii=False, indent=0, separators=(",", ":")) + "\n"


def main() -> None:
    """Write the compiled table beside its source."""
    text = (DATA / "referrers.txt").read_text(encoding="utf-8")
    (DATA / "referrers.json").write_text(compiled(text), encoding="utf-8")


def _kind(line: str, number: int) -> str:
    kind = line.strip("[]")
    if kind not in KINDS:
        raise TableError(f"line {number}: unknown kind {kind!r}; known are {', '.join(sorted(KINDS))}")
    return kind


def _take(
    line: str, number: int, kind: str, endings: dict[str, list[str]], tables: dict[str, dict[str, Pair]]
) -> None:
    found = _LINE.fullmatch(line)
    if found is None or not kind:
        raise TableError(
            f"line {number}: expected `Name (other names): hosts` under a [kind], found {line!r}"
        )
    pair = (found["name"], kind)
    names = [found["name"].lower(), *(other.strip() for other in (found["others"] or "").split(",") if other)]
    for name in names:
        _add(tables["names"], name, pair, number)
    for host in found["hosts"].split():
        for one in _expanded(host, endings, number):
            _add(tables["families" if one.startswith(".") else "hosts"], one.lstrip("."), pair, number)


def _expanded(host: str, endings: dict[str, list[str]], number: int) -> list[str]:
    stem, at, name = host.partition("@")
    if not at:
        return [host]
    if f"@{name}" not in endings:
        raise TableError(f"line {number}: endings @{name} are not defined")
    return [f"{stem}{ending}" for ending in endings[f"@{name}"]]


def _add(table: dict[str, Pair], key: str, pair: Pair, number: int) -> None:
    if table.setdefault(key, pair) != pair:
        raise TableError(f"line {number}: {key!r} is already {table[key]}")


if __name__ == "__main__":
    main()

"""Where in what was asked something cannot be used: the part of a refusal that says what to look at. Pure."""

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from openpanel.analytics.fields import OF_COHORT

Path = tuple[int | str, ...]

KINDS: Final = ("event", "formula")  # of series
# What questions name otherwise, or take where nothing is said.
_PLACES: Final = {"after": "mode", "period": "range"}
_COUNTED: Final = re.compile(r"(?:\d+ (?P<many>[a-z]+)|(?P<one>[a-z]+) -?\d+)")  # `3 steps`, `step 3`


def path_text(parts: Iterable[int | str]) -> str:
    """`("series", 0, "name")` as `series[0].name`, without the kind as which an entry of a list was tried."""
    text, before = "", None
    for part in parts:
        if not (isinstance(before, int) and part in KINDS):
            text += f"[{part}]" if isinstance(part, int) else f".{part}"
        before = part
    return text.lstrip(".")


def path_of(asked: Any, subject: str) -> Path | None:
    """Where a text stands in what was asked; the first place of several."""
    return next(_values(_opened(asked), subject), None)


def place_of(asked: Any, subject: str, *, operator: str = "") -> str:
    """Where that stands, or is meant, which a question cannot use; `operator`: of the filter that it stands in."""
    opened = _opened(asked)
    if subject == "re":
        return _of_expressions(opened)
    found = [*_values(opened, subject)] or [*_values(opened, f"{OF_COHORT}{subject}")]
    if not found:
        return _worded(opened, subject)
    with_operator = [path for path in found if _operator_at(opened, path) == operator]
    return path_text((with_operator or found)[0])


def _operator_at(asked: Any, path: Path) -> str:
    """That of the filter whose name stands there; left out it is `is`."""
    for part in path[:-1]:
        asked = asked[part]
    return str(asked.get("operator", "is")) if path[-1] == "name" else ""


def _of_expressions(asked: Any) -> str:
    """Of several regular expressions nobody says which it is."""
    found = [path_text((*path[:-1], "value")) for path in _values(asked, "regex") if path[-1] == "operator"]
    return " or ".join(found) or "filters"


def _opened(asked: Any) -> Any:
    """What was asked, with the JSON that stands in texts of a query string in place of these."""
    if not isinstance(asked, dict):
        return asked
    opened = {}
    for name, value in asked.items():
        opened[name] = value
        if isinstance(value, str) and value.startswith(("[", "{")):
            with suppress(ValueError):
                opened[name] = json.loads(value)
    return opened


def _worded(asked: Any, subject: str) -> str:
    """The place of what a question names by more than a value of it."""
    if subject in _PLACES:
        return _PLACES[subject]
    given = asked if isinstance(asked, dict) else {}
    counted = _COUNTED.fullmatch(subject)
    if counted and (field := counted["many"] or counted["one"]) in given:
        return field
    kind, _, name = subject.partition(" ")
    if kind == "exclusion" and (path := next(_values(given.get("exclusions"), name), None)):
        return path_text(("exclusions", *path))
    names = [each["name"] if isinstance(each, dict) else each for each in given.get("breakdowns") or ()]
    if names and subject == ", ".join(map(str, names)):
        return "breakdowns"
    once = list(islice(_keys(given, subject), 2))
    return path_text(once[0]) if len(once) == 1 else subject


def _values(value: Any, wanted: str, path: Path = ()) -> Iterator[Path]:
    """Where a text stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _values(inner, wanted, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _values(inner, wanted, (*path, place))
    elif value == wanted and path:
        yield path


def _keys(value: Any, wanted: str, path: Path = ()) -> Iterator[Path]:
    """Where a field of that name stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == wanted:
                yield (*path, key)
            yield from _keys(inner, wanted, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _keys(inner, wanted, (*path, place))

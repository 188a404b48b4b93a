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
# As which kind what has several was tried: it stands in no body that was sent.
_OF_REPORTS: Final = (
    "linear", "area", "histogram", "bar", "pie", "metric", "map", "funnel", "conversion", "retention", "sankey",
)  # fmt: skip
_TRIED: Final = {"definition": ("events", "profile"), "report": _OF_REPORTS}
# What questions name otherwise, or take where nothing is said.
_PLACES: Final = {"after": "mode", "period": "range"}
_COUNTED: Final = re.compile(r"(?:\d+ (?P<many>[a-z]+)|(?P<one>[a-z]+) -?\d+)")  # `3 steps`, `step 3`


def path_text(parts: Iterable[int | str]) -> str:
    """`("series", 0, "name")` as `series[0].name`, without the kind as which something was tried."""
    text = ""
    before: int | str = ""
    for part in parts:
        if part not in (KINDS if isinstance(before, int) else _TRIED.get(before, ())):
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
    return str(_at(asked, path[:-1]).get("operator", "is")) if path[-1] == "name" else ""


def _at(asked: Any, path: Path) -> Any:
    for part in path:
        asked = asked[part]
    return asked


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
    subject = _PLACES.get(subject, subject)
    counted = _COUNTED.fullmatch(subject)
    if counted and (path := next(_keys(asked, counted["many"] or counted["one"]), None)):
        return path_text(path)
    kind, _, name = subject.partition(" ")
    for path in _keys(asked, "exclusions") if kind == "exclusion" else ():
        if within := next(_values(_at(asked, path), name), None):
            return path_text((*path, *within))
    for path in _keys(asked, "breakdowns"):
        named = _at(asked, path) or ()
        names = [each["name"] if isinstance(each, dict) else each for each in named]
        if names and subject == ", ".join(map(str, names)):
            return path_text(path)
    once = list(islice(_keys(asked, subject), 2))
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

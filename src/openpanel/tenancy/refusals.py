"""Why a manifest is not taken: the place, what is wrong there, and what would be right, in words.

Every sentence that a refused manifest is answered with is made here. Used alike by whatever applies manifests.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from openpanel.tenancy.fields import MEANING

ALIKE: Final = 0.75  # how near an unknown field must be to a known one to be taken for a typing error
SHOWN: Final = 60  # characters of a wrong value that are repeated to its writer
_KINDS: Final[Mapping[type, str]] = {
    bool: "a truth value", int: "a number", float: "a number", str: "text", dict: "a mapping", list: "a list",
}  # fmt: skip

Location = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One fault of one document."""

    source: str
    document: int
    path: str
    reason: str
    expected: str

    def __str__(self) -> str:
        where = f"{self.source}, document {self.document}"
        at = f"{self.path}: " if self.path else ""
        return f"{where}: {at}{self.reason}; expected {self.expected}"


class ManifestRefused(Exception):
    """Nothing of the manifests is applied; `refusals` names every fault."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__("\n".join(str(refusal) for refusal in refusals))
        self.refusals = refusals


class Place(Protocol):
    """Where a document stands."""

    @property
    def source(self) -> str: ...
    @property
    def number(self) -> int: ...


def explain(
    error: ValidationError,
    *,
    document: Place,
    root: type[BaseModel],
    meanings: Mapping[str, str] = MEANING,
) -> list[Refusal]:
    """One refusal per fault that pydantic found, in the order of the document; `meanings` puts patterns in words."""
    return [
        _explained(fault, document=document, root=root, meanings=meanings)
        for fault in error.errors(include_url=False)
    ]


def without_place(document: Place) -> Refusal:
    """A snapshot is asked for where none can be kept."""
    return Refusal(
        source=document.source,
        document=document.number,
        path="spec.deletionPolicy",
        reason="is Snapshot, and one machine has no place for snapshots",
        expected="'Retain' or 'Delete'",
    )


def repeated(name: str, *, document: Place, seen: dict[str, str]) -> list[Refusal]:
    """A refusal if another document already describes the project `name`; remembers it otherwise."""
    here = f"{document.source}, document {document.number}"
    first = seen.setdefault(name, here)
    if first == here:
        return []
    reason = f"project '{name}' is described twice, first in {first}"
    return [Refusal(document.source, document.number, "metadata.name", reason, "each project once")]


def _explained(
    fault: ErrorDetails, *, document: Place, root: type[BaseModel], meanings: Mapping[str, str]
) -> Refusal:
    context: Mapping[str, Any] = fault.get("ctx", {})
    owner, field = _find(root, location=fault["loc"])
    phrase = _PHRASES.get(fault["type"], _otherwise)
    reason, expected = phrase(_Facts(fault, context, owner, field, meanings))
    path = _path(fault["loc"], below=str(context.get("at", "")))
    return Refusal(document.source, document.number, path, reason, expected)


@dataclass(frozen=True, slots=True)
class _Facts:
    fault: ErrorDetails
    context: Mapping[str, Any]
    owner: type[BaseModel]
    field: FieldInfo | None
    meanings: Mapping[str, str]

    @property
    def value(self) -> str:
        return _shown(self.fault["input"])

    @property
    def description(self) -> str:
        text = (self.field.description if self.field else None) or "another value"
        return text.rstrip(".")

    @property
    def key(self) -> str:
        return str(self.fault["loc"][-1])


def _missing(facts: _Facts) -> tuple[str, str]:
    return "is required and missing", _form(facts.field) or facts.description


def _form(field: FieldInfo | None) -> str:
    """What a value of the field looks like, where its type says it in few words."""
    kind = field.annotation if field else None
    if get_origin(kind) is Literal:
        *most, last = map(repr, get_args(kind))
        return f"{', '.join(most)} or {last}" if most else last
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        named = [str(each.alias or name) for name, each in kind.model_fields.items()]
        return f"a mapping with {', '.join(named)}"
    return ""


def _unknown(facts: _Facts) -> tuple[str, str]:
    known = [str(field.alias or name) for name, field in facts.owner.model_fields.items()]
    close = difflib.get_close_matches(facts.key, known, n=1, cutoff=ALIKE)
    expected = f"perhaps {close[0]}" if close else f"one of {', '.join(known)}"
    return "is not a field of this resource", expected


def _own(facts: _Facts) -> tuple[str, str]:
    return str(facts.context["reason"]), str(facts.context["expected"])


def _literal(facts: _Facts) -> tuple[str, str]:
    return f"is {facts.value}", str(facts.context["expected"])


def _pattern(facts: _Facts) -> tuple[str, str]:
    return f"is {facts.value}", facts.meanings[str(facts.context["pattern"])]


def _bound(sentence: str, key: str) -> Callable[[_Facts], tuple[str, str]]:
    return lambda facts: (f"is {facts.value}", sentence.format(facts.context[key]))


def _length(sentence: str, key: str) -> Callable[[_Facts], tuple[str, str]]:
    def phrase(facts: _Facts) -> tuple[str, str]:
        value: Sequence[object] = facts.fault["input"]
        unit = "characters" if isinstance(value, str) else "entries"
        return f"has {len(value)} {unit}", sentence.format(facts.context[key], unit)

    return phrase


def _kind(expected: str) -> Callable[[_Facts], tuple[str, str]]:
    return lambda facts: (f"is {facts.value}, {_kind_of(facts.fault['input'])}", expected)


def _otherwise(facts: _Facts) -> tuple[str, str]:
    return facts.fault["msg"], facts.description


_PHRASES: Final[Mapping[str, Callable[[_Facts], tuple[str, str]]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "refused": _own,
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
    "greater_than_equal": _bound("at least {}", "ge"),
    "less_than_equal": _bound("at most {}", "le"),
    "string_too_short": _length("at least {} {}", "min_length"),
    "string_too_long": _length("at most {} {}", "max_length"),
    "too_short": _length("at least {} {}", "min_length"),
    "too_long": _length("at most {} {}", "max_length"),
    "string_type": _kind("text; put it in quotes"),
    "string_unicode": _kind("text that is valid Unicode"),
    "int_type": _kind("a whole number without quotes"),
    "bool_type": _kind("true or false"),
    "list_type": _kind("a list"),
    "dict_type": _kind("a mapping"),
    "model_type": _kind("a mapping"),
}


def _find(root: type[BaseModel], *, location: Location) -> tuple[type[BaseModel], FieldInfo | None]:
    """The model that owns the last name of `location`, and the field of that name if it has one."""
    owner, field = root, None
    for step in location:
        if not isinstance(step, str):
            continue
        below = _model_of(field)
        owner = below if below is not None else owner
        field = next((f for name, f in owner.model_fields.items() if step in {f.alias, name}), None)
    return owner, field


def _model_of(field: FieldInfo | None) -> type[BaseModel] | None:
    if field is None:
        return None
    candidates = [field.annotation, *get_args(field.annotation)]
    models = (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return next(models, None)


def _path(location: Location, *, below: str) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    if below:
        path += f".{below}"
    return path.lstrip(".")


def _shown(value: object) -> str:
    text = f"'{value}'" if isinstance(value, str) else _plain(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "empty"
    return _KINDS[type(value)] if isinstance(value, dict | list) else str(value)


def _kind_of(value: object) -> str:
    return "no value" if value is None else _KINDS.get(type(value), type(value).__name__)

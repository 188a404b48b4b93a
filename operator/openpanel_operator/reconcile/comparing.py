"""Whether an object in the cluster still is what was applied. Pure.

Looks at what the operator wants and at the fields that the API server says the operator owns, nothing else: fields
of others never count. What is owned and no longer wanted counts, since applying takes it away.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

Path = tuple[str, ...]
_Fields = Mapping[str, Any]  # FieldsV1: `f:<name>`, `k:<keys as JSON>`, `v:<value>`, `.`

_IDENTITY: Final = frozenset({"apiVersion", "kind"})
_NAMES: Final = frozenset({"name", "namespace"})  # of metadata: they say which object, and nobody owns them
# Below these the server writes amounts in its own way: 1024Mi comes back as 1Gi.
_AMOUNTS: Final = frozenset({"requests", "limits", "hard", "sizeLimit", "averageValue", "storage"})
# Empty, these still say something: which kind of volume, or "all of them".
_CHOICES: Final = frozenset({"emptyDir", "podSelector", "namespaceSelector"})
# These belong to one manager as a whole: what somebody adds changes what they choose.
_WHOLE: Final = frozenset(
    {"selector", "podSelector", "namespaceSelector", "labelSelector", "matchLabels", "nodeSelector"}
)
_UNITS: Final = {
    "m": Decimal("0.001"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}


def differences(desired: Mapping[str, Any], observed: Mapping[str, Any]) -> frozenset[Path]:
    """Where the observed object is not as desired; empty: nothing has to be applied."""
    owned = _owned(observed)
    if owned is None:
        return frozenset({()})  # never applied by us: take it over
    changed = set(_changed(_without_identity(desired), observed, owned, ()))
    changed.update(_left_over(owned, _without_identity(desired), ()))
    return frozenset(changed)


def applied(observed: Mapping[str, Any], *path: str) -> Any:
    """What the operator has applied at this place and still owns, without what others and the server put there."""
    owned, value = _owned(observed), observed
    for name in path:
        if owned is None or f"f:{name}" not in owned or name not in value:
            return None
        owned, value = owned[f"f:{name}"], value[name]
    return None if owned is None else _ours(value, owned)


def alike(one: Any, other: Any) -> bool:
    """Whether applying the one or the other comes to the same."""
    return not any(_changed(one, other, {}, ())) and not any(_changed(other, one, {}, ()))


def _ours(value: Any, owned: _Fields) -> Any:
    below = {name: fields for name, fields in owned.items() if name != "."}
    if not below:
        return value
    if isinstance(value, Mapping):
        # The server does not keep the empty text of a variable, and still says that it is ours.
        empty = {"value": ""} if "f:value" in below else {}
        there = {name: each for name, each in value.items() if f"f:{name}" in below}
        return {**empty, **{name: _ours(each, below[f"f:{name}"]) for name, each in there.items()}}
    if _keys_of(below):
        return [_ours(each, _below(below, each)) for each in value if _is_below(below, each)]
    return [each for each in value if f"v:{msgspec.json.encode(each).decode()}" in below]


def _owned(observed: Mapping[str, Any]) -> _Fields | None:
    entries = observed["metadata"].get("managedFields") or ()
    return next((entry.get("fieldsV1") or {} for entry in entries), None)


def _without_identity(desired: Mapping[str, Any]) -> dict[str, Any]:
    body = {name: value for name, value in desired.items() if name not in _IDENTITY}
    body["metadata"] = {name: value for name, value in desired["metadata"].items() if name not in _NAMES}
    return body


def _changed(wanted: Any, there: Any, owned: _Fields, path: Path) -> Iterator[Path]:
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        if path and path[-1] in _WHOLE and not there.keys() <= wanted.keys():
            yield path
        for name, value in wanted.items():
            if name not in there:
                if not _is_dropped(name, value):
                    yield (*path, name)
            else:
                yield from _changed(value, there[name], owned.get(f"f:{name}", {}), (*path, name))
    elif _is_list(wanted) and _is_list(there):
        yield from _changed_list(wanted, there, owned, path)
    elif wanted != there and not _same_amount(wanted, there, path):
        yield path


def _changed_list(wanted: Sequence[Any], there: Sequence[Any], owned: _Fields, path: Path) -> Iterator[Path]:
    keys = _keys_of(owned)
    if keys:
        for value in wanted:
            mine = next((each for each in there if _same_element(value, each, keys)), None)
            place = (*path, _element_name(value, keys))
            if mine is None:
                yield place
            else:
                yield from _changed(value, mine, _below(owned, value), place)
    elif any(name.startswith("v:") for name in owned):
        if any(value not in there for value in wanted):  # a set: what others put in stays
            yield path
    elif len(wanted) != len(there):
        yield path
    else:
        for number, (value, each) in enumerate(zip(wanted, there, strict=True)):
            yield from _changed(value, each, {}, (*path, str(number)))


def _left_over(owned: _Fields, wanted: Any, path: Path) -> Iterator[Path]:
    """Fields that we own and want no more."""
    for name, below in owned.items():
        form, _, rest = name.partition(":")
        if form == "f":
            if not isinstance(wanted, Mapping) or wanted.get(rest) is None:
                yield (*path, rest)
            else:
                yield from _left_over(below, wanted[rest], (*path, rest))
        elif form == "k":
            keys = msgspec.json.decode(rest)
            mine = _wanted_element(wanted, keys)
            if mine is None:
                yield (*path, rest)
            else:
                yield from _left_over(below, mine, (*path, rest))
        elif form == "v" and _is_list(wanted) and msgspec.json.decode(rest) not in wanted:
            yield (*path, rest)


def _keys_of(owned: _Fields) -> tuple[str, ...]:
    first = next((name for name in owned if name.startswith("k:")), None)
    return tuple(msgspec.json.decode(first[2:])) if first else ()


def _below(owned: _Fields, value: Mapping[str, Any]) -> _Fields:
    for name, below in owned.items():
        if name.startswith("k:") and _matches(value, msgspec.json.decode(name[2:])):
            return dict(below)
    return {}


def _is_below(owned: _Fields, value: Mapping[str, Any]) -> bool:
    return any(name.startswith("k:") and _matches(value, msgspec.json.decode(name[2:])) for name in owned)


def _wanted_element(wanted: Any, keys: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if not _is_list(wanted):
        return None
    return next((each for each in wanted if isinstance(each, Mapping) and _matches(each, keys)), None)


def _matches(value: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    # A key that is left out was filled in by the server's default, such as protocol: TCP.
    return all(value.get(name, given) == given for name, given in keys.items())


def _same_element(wanted: Mapping[str, Any], there: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    return _matches(wanted, {name: there.get(name) for name in keys})


def _element_name(value: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return ",".join(str(value.get(name, "")) for name in keys)


def _is_dropped(name: str, value: Any) -> bool:
    """Whether the server does not keep such a value: empty ones are the same as none, but for those that choose."""
    return value is None or (not value and value is not False and value != 0 and name not in _CHOICES)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _same_amount(wanted: Any, there: Any, path: Path) -> bool:
    if not _AMOUNTS.intersection(path[-2:]):
        return False
    one, other = amount(wanted), amount(there)
    return one is not None and one == other


def amount(value: Any) -> Decimal | None:
    """The number that a quantity stands for; None: it is none."""
    text = str(value)
    digits = text.rstrip("mkKMGTPEi")
    factor = _UNITS.get(text[len(digits) :], Decimal(1) if digits == text else None)
    try:
        return None if factor is None else Decimal(digits) * factor
    except ArithmeticError:
        return None

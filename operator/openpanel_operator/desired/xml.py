"""ClickHouse's configuration files: trees of plain values, and the XML that server, Keeper and engine read.

XML, because the engine that the tests have reads no YAML, and a file that nothing has read is a guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Union
from xml.etree import ElementTree as ET


@dataclass(frozen=True, slots=True)
class FromEnv:
    """A value that stands in the environment: secrets, and what differs from pod to pod."""

    variable: str


Value = Union[str, int, float, FromEnv, "Tree", Sequence["Tree"], Sequence[str]]
Tree = Mapping[str, Value]
"""Elements by name; a sequence is an element that is repeated."""


def xml_of(tree: Tree) -> str:
    """The file with these elements."""
    root = ET.Element("clickhouse")
    _fill(root, tree)
    ET.indent(root, space="  ")
    return ET.tostring(root, encoding="unicode") + "\n"


def nested(path: str, value: Value) -> Tree:
    """`a.b.c` as elements within one another."""
    head, _, rest = path.partition(".")
    return {head: nested(rest, value) if rest else value}


def merged(first: Tree, second: Tree) -> Tree:
    """Both trees as one; where they differ, the second counts."""
    result: dict[str, Value] = dict(first)
    for name, value in second.items():
        before = result.get(name)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[name] = merged(before, value) if both else value  # type: ignore[arg-type]  # `both` says it
    return result


def _fill(parent: ET.Element, tree: Tree) -> None:
    for name, value in tree.items():
        several = isinstance(value, Sequence) and not isinstance(value, str)
        for each in value if several else (value,):  # type: ignore[union-attr]  # `several` says it
            _add(ET.SubElement(parent, name), each)


def _add(element: ET.Element, value: object) -> None:
    if isinstance(value, FromEnv):
        element.set("from_env", value.variable)
    elif isinstance(value, Mapping):
        _fill(element, value)
    else:
        element.text = str(value)

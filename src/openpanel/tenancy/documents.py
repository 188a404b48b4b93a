"""YAML text → its documents as plain mappings, with the pitfalls of YAML refused instead of guessed.

Refused: keys given twice, documents that are no mapping, anchors that contain themselves or multiply beyond
measure, texts over the size limit. Kept as text: dates, which Kubernetes keeps as text too.
Knows no field of any manifest.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from openpanel.tenancy.refusals import Refusal

MAX_TEXT: Final = 1_048_576  # characters of one file; a Kubernetes object may not be larger either
MAX_NODES: Final = 50_000  # nodes of one document after its aliases are followed
MAX_DEPTH: Final = 50  # levels of nesting
TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
MERGE: Final = "tag:yaml.org,2002:merge"
_KINDS: Final[dict[type, str]] = {yaml.SequenceNode: "list", yaml.ScalarNode: "single value"}


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a YAML text; `value` means nothing when there are faults."""

    source: str
    number: int  # from 1, empty documents counted
    value: dict[str, Any]
    faults: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fault(Exception):
    path: str
    reason: str
    expected: str


class _Loader(yaml.SafeLoader):
    """Safe, and a date stays the text that was written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - declared by the library
        first: [(tag, pattern) for tag, pattern in entries if tag != TIMESTAMP]
        for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(text: str, *, source: str) -> Iterator[Document]:
    """The documents of `text`; a text that is no YAML is one document with one fault. Empty documents are left out."""
    if len(text) > MAX_TEXT:
        yield _refused(source, 1, _Fault("", "the text is too long", f"at most {MAX_TEXT} characters a file"))
        return
    try:
        loader = _Loader(text)
    except yaml.YAMLError as error:  # characters that YAML does not allow
        yield _refused(source, 1, _broken(error))
        return
    try:
        yield from _documents(loader, source=source)
    finally:
        loader.dispose()


def _documents(loader: _Loader, *, source: str) -> Iterator[Document]:
    number = found = 0
    while True:
        number += 1
        try:
            if not loader.check_node():
                break
            document = _document(loader, source=source, number=number)
        except (yaml.YAMLError, RecursionError) as error:
            yield _refused(source, number, _broken(error))
            return
        except _Fault as fault:
            document = _refused(source, number, fault)
        if document is not None:
            found += 1
            yield document
    if not found:
        yield _refused(source, 1, _Fault("", "there is no document in it", "at least one AnalyticsProject"))


def _document(loader: _Loader, *, source: str, number: int) -> Document | None:
    node = loader.get_node()
    if node is None or _is_empty(node):
        return None
    if not isinstance(node, yaml.MappingNode):
        raise _Fault(
            "",
            f"the document is a {_KINDS[type(node)]}",
            "a mapping with apiVersion, kind, metadata and spec",
        )
    _measure(node, depth=0, budget=[MAX_NODES], inside=set())
    _no_repeated_keys(node, path="", seen=set())
    return Document(source=source, number=number, value=loader.construct_document(node))


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _measure(node: yaml.Node, *, depth: int, budget: list[int], inside: set[int]) -> None:
    """Walk as a reader of the result would: aliases count each time they are used."""
    budget[0] -= 1
    if budget[0] < 0:
        raise _Fault(
            "", "the document is too large when its anchors are followed", f"at most {MAX_NODES} values"
        )
    if depth > MAX_DEPTH:
        raise _Fault("", "the document is nested too deeply", f"at most {MAX_DEPTH} levels")
    if id(node) in inside:
        raise _Fault("", "an anchor contains itself", "anchors that end")
    if isinstance(node, yaml.CollectionNode):
        inside.add(id(node))
        for child in _children(node):
            _measure(child, depth=depth + 1, budget=budget, inside=inside)
        inside.discard(id(node))


def _children(node: yaml.CollectionNode) -> Iterator[yaml.Node]:
    for entry in node.value:
        yield from entry if isinstance(entry, tuple) else (entry,)


def _no_repeated_keys(node: yaml.Node, *, path: str, seen: set[int]) -> None:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _no_repeated_keys(child, path=f"{path}[{index}]", seen=seen)
    elif isinstance(node, yaml.MappingNode):
        _keys_once(node, path=path)
        for key, child in node.value:
            _no_repeated_keys(child, path=_below(path, str(key.value)), seen=seen)


def _keys_once(node: yaml.MappingNode, *, path: str) -> None:
    lines: dict[Hashable, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag not in {"tag:yaml.org,2002:str", MERGE}:
            raise _Fault(
                path, f"a key in line {key.start_mark.line + 1} is no text", "keys that are text; use quotes"
            )
        line = key.start_mark.line + 1
        if key.value in lines:
            reason = f"is given twice, in line {lines[key.value]} and in line {line}"
            raise _Fault(_below(path, str(key.value)), reason, "each key once")
        lines[key.value] = line


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _broken(error: yaml.YAMLError | RecursionError) -> _Fault:
    if isinstance(error, RecursionError):
        return _Fault("", "the document is nested too deeply", f"at most {MAX_DEPTH} levels")
    mark = getattr(error, "problem_mark", None)
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    return _Fault("", f"is not valid YAML{where}: {problem}", "YAML")


def _refused(source: str, number: int, fault: _Fault) -> Document:
    refusal = Refusal(
        source=source, document=number, path=fault.path, reason=fault.reason, expected=fault.expected
    )
    return Document(source=source, number=number, value={}, faults=(refusal,))

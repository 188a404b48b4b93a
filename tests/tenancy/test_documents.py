"""YAML's pitfalls: refused where they mislead, harmless where they do not."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from openpanel.tenancy import ManifestRefused, parse, parse_all
from openpanel.tenancy.documents import MAX_DEPTH, MAX_NODES, MAX_TEXT, read
from openpanel.tenancy.manifest import KIND
from tests.tenancy.manifests import faults, text_of

EXAMPLES = [
    path
    for path in sorted(Path("manifests/examples").glob("*.yaml"))
    if {each["kind"] for each in yaml.safe_load_all(path.read_text())} == {KIND}  # the others need a cluster
]
HEAD = "apiVersion: openpanel.dev/v1alpha1\nkind: AnalyticsProject\nmetadata: {name: demo}\n"
BOMB = "".join(
    f"{new}: &{new} [{', '.join([old] * 9)}]\n"
    for old, new in zip(["x", "*a", "*b", "*c", "*d", "*e"], "abcdef", strict=True)
)

PITFALLS = [
    ("", "", "there is no document in it", "at least one AnalyticsProject"),
    ("---\n---\n# nothing\n", "", "there is no document in it", "at least one AnalyticsProject"),
    ("- a\n- b\n", "", "the document is a list", "a mapping with apiVersion, kind, metadata and spec"),
    ("hello", "", "the document is a single value", "a mapping with apiVersion, kind, metadata and spec"),
    ("spec:\n  a: 1\n  b: 2\n  a: 3\n", "spec.a", "is given twice, in line 2 and in line 4", "each key once"),
    ("x: [{a: 1, a: 2}]", "x[0].a", "is given twice, in line 1 and in line 1", "each key once"),
    ("yes: 1", "", "a key in line 1 is no text", "keys that are text; use quotes"),
    ("{[a]: 1}", "", "a key in line 1 is no text", "keys that are text; use quotes"),
    ("a: &a [*a]", "", "an anchor contains itself", "anchors that end"),
    (BOMB, "", "the document is too large when its anchors are followed", f"at most {MAX_NODES} values"),
    ("a: " + "[" * 60 + "]" * 60, "", "the document is nested too deeply", f"at most {MAX_DEPTH} levels"),
    ("[" * 5_000, "", "the document is nested too deeply", f"at most {MAX_DEPTH} levels"),
    ("a: b: c", "", "is not valid YAML in line 1, column 5: mapping values are not allowed here", "YAML"),
    ("a: 'open", "", "is not valid YAML in line 1, column 9: found unexpected end of stream", "YAML"),
    ("a: \0", "", "is not valid YAML: special characters are not allowed", "YAML"),
    ("a: *missing", "", "is not valid YAML in line 1, column 4: found undefined alias 'missing'", "YAML"),
    ("a: !!python/object:os.system x", "", "is not valid YAML in line 1, column 4: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object:os.system'", "YAML"),
    ("a: !own x", "", "is not valid YAML in line 1, column 4: could not determine a constructor for the tag '!own'", "YAML"),
    ("a" * (MAX_TEXT + 1), "", "the text is too long", f"at most {MAX_TEXT} characters a file"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "path", "reason", "expected"), PITFALLS, ids=[case[2][:40] for case in PITFALLS]
)
def test_a_pitfall_is_refused(text: str, path: str, reason: str, expected: str) -> None:
    assert faults(text) == [(path, reason, expected)]


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_every_example_is_taken(path: Path) -> None:
    assert parse(path.read_text(), source=str(path))


def test_the_first_example_is_the_demo_project() -> None:
    (project,) = parse(Path("manifests/examples/01-first-project.yaml").read_text())

    assert project.name == "demo"
    assert [(client.name, client.type) for client in project.spec.clients] == [
        ("web", "write"), ("reader", "read"), ("admin", "root"),
    ]  # fmt: skip


def test_anchors_and_merges_are_followed() -> None:
    text = HEAD + "spec:\n  clients:\n  - &web {name: web, type: write}\n  - {<<: *web, name: other}\n"

    (project,) = parse(text)

    assert [(client.name, client.type) for client in project.spec.clients] == [
        ("web", "write"),
        ("other", "write"),
    ]


def test_a_date_stays_text() -> None:
    (project,) = parse(HEAD + "spec: {displayName: 2026-03-01}")

    assert project.spec.display_name == "2026-03-01"


def test_several_documents_are_several_projects() -> None:
    text = f"{text_of('one')}---\n{text_of('two')}---\n# the end\n"

    assert [project.name for project in parse(text)] == ["one", "two"]


def test_a_project_described_twice_is_refused_across_files() -> None:
    texts = [("a.yaml", text_of("one")), ("b.yaml", f"{text_of('two')}---\n{text_of('one')}")]

    with pytest.raises(ManifestRefused) as refused:
        parse_all(texts)

    (fault,) = refused.value.refusals
    assert (fault.source, fault.document, fault.path) == ("b.yaml", 2, "metadata.name")
    assert fault.reason == "project 'one' is described twice, first in a.yaml, document 1"


def test_one_bad_document_refuses_all() -> None:
    text = f"{text_of('good')}---\n{text_of('bad', timeZone='Mars')}---\nx: ["

    with pytest.raises(ManifestRefused) as refused:
        parse(text, source="all.yaml")

    assert [fault.document for fault in refused.value.refusals] == [2, 3]
    assert str(refused.value).startswith(
        "all.yaml, document 2: spec.timeZone: 'Mars' is not a known time zone; expected"
    )


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for document in read(text, source="-"):
        assert document.faults or isinstance(document.value, dict)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=10,
    ),
    st.sampled_from(["spec", "metadata", "clients", "ingest", "filters", "retention", "domains", "timeZone"]),
)
def test_no_value_breaks_the_checks(value: object, field: str) -> None:
    body = {
        "apiVersion": "openpanel.dev/v1alpha1",
        "kind": "AnalyticsProject",
        "metadata": {"name": "x"},
        "spec": {},
    }
    where = body if field in body else body["spec"]
    where[field] = value  # type: ignore[index]

    found = faults(yaml.safe_dump(body))

    assert all(path or reason for path, reason, _ in found)

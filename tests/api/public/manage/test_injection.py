"""Every text that a manager may write, with texts that somebody else would run: kept as it is, or refused, and no more.

A request says all that it may; one of its texts after the other is put in the place of a plain one. What was saved is
then asked of the engine as well. A field that the description has and no request here names fails the last test.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from httpx import Response

from openpanel_api.public.app import create_app
from openpanel_api.public.services import Services
from tests.api.public.conftest import Place
from tests.api.public.manage.conftest import Asking

NASTY: Final = {
    "sql": "x'); DROP TABLE events; -- \" ` \\ {project:String} %s :name $1",
    "markup": "<script>alert(`1`)</script>{{ 7 * 7 }}${7*7}#{7}",
    "unicode": "한국 🏠 \u202e\u0301 İß",
    "control": "a\tb\nc\x00d\x7f",
}
FILTERS: Final = [
    {"id": "f1", "name": "path", "operator": "isNot", "value": ["/"]},
    {"id": "f2", "name": "cohort", "operator": "notInCohort", "cohortIds": ["COHORT"], "cohortId": "COHORT"},
]
STEP: Final = {"id": "A", "name": "screen_view", "displayName": "Views", "filters": FILTERS}
SUM: Final = {**STEP, "type": "event", "segment": "property_sum", "property": "properties.n"}
FORMULA: Final = {
    "type": "formula",
    "id": "B",
    "formula": "A * 2",
    "displayName": "Twice",
    "hideSeries": ["A"],
}
SPLIT: Final = {"breakdowns": [{"id": "b1", "name": "country"}], "filters": FILTERS, "unit": "€"}
REPORTS: Final[Mapping[str, Any]] = {
    "linear": {**SPLIT, "series": [SUM, FORMULA], "range": "7d"},
    "bar": {"series": [STEP], "startDate": "2026-02-01", "endDate": "2026-03-01"},
    "funnel": {**SPLIT, "steps": [STEP, STEP], "exclusions": [STEP], "key": "country", "range": "7d"},
    "retention": {**SPLIT, "starts": STEP, "comesBack": STEP, "range": "30d"},
    "sankey": {
        "filters": FILTERS,
        "start": STEP,
        "end": STEP,
        "mode": "between",
        "include": ["screen_view"],
        "exclude": ["checkout"],
        "range": "7d",
    },
}
RULE: Final = {"name": "screen_view", "filters": FILTERS[:1], "start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}  # fmt: skip
DEFINITIONS: Final[Mapping[str, Any]] = {
    "events": {"kind": "events", "rules": [RULE]},
    "profile": {
        "kind": "profile",
        "filters": [{"id": "f1", "name": "profile.properties.plan", "value": ["pro"]}],
    },
}
NAMED: Final = {"name": "Plain"}
TOLD: Final = {"title": "Plain", "description": "Plain", "datetime": "2026-03-01T10:00:00Z"}
SITE: Final = {
    "name": "Plain",
    "domain": "https://a.example",
    "cors": ["https://b.example"],
    "timezone": "Asia/Seoul",
}
HIDDEN: Final = {
    "filters": [
        {"type": "ip", "value": "203.0.113.7"},
        {
            "type": "event",
            "value": "*",
            "conditions": [{"name": "path", "operator": "startsWith", "values": ["/admin"]}],
        },
    ]
}
REQUESTS: Final[tuple[tuple[str, str, Any], ...]] = (
    ("POST", "/projects", SITE),
    ("PATCH", "/projects/PROJECT", SITE),
    ("PUT", "/projects/PROJECT/filters", HIDDEN),
    ("PUT", "/projects/PROJECT/events/checkout", {"icon": "cart", "color": "#00aa00"}),
    ("POST", "/projects/PROJECT/erasures", {"profileId": "user-42"}),
    ("POST", "/projects/PROJECT/erasures", {"deviceId": "9a1f0c3be2d84756"}),
    ("POST", "/clients", {**NAMED, "projectId": "PROJECT"}),
    ("PATCH", "/clients/CLIENT", NAMED),
    ("POST", "/references", {**TOLD, "projectId": "PROJECT"}),
    ("PATCH", "/references/REFERENCE", TOLD),
    ("POST", "/projects/PROJECT/dashboards", NAMED),
    ("PATCH", "/projects/PROJECT/dashboards/BOARD", NAMED),
    ("PUT", "/projects/PROJECT/dashboards/BOARD/layout", {"places": {"REPORT": {"x": 0, "y": 0, "w": 6, "h": 4}}}),
    *(
        ("POST", "/projects/PROJECT/dashboards/BOARD/reports", {**NAMED, "report": {"chartType": kind, **report}})
        for kind, report in REPORTS.items()
    ),
    ("PATCH", "/projects/PROJECT/reports/REPORT", {**NAMED, "dashboardId": "BOARD"}),
    ("POST", "/projects/PROJECT/reports/REPORT/duplicate", NAMED),
    *(
        ("POST", "/projects/PROJECT/cohorts", {**NAMED, "description": "Plain", "definition": definition})
        for definition in DEFINITIONS.values()
    ),
    *(
        ("POST", "/projects/PROJECT/cohorts/preview", {"definition": definition})
        for definition in DEFINITIONS.values()
    ),
    ("PATCH", "/projects/PROJECT/cohorts/COHORT", {**NAMED, "description": "Plain"}),
)  # fmt: skip
IDS: Final = re.compile("PROJECT|BOARD|REPORT|COHORT|CLIENT|REFERENCE")
KEPT: Final = {".name", ".title", ".description"}
DONE: Final = {200, 202}
# What the API says no to is a text that cannot be kept there; anything else is a fault.
REFUSED: Final = {400, 404, 422}


@dataclass
class Things:
    """What the requests are about."""

    ask: Asking
    ids: Mapping[str, str]

    @classmethod
    async def made(cls, ask: Asking) -> "Things":
        project = (await ask.project())["id"]
        board = (await ask.dashboard(project))["id"]
        lines = {"name": "Lines", "report": {"chartType": "metric", "series": [{"name": "checkout"}]}}
        clicked = {"name": "Buyers", "definition": {"kind": "events", "rules": [{"name": "checkout"}]}}
        told = {"projectId": project, "title": "x", "datetime": "2026-03-01T10:00:00Z"}
        at = f"/projects/{project}"
        ids = {
            "PROJECT": project,
            "BOARD": board,
            "REPORT": (await ask.data("POST", f"{at}/dashboards/{board}/reports", lines))["id"],
            "COHORT": (await ask.data("POST", f"{at}/cohorts", clicked))["id"],
            "CLIENT": (await ask.data("POST", "/clients", {"name": "x", "projectId": project}))["id"],
            "REFERENCE": (await ask.data("POST", "/references", told))["id"],
        }
        return cls(ask, ids)

    def filled(self, value: Any) -> Any:
        """With ids in the place of their names."""
        return json.loads(IDS.sub(lambda found: self.ids[found[0]], json.dumps(value)))

    async def send(self, method: str, path: str, body: Any) -> Response:
        return await self.ask(method, self.filled(path), body)


def changed(value: Any, text: str) -> Iterator[tuple[Any, str]]:
    """The value once for each text in it, with that one changed; and the place of the text."""
    if isinstance(value, str):
        yield text, ""
    elif isinstance(value, dict):
        for key, part in value.items():
            for other, place in changed(part, text):
                yield {**value, key: other}, f".{key}{place}"
        if "places" in value:
            yield {"places": {text: next(iter(value["places"].values()))}}, ".places.*"
    elif isinstance(value, list):
        for number, part in enumerate(value):
            for other, place in changed(part, text):
                yield [*value[:number], other, *value[number + 1 :]], f".[]{place}"


@pytest.mark.parametrize("request_of", REQUESTS, ids=lambda case: f"{case[0]} {case[1]} {list(case[2])[-1]}")
async def test_a_text_is_kept_as_it_is_or_refused(ask: Asking, request_of: tuple[str, str, Any]) -> None:
    method, path, body = request_of
    things = await Things.made(ask)
    plain = things.filled(body)
    first = await things.send(method, path, plain)
    assert first.status_code in DONE, first.text

    for turn, text in enumerate(NASTY.values()):
        for number, (other, place) in enumerate(changed(plain, text)):
            # What is kept as it is meets every text, and of all others each meets one.
            if place not in KEPT and number % len(NASTY) != turn:
                continue
            answer = await things.send(method, path, other)
            assert answer.status_code in DONE | REFUSED, (place, answer.text)
            if answer.status_code == 200 and place in KEPT:
                assert answer.json()["data"].get(place[1:], text) == text, place
            if answer.status_code == 200 and path.endswith("/reports"):
                await _answers_or_refuses(things, answer.json()["data"]["id"], place)

    assert {each["id"] for each in await ask.data("GET", "/projects")} >= {things.ids["PROJECT"], "described"}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
async def test_a_text_in_an_address_finds_nothing(ask: Asking, text: str) -> None:
    things = await Things.made(ask)
    for method, path, body in REQUESTS:
        whole = things.filled(path)
        for name, thing in things.ids.items():
            if name in path:
                address = _written(whole.replace(thing, "\0"), text)
                answer = await ask(method, address, things.filled(body))
                assert answer.status_code in REFUSED, (path, name, answer.text)


def _written(path: str, text: str) -> str:
    """The path with the text in it, as a program writes it into an address."""
    return path.replace("\0", "".join(f"%{byte:02X}" for byte in text.encode()))


async def _answers_or_refuses(things: Things, report: str, place: str) -> None:
    """The engine takes a text for what it is, in whichever part of a question it stands."""
    things.ask.clock.ms += 1_000
    headers = things.ask.place.headers("managed-org/*")
    address = f"/insights/{things.ids['PROJECT']}/reports/{report}/data"
    answer = await things.ask.api.get(address, headers=headers)
    assert answer.status_code in {200, *REFUSED}, (place, answer.text)


def test_every_text_of_the_description_is_in_a_request(organizations: Place) -> None:
    document = create_app(Services(organizations.database, organizations.warehouse)).openapi()
    written = {
        (method, re.sub(r"[A-Z]{3,}|checkout", "*", path), place)
        for method, path, body in REQUESTS
        for _, place in changed(body, "")
    }
    described = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path.removeprefix("/manage")), place)
        for path, operations in document["paths"].items()
        if path.startswith("/manage/")
        for method, operation in operations.items()
        if "requestBody" in operation
        for place in _texts(operation["requestBody"]["content"]["application/json"]["schema"], document)
    }
    # A report or a definition that is changed is the one that is made, and a definition cannot name cohorts.
    again = {case for case in described if case[0] == "PATCH" and _AGAIN.match(case[2])}
    refused = {case for case in described if _COHORTS_OF_COHORTS.fullmatch(case[2])}

    assert described - again - refused - written == set()


_AGAIN: Final = re.compile(r"\.(report|definition)\.")
_COHORTS_OF_COHORTS: Final = re.compile(r"\.definition\..*\.(cohortIds\.\[\]|cohortId)")


def _texts(schema: Any, document: Any, *, inside: frozenset[str] = frozenset()) -> Iterator[str]:
    """The places of texts that are not one of a few."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in inside:
            yield from _texts(document["components"]["schemas"][name], document, inside=inside | {name})
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _texts(choice, document, inside=inside)
    for key, part in schema.get("properties", {}).items():
        yield from (f".{key}{place}" for place in _texts(part, document, inside=inside))
    if "items" in schema:
        yield from (f".[]{place}" for place in _texts(schema["items"], document, inside=inside))
    if schema.get("type") == "string" and not {"enum", "const"} & schema.keys():
        yield ""

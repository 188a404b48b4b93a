"""The description of the API and the API agree: schemathesis asks what it describes and checks what comes back."""

from collections.abc import Sequence
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import given
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from openpanel_api.public.app import create_app
from openpanel_api.public.rates import Rates
from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place
from tests.api.public.making_up import made_up

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# What asks with which client.
CLIENTS = {"/export/": "shop/admin", "/insights/": "shop/admin", "/health": "shop/admin"}
ELSEWHERE = ("/live/", "/manage/")  # streams never end, and what writes is asked in a world of its own
EXAMPLES = {"/export/": 15}


@pytest.fixture(scope="module")
def app(shop: Place) -> FastAPI:
    return create_app(Services(shop.database, shop.warehouse, clock_ms=Clock()))


@pytest.fixture(scope="module")
def operations(app: FastAPI) -> Sequence[Any]:
    """All that the description names; to read it takes a second."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def _by_beginning(path: str, table: dict[str, Any], default: Any = None) -> Any:
    return next((value for beginning, value in table.items() if path.startswith(beginning)), default)


def test_the_description_is_openapi_with_an_example_for_every_answer(app: FastAPI) -> None:
    document = app.openapi()
    answers = {
        (method, path): each["responses"].get("200", {}).get("content", {}).get("application/json")
        for path, operations in document["paths"].items()
        for method, each in operations.items()
        if not path.startswith("/health")
    }

    assert document["openapi"].startswith("3.1")
    assert [
        case for case, content in answers.items() if content is not None and "example" not in content
    ] == []


def test_what_is_described_as_a_table_can_be_asked_for_as_one(app: FastAPI) -> None:
    refused = [
        path
        for path, operations in app.openapi()["paths"].items()
        for operation in operations.values()
        if "text/csv" in operation["responses"].get("200", {}).get("content", {})
        and "format" not in {each["name"] for each in operation["parameters"]}
    ]

    assert refused == []


def test_every_route_is_asked(operations: Sequence[Any]) -> None:
    left_out = [each.path for each in operations if _by_beginning(each.path, CLIENTS) is None]

    assert [path for path in left_out if not path.startswith(ELSEWHERE)] == []


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize("beginning", CLIENTS)
def test_the_api_does_what_it_says(
    app: FastAPI, operations: Sequence[Any], shop: Place, beginning: str
) -> None:
    headers = shop.headers(CLIENTS[beginning])
    for operation in operations:
        if not operation.path.startswith(beginning):
            continue

        @made_up(EXAMPLES.get(beginning, 3))
        @given(operation.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            app.state.rates = Rates(app.state.services)
            if "projectId" in case.path_parameters and beginning == "/insights/":
                case.path_parameters["projectId"] = "shop"
            case.call_and_validate(headers=headers, checks=CHECKS)

        ask()

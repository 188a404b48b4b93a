"""What the description says of these routes is so: schemathesis asks what it describes and checks what comes back."""

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
from openpanel_api.public.services import Services
from tests.api.public.conftest import Clock, Place
from tests.api.public.making_up import made_up

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def moving() -> Clock:
    """The clock of the API below."""
    return Clock()


@pytest.fixture(scope="module")
def app(organizations: Place, moving: Clock) -> FastAPI:
    """An API that describes itself once."""
    return create_app(Services(organizations.database, organizations.warehouse, clock_ms=moving))


def test_the_routes_do_what_they_say(app: FastAPI, organizations: Place, moving: Clock) -> None:
    place = organizations
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    described = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    operations = [each for each in described if each.path.startswith("/manage/")]
    assert len(operations) > 40

    for operation in operations:

        @made_up(4)
        @given(operation.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            moving.ms += 1_000_000
            # Most that a tool makes up is about nothing; so half of it is about a project that is there.
            if case.path_parameters.get("projectId") and len(str(case.body)) % 2:
                case.path_parameters["projectId"] = "described"
            case.call_and_validate(headers=place.headers("managed-org/*"), checks=CHECKS)

        ask()


def test_every_route_has_an_example_of_its_answer(app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        if path.startswith(("/manage/", "/live/")):
            for operation in methods.values():
                answers = operation["responses"]
                [done] = answers.keys() & {"200", "202"}
                content = answers[done]["content"]
                assert any("example" in each for each in content.values()), path
                assert operation["summary"]
                assert operation["description"]

"""The description of the API and the API agree: schemathesis asks what it describes and checks what comes back."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
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

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.usefixtures("events")
def test_the_api_does_what_it_says(place: Place, clock: Clock) -> None:
    app = create_app(Services(place.database, place.warehouse, clock_ms=clock))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert {operation.path for operation in operations} == {
        "/export/events", "/healthz/live", "/healthz/ready", "/healthcheck",
    }  # fmt: skip

    for operation in operations:

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            clock.ms += 1_000_000
            case.call_and_validate(headers=place.headers("mine/admin"), checks=CHECKS)

        ask()

"""The documented model and the hot path agree about every case, and the service keeps to its document."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from openpanel.wire.decode import decode
from openpanel.wire.refusals import Refusal
from openpanel_api.ingest.documented import MESSAGE, Accepted, BatchAnswer, documented
from tests.api.ingest.rig import CHROME, OPEN, Headers, an_ingest
from tests.wire.test_decode import ACCEPTED, REFUSED

# What is no matter of types: bytes that are no JSON, sizes, depth.
BEYOND_TYPES = {"not_utf8", "not_json", "too_deep", "message_too_large", "body_too_large"}


def code_of(body: bytes) -> str:
    try:
        decode(body)
    except Refusal as refusal:
        return refusal.code
    return "accepted"


@pytest.mark.parametrize("sent", [case.values[0] for case in ACCEPTED], ids=[case.id for case in ACCEPTED])
def test_model_accepts_what_the_hot_path_accepts(sent: Any) -> None:
    MESSAGE.validate_json(sent.removeprefix(b"\xef\xbb\xbf"))


MODEL_REFUSES = [
    case
    for case in REFUSED
    if code_of(case.values[0]) not in BEYOND_TYPES and "out of range" not in str(case.values[2])  # type: ignore[arg-type]  # bytes
]


@pytest.mark.parametrize(
    "sent", [case.values[0] for case in MODEL_REFUSES], ids=[case.id for case in MODEL_REFUSES]
)
def test_model_refuses_what_the_hot_path_refuses(sent: Any) -> None:
    with pytest.raises(ValidationError):
        MESSAGE.validate_json(sent)


def test_document_names_every_type() -> None:
    document = documented()

    body = document["paths"]["/track"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["discriminator"]["mapping"]) == {
        "track", "identify", "increment", "decrement", "alias", "replay", "group", "assign_group",
    }  # fmt: skip
    assert set(document["paths"]["/track"]["post"]["responses"]) == {
        "200", "202", "400", "401", "413", "415", "429", "503",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/track", "/track/batch"])
def test_service_keeps_to_its_document(valkey_url: str, tmp_path: Path, path: str) -> None:
    """Whatever the document allows is answered as it says, and never with a defect."""
    operation = schemathesis.openapi.from_dict(documented())[path]["POST"]
    with asyncio.Runner() as runner:
        running = an_ingest(valkey_url, tmp_path)
        ingest = runner.run(running.__aenter__())

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answers(case: Any) -> None:
            body = json.dumps(case.body, allow_nan=False).encode()
            headers: Headers = {"openpanel-client-id": OPEN, "user-agent": CHROME}
            answer = runner.run(ingest.call("POST", path, body, headers))
            operation.responses.find_by_status_code(answer.status)
            assert answer.status in (200, 400, 401)
            if answer.status == 200:
                (Accepted if path == "/track" else BatchAnswer).model_validate_json(answer.body)

        try:
            answers()
        finally:
            runner.run(running.__aexit__(None, None, None))

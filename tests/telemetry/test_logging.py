"""Log lines are one JSON object each, with the service's name, whoever wrote them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from openpanel.telemetry import configure_logging


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_line_is_one_object_with_service_level_and_fields() -> None:
    stream = io.StringIO()
    configure_logging(service="worker", level="info", stream=stream)

    structlog.get_logger("drain").info("block_inserted", rows=3)

    line = json.loads(stream.getvalue())
    assert line["event"] == "block_inserted"
    assert (line["service"], line["level"], line["logger"], line["rows"]) == ("worker", "info", "drain", 3)


def test_lines_of_libraries_have_the_same_form() -> None:
    stream = io.StringIO()
    configure_logging(service="api", level="warning", stream=stream)

    logging.getLogger("library").warning("lost %s", "connection")

    assert json.loads(stream.getvalue())["event"] == "lost connection"


def test_less_severe_lines_are_left_out() -> None:
    stream = io.StringIO()
    configure_logging(service="api", level="warning", stream=stream)

    structlog.get_logger("x").info("quiet")

    assert stream.getvalue() == ""


def test_a_traceback_shows_no_values_of_variables() -> None:
    stream = io.StringIO()
    configure_logging(service="api", level="info", stream=stream)

    try:
        _fail_with("visitor@example.com")
    except ValueError:
        structlog.get_logger("x").exception("request_failed")

    assert "ValueError" in stream.getvalue()
    assert "visitor@example.com" not in stream.getvalue()


def _fail_with(_secret: str) -> None:
    raise ValueError("no")

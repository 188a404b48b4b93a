"""Traces: nowhere unless a collector is named, and then of requests, Redis and PostgreSQL, in every service."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from openpanel.telemetry import configure_tracing, trace_requests
from openpanel.telemetry.tracing import ENDPOINT_VARIABLE

ROOT = Path(__file__).parents[2]
PATIENCE_S = 100
TRACED = """
import os, sys
import redis
import sqlalchemy
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry import trace
from openpanel.telemetry import configure_tracing, trace_requests

assert configure_tracing(service="trial", environment=os.environ)
app = FastAPI()
app.add_api_route("/questions", lambda: "answer")
app.add_api_route("/healthz/live", lambda: "well")
trace_requests(app, environment=os.environ)
with TestClient(app) as client:
    assert client.get("/questions").json() == "answer"
    assert client.get("/healthz/live").json() == "well"
redis.Redis.from_url(sys.argv[1]).ping()
with sqlalchemy.create_engine(sys.argv[2].replace("postgresql://", "postgresql+psycopg://")).connect() as connection:
    connection.execute(sqlalchemy.text("SELECT 1"))
trace.get_tracer_provider().shutdown()
"""


@dataclass
class Collector:
    """Keeps what is sent to it."""

    url: str = ""
    received: list[tuple[str, bytes]] = field(default_factory=list)


@pytest.fixture
def collector() -> Iterator[Collector]:
    there = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            there.received.append((self.path, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there.url = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield there
        server.shutdown()
        serving.join()


def test_without_a_collector_nothing_is_recorded() -> None:
    assert configure_tracing(service="api", environment={}) is False
    assert configure_tracing(service="api", environment={ENDPOINT_VARIABLE: ""}) is False
    trace_requests(object(), environment={})


def test_requests_and_what_they_ask_of_the_stores_reach_the_collector(
    collector: Collector, valkey_url: str, postgres_url: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRACED, valkey_url, postgres_url],
        env={**os.environ, ENDPOINT_VARIABLE: collector.url},
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]

    assert {path for path, _ in collector.received} == {"/v1/traces"}
    sent = b"".join(body for _, body in collector.received)
    parts = (b"trial", b"GET /questions", b"PING", b"SELECT")
    assert [part for part in parts if part not in sent] == [], sent
    assert b"/healthz/live" not in sent


def test_service_without_the_packages_runs_on_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "opentelemetry.exporter.otlp.proto.http.trace_exporter",
        "opentelemetry.instrumentation.fastapi",
    ):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed

    assert configure_tracing(service="api", environment={ENDPOINT_VARIABLE: "http://127.0.0.1:1"}) is False
    trace_requests(object(), environment={ENDPOINT_VARIABLE: "http://127.0.0.1:1"})

"""Traces: off unless the standard OpenTelemetry variables name a collector.

Requests of FastAPI applications, commands to Redis and statements to PostgreSQL become spans. Without a collector's
address nothing is recorded and nothing is sent anywhere, and OpenTelemetry is not even loaded. The packages are an
extra, which the services' images have; where they are missing the service runs without traces and says so once.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final

import structlog

ENDPOINT_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
NOT_TRACED: Final = "healthz,healthcheck,metrics"  # asked every few seconds by machines
_EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_STORES: Final = (
    ("opentelemetry.instrumentation.redis", "RedisInstrumentor"),
    ("opentelemetry.instrumentation.sqlalchemy", "SQLAlchemyInstrumentor"),
)
_REQUESTS: Final = "opentelemetry.instrumentation.fastapi"

_log = structlog.get_logger(__name__)


def configure_tracing(*, service: str, environment: Mapping[str, str]) -> bool:
    """Record spans of this process and send them to the collector in `environment`; says whether it does."""
    if not environment.get(ENDPOINT_VARIABLE):
        return False
    try:
        _record(service)
        for module, name in _STORES:
            # Their own check of versions is older than the SQLAlchemy that they work with (tests/telemetry).
            getattr(importlib.import_module(module), name)().instrument(skip_dep_check=True)
    except ImportError as error:
        _log.warning("traces are not sent: install openpanel[telemetry]", missing=error.name)
        return False
    return True


def trace_requests(app: Any, *, environment: Mapping[str, str]) -> None:
    """Record the requests of a FastAPI application, where traces are recorded at all."""
    if environment.get(ENDPOINT_VARIABLE):
        try:
            requests = importlib.import_module(_REQUESTS)
        except ImportError:  # `configure_tracing` has said so
            return
        requests.FastAPIInstrumentor.instrument_app(app, excluded_urls=NOT_TRACED)


def _record(service: str) -> None:
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    exporter = importlib.import_module(_EXPORTER)
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter.OTLPSpanExporter()))
    trace.set_tracer_provider(provider)

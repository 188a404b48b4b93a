"""Traces: off unless the standard OpenTelemetry variables name a collector.

The exporter is an optional package; without it or without a collector's address nothing is recorded and
nothing is sent anywhere, and OpenTelemetry is not even loaded.
"""

import importlib
from collections.abc import Mapping

EXPORTER_MODULE = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"


def configure_tracing(*, service: str, environment: Mapping[str, str]) -> bool:
    """Record spans of this process and send them to the collector in `environment`; says whether it does."""
    if ENDPOINT_VARIABLE not in environment:
        return False
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    exporter = importlib.import_module(EXPORTER_MODULE)
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter.OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return True

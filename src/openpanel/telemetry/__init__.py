"""Logs, metrics and traces of the services. Never a body, an address or a token."""

from openpanel.telemetry.logging import configure_logging
from openpanel.telemetry.tracing import configure_tracing, trace_requests

__all__ = ["configure_logging", "configure_tracing", "trace_requests"]

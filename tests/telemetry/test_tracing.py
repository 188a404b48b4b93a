"""Traces go nowhere unless a collector is named."""

from openpanel.telemetry import configure_tracing


def test_without_a_collector_nothing_is_recorded() -> None:
    assert configure_tracing(service="api", environment={}) is False

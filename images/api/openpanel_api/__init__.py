"""The HTTP services: ingest (hot path) and the public API."""

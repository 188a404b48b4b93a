"""Every metric of the operator, each with its name, its sentence and its labels."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """One set, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.reconciles = Counter(
            "openpanel_operator_reconcile", "Passes over resources.", ["kind", "result"], registry=registry
        )
        self.duration = Histogram(
            "openpanel_operator_reconcile_duration_seconds",
            "How long a pass took.",
            ["kind"],
            buckets=SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "openpanel_operator_queue_depth", "Resources that wait to be reconciled.", registry=registry
        )
        self.drift = Counter(
            "openpanel_operator_drift_corrected",
            "Objects that somebody else had changed.",
            ["kind"],
            registry=registry,
        )
        self.requests = Counter(
            "openpanel_operator_api_requests",
            "Calls to the API server; code 0: it did not answer.",
            ["verb", "code"],
            registry=registry,
        )
        self.leader = Gauge(
            "openpanel_operator_leader", "1 while this process holds the Lease.", registry=registry
        )
        self.objects = Gauge("openpanel_operator_objects", "Objects in the index.", registry=registry)
        self.last_success = Gauge(
            "openpanel_operator_last_reconcile_timestamp_seconds",
            "When a pass last ended well.",
            ["kind"],
            registry=registry,
        )
        self.pool_depth = Gauge(
            "openpanel_operator_pool_depth_events",
            "Events that wait in a pool.",
            ["namespace", "name"],
            registry=registry,
        )
        self.pool_workers = Gauge(
            "openpanel_operator_pool_workers_desired",
            "Workers that a pool shall have.",
            ["namespace", "name"],
            registry=registry,
        )
        self.tick = Histogram(
            "openpanel_operator_scaling_tick_seconds",
            "How long a look at all queues took.",
            buckets=SECONDS,
            registry=registry,
        )

    def passed(self, kind: str, result: str, seconds: float) -> None:
        """A pass has ended."""
        self.reconciles.labels(kind, result).inc()
        self.duration.labels(kind).observe(seconds)
        if result == "ok":
            self.last_success.labels(kind).set_to_current_time()

    def answered(self, verb: str, status: int) -> None:
        """The API server has answered."""
        self.requests.labels(verb, str(status)).inc()

    def drifted(self, kind: str) -> None:
        """An object was restored."""
        self.drift.labels(kind).inc()

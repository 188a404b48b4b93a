"""Ingest on one core: requests per second as a ratio to a no-op ASGI application and to the usual way.

The measured program has core 0 for itself; Valkey and the load share core 1.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks import load, requests, stage
from benchmarks.report import Figure

SECONDS = 8.0
CONNECTIONS = 64
EVENTS_PER_BATCH = 50
SHARE = 0.7  # of what the service takes at most: where an installation should run
NOOP_PORT, USUAL_PORT, INGEST_PORT = 18_081, 18_082, 18_083


def measure() -> list[Figure]:
    with stage.engines() as engines:
        singles = load.write_requests(engines.folder / "singles", requests.single(engines.client))
        batches = load.write_requests(
            engines.folder / "batches", requests.batched(engines.client, events=EVENTS_PER_BATCH)
        )
        with _uvicorn("benchmarks.baselines.noop:app", NOOP_PORT, engines) as _:
            noop = _drive(NOOP_PORT, singles)
        with _uvicorn("benchmarks.baselines.fastapi_xadd:app", USUAL_PORT, engines) as _:
            usual = _drive(USUAL_PORT, singles)
        environment = {
            **engines.environment,
            "OPENPANEL_API_ROLE": "ingest",
            "OPENPANEL_INGEST_PORT": str(INGEST_PORT),
        }
        with stage.program(
            ["-m", "openpanel_api"], environment=environment, port=INGEST_PORT, path="/healthz/ready"
        ):
            one = _drive(INGEST_PORT, singles)
            paced = _drive(INGEST_PORT, singles, per_second=one.per_second * SHARE)
            many = _drive(INGEST_PORT, batches)
    return _figures(noop=noop, usual=usual, one=one, paced=paced, many=many)


def _figures(
    *, noop: load.Outcome, usual: load.Outcome, one: load.Outcome, paced: load.Outcome, many: load.Outcome
) -> list[Figure]:
    refused = sum(outcome.answered - outcome.accepted for outcome in (one, paced, many))
    many_events = many.per_second * EVENTS_PER_BATCH
    return [
        Figure("ingest", "no-op ASGI application", noop.per_second, "requests/s", note="baseline"),
        Figure(
            "ingest", "FastAPI, pydantic, one XADD an event", usual.per_second, "requests/s", note="baseline"
        ),
        Figure("ingest", "one event a request", one.per_second, "events/s"),
        Figure("ingest", "against the no-op application", one.per_second / noop.per_second, "×", 0.35, 0.55),
        Figure("ingest", "against the usual way", one.per_second / usual.per_second, "×", 4, 8),
        Figure("ingest", f"{EVENTS_PER_BATCH} events a request", many_events, "events/s"),
        Figure("ingest", "batched against one a request", many_events / one.per_second, "×", 6, 15),
        Figure(
            "ingest",
            f"p99 at {CONNECTIONS} connections",
            one.p99_ms,
            "ms",
            10,
            3,
            more_is_better=False,
            note=f"at saturation: every connection always has a request out; p50 {one.p50_ms:.3g} ms",
        ),
        Figure(
            "ingest",
            f"p99 at {CONNECTIONS} connections, {SHARE:.0%} of that rate",
            paced.p99_ms,
            "ms",
            10,
            3,
            more_is_better=False,
            note=f"{paced.per_second:,.0f} requests/s, timed from when each was due; p50 {paced.p50_ms:.3g} ms",
        ),
        Figure("ingest", "answers that were not 200", refused, "", 0, more_is_better=False),
    ]


def _drive(port: int, requests_file: str, *, per_second: float | None = None) -> load.Outcome:
    plan = load.Plan(
        port=port, requests=requests_file, connections=CONNECTIONS, seconds=SECONDS, per_second=per_second
    )
    load.drive(load.Plan(port=port, requests=requests_file, connections=CONNECTIONS, seconds=2), core=1)
    return load.drive(plan, core=stage.OTHERS_CORE)


def _uvicorn(app: str, port: int, engines: stage.Stage) -> AbstractContextManager[int]:
    arguments: Sequence[str] = (
        *("-m", "uvicorn", app, "--port", str(port), "--loop", "uvloop", "--http", "httptools"),
        *("--no-access-log", "--log-level", "warning", "--app-dir", str(Path.cwd())),
    )
    return stage.program(arguments, environment=engines.environment, port=port, path="/")

"""What the routes of ingest work with, made once by the entry point and handed to each of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from openpanel_api.ingest.admission import Admission
from openpanel_api.ingest.asgi import Send
from openpanel_api.ingest.counts import Counts, Exposition
from openpanel_api.ingest.heads import Heads
from openpanel_api.ingest.lanes import Lanes
from openpanel_api.ingest.receive import Bodies
from openpanel_api.ingest.scripts import Scripts

SendAccepted = Callable[[Send, bytes], Awaitable[None]]  # 200 and JSON
Check = Callable[[], Awaitable[object]]  # raises when the dependency does not answer


@dataclass(frozen=True, slots=True)
class State:
    """Whether the service takes calls."""

    stopping: Callable[[], bool]
    started: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a route may need."""

    heads: Heads
    bodies: Bodies
    admission: Admission
    lanes: Lanes
    send_accepted: SendAccepted
    now_ms: Callable[[], int]
    counts: Counts
    exposition: Exposition
    scripts: Scripts
    state: State
    checks: Mapping[str, Check]

"""What a watcher of a project is told: something at once, then whatever changes, and signs of life between."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final, Literal

from starlette.requests import HTTPConnection

from openpanel.metadata import ProjectRecord
from openpanel.stream import Pool
from openpanel_api.public.live_access import Room, Watcher, still_admitted
from openpanel_api.public.live_counts import Looks, Pulse
from openpanel_api.public.services import Services

BEAT_S: Final = 15.0  # a silent stream says that it is there
CHECK_S: Final = 30.0  # between two looks at whether the watcher still may

Kind = Literal["visitors", "events"]
Message = tuple[Kind, str]


@dataclass(slots=True)
class Teller:
    """Remembers what was told, so that only news are."""

    kinds: tuple[Kind, ...]
    told: dict[Kind, int] = field(default_factory=dict)

    def news(self, pulse: Pulse) -> list[Message]:
        """What this pulse has that the last ones had not."""
        now: dict[Kind, int] = {"visitors": pulse.online, "events": pulse.counted}
        found: list[Message] = []
        for kind in self.kinds:
            before = self.told.get(kind)
            if before != now[kind]:
                # Events are told as how many more; whoever begins to watch begins with none.
                more = 0 if before is None else now[kind] - before
                found.append((kind, str(now[kind]) if kind == "visitors" else json.dumps({"count": more})))
                self.told[kind] = now[kind]
        return found


async def messages(
    connection: HTTPConnection, services: Services, watcher: Watcher, kinds: tuple[Kind, ...]
) -> AsyncGenerator[Message | None, None]:
    """News as they come, `None` for a sign of life. Ends when the process stops or the watcher may not any more."""
    clock = asyncio.get_running_loop().time
    teller, spoke, checked = Teller(kinds), clock(), clock()
    looks = looks_of(connection)
    async with looks.watching(watcher.project, pool=_pool(services, watcher.project)) as pulses:
        async for pulse in pulses:
            for message in teller.news(pulse):
                spoke = clock()
                yield message
            if clock() - spoke >= BEAT_S:
                spoke = clock()
                yield None
            if clock() - checked >= CHECK_S:
                checked = clock()
                if not await still_admitted(services, watcher):
                    return


def looks_of(connection: HTTPConnection) -> Looks:
    """The one who looks for all watchers of the application."""
    state = connection.app.state
    if not hasattr(state, "looks"):
        services: Services = state.services
        assert services.redis is not None  # checked when the watcher was admitted
        state.looks = Looks(services.redis, clock_ms=services.clock_ms, stopping=services.stopping)
    looks: Looks = state.looks
    return looks


def room_of(connection: HTTPConnection) -> Room:
    """The application's count of connections."""
    state = connection.app.state
    if not hasattr(state, "room"):
        state.room = Room()
    room: Room = state.room
    return room


def _pool(services: Services, project: ProjectRecord) -> Pool:
    """The project's pool with as many shards as anybody knows of; more than there are is harmless."""
    known = services.pool(project.pool)
    return Pool(known.name, max(known.shards, project.pool_shards))

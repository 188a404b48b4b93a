"""The ingest application over a real committer and Valkey, with clients from a dictionary and a clock to move."""

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import redis.asyncio
from redis import Redis

from openpanel.identity.credentials import hash_secret, verify_secret
from openpanel.identity.salts import utc_day
from openpanel.metadata.records import ClientRecord, ProjectRecord
from openpanel.stream import frames
from openpanel.stream.commit import Committer
from openpanel.stream.drain import Message, Shard
from openpanel.stream.frames import Envelope
from openpanel.stream.keys import Pool, keys_of
from openpanel.stream.spool import Spool
from openpanel_api.ingest.addresses import Networks
from openpanel_api.ingest.admission import Admission, Verify
from openpanel_api.ingest.agents import AgentTests
from openpanel_api.ingest.app import IngestApp
from openpanel_api.ingest.asgi import send_accepted
from openpanel_api.ingest.buckets import BadCredentials
from openpanel_api.ingest.clients import Clients, SourceAwayError
from openpanel_api.ingest.counts import Counts, Exposition
from openpanel_api.ingest.heads import Heads
from openpanel_api.ingest.lanes import Lanes, Only
from openpanel_api.ingest.parts import Parts, State
from openpanel_api.ingest.quota import Quotas
from openpanel_api.ingest.receive import Bodies
from openpanel_api.ingest.salts import SaltKeeper
from openpanel_api.ingest.scripts import Scripts

NOON = 1_767_268_800_000  # 2026-01-01 12:00 UTC
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
SERVER_AGENT = "okhttp/4.12.0"
ORIGIN = "https://example.com"
PROXY = "10.0.0.1"  # trusted
VISITOR = "198.51.100.7"
WAIT_SECONDS = 60  # at most, for what happens by itself, and for Redis

WRITE = "00000000-0000-4000-8000-000000000001"
READ = "00000000-0000-4000-8000-000000000002"
ROOT = "00000000-0000-4000-8000-000000000003"
HOMELESS = "00000000-0000-4000-8000-000000000004"
OPEN = "00000000-0000-4000-8000-000000000005"
UNKNOWN = "00000000-0000-4000-8000-00000000ffff"
SECRET = "sec_right"

Headers = dict[str, str | None]  # None leaves a header out

_HASHES = (hash_secret(SECRET),)
_AGENTS = AgentTests()
_numbers = itertools.count(1)


@dataclass
class Clock:
    """Time that only tests move."""

    now_ms: int = NOON

    def __call__(self) -> int:
        return self.now_ms


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Source:
    """Where clients come from; a test changes the dictionary or sends it away."""

    records: dict[str, ClientRecord]
    away: bool = False
    asked: list[str] = field(default_factory=list)

    async def load(self, client_id: str) -> ClientRecord | None:
        self.asked.append(client_id)
        if self.away:
            raise SourceAwayError
        return self.records.get(client_id)


def records(**project: Any) -> dict[str, ClientRecord]:
    """One project with a client of every kind."""
    owner = ProjectRecord(
        **(
            {"id": f"demo{next(_numbers)}", "name": "Demo", "organization": "acme", "cors": (ORIGIN,)}
            | project
        )
    )
    made = [
        ClientRecord(WRITE, "web", owner, "acme", "write", _HASHES),
        ClientRecord(READ, "reader", owner, "acme", "read", _HASHES),
        ClientRecord(ROOT, "admin", owner, "acme", "root", _HASHES),
        ClientRecord(HOMELESS, "org", None, "acme", "root", _HASHES),
        ClientRecord(OPEN, "open", owner, "acme", "write", (), ignore_cors_and_secret=True),
    ]
    return {record.id: record for record in made}


@dataclass
class Ingest:
    """A running application and what a test wants to ask it."""

    app: IngestApp
    parts: Parts
    source: Source
    clients: Clients
    clock: Clock
    redis: redis.asyncio.Redis
    url: str
    pool: Pool

    @property
    def project(self) -> str:
        owner = self.source.records[WRITE].project
        assert owner is not None
        return owner.id

    def change_project(self, **fields: Any) -> None:
        """Another state of the project, as it would come from the metadata; nobody is told."""
        for key, record in self.source.records.items():
            if record.project is not None:
                self.source.records[key] = replace(record, project=replace(record.project, **fields))

    async def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Headers | None = None,
        *,
        peer: str | None = VISITOR,
        chunks: Sequence[bytes] = (),
    ) -> Answer:
        """One call through ASGI. The body comes in one piece, or in `chunks`."""
        pieces = list(chunks) or [body]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if not pieces:
                return {"type": "http.disconnect"}
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(a_scope(method, path, headers or {}, peer), receive, send)
        return answer_from(sent)

    async def post(self, path: str, payload: Any, headers: Headers | None = None, **more: Any) -> Answer:
        """A call of a browser that is let in by its origin, unless `headers` say otherwise (None: left out)."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return await self.call("POST", path, body, browser() | (headers or {}), **more)

    async def track(self, headers: Headers | None = None, **properties: Any) -> Answer:
        """A screen view of `/pricing`, or what `properties` make of it."""
        return await self.post("/track", an_event(**properties), headers)

    async def kept(self) -> list[Envelope]:
        """What is in the stream, in order."""
        entries: Any = []
        for keys in keys_of(self.pool):
            entries += await self.redis.xrange(keys.stream) or []
        return [
            placed.envelope
            for _, fields in entries
            if b"f" in fields
            for placed in frames.decode(fields[b"f"])[0]
        ]

    async def kept_when_complete(self, number: int) -> list[Envelope]:
        """What is in the stream once it holds so many requests: those of the spool come by themselves."""
        async with asyncio.timeout(WAIT_SECONDS):
            while len(kept := await self.kept()) < number:  # noqa: ASYNC110 (bounded by the timeout)
                await asyncio.sleep(0.02)
        return kept

    async def messages(self) -> list[Message]:
        """What a worker gets: without the messages that are repeats."""
        return await asyncio.to_thread(self._drained)

    def _drained(self) -> list[Message]:
        found: list[Message] = []
        with Redis.from_url(self.url) as store:
            for index in range(self.pool.shards):
                shard = Shard(store, pool=self.pool, index=index, owner="test", clock=self.clock)
                assert shard.acquire()
                block = shard.next_block(max_events=10_000)
                found += [one for one in (block.records if block else []) if isinstance(one, Message)]
                shard.release()
        return found


def browser() -> Headers:
    return {
        "content-type": "application/json",
        "openpanel-client-id": WRITE,
        "origin": ORIGIN,
        "user-agent": CHROME,
    }


def server(client: str = WRITE) -> Headers:
    """Headers of a customer's server that sends with a secret."""
    return {
        "content-type": "application/json",
        "openpanel-client-id": client,
        "openpanel-client-secret": SECRET,
        "origin": None,
        "user-agent": SERVER_AGENT,
    }


def an_event(name: str = "screen_view", profile: Any = None, **properties: Any) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "name": name,
        "properties": {"__path": "https://example.com/pricing"} | properties,
    }
    return {"type": "track", "payload": payload if profile is None else payload | {"profileId": profile}}


def a_scope(method: str, path: str, headers: Headers, peer: str | None) -> dict[str, Any]:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if value is not None]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "headers": pairs,
        "client": (peer, 40_000) if peer is not None else None,
    }


def answer_from(sent: Sequence[Any]) -> Answer:
    start, *bodies = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    body = b"".join(message.get("body", b"") for message in bodies)
    if start["status"] not in (204, 304) and body:
        assert int(headers["content-length"]) == len(body)
    return Answer(start["status"], headers, body)


@asynccontextmanager
async def an_ingest(
    url: str,
    folder: Path,
    *,
    shards: int = 1,
    high_water: int = 1_000_000,
    address_header: str = "",
    bodies: Bodies | None = None,
    bad: BadCredentials | None = None,
    verify: Verify = verify_secret,
    scripts: Path | None = None,
    only: Only | None = None,
    quotas: Quotas | None = None,
    trusted: str = "10.0.0.0/8",
    **project: Any,
) -> AsyncIterator[Ingest]:
    """The application with one project (fields as given) and the committer behind it."""
    clock, store = Clock(), redis.asyncio.Redis.from_url(url)
    pool = Pool(f"ingest-{os.getpid()}-{next(_numbers)}", shards)
    source = Source(records(**({"pool": pool.name} | project)))
    clients = Clients(load=source.load, redis=Namespaced(store, pool.name), now_ms=clock)
    keeper = SaltKeeper(load=_salts(clock), now_ms=clock)
    await keeper.refresh()
    committing = _committing(store, folder / "spool", clock, high_water)
    lanes = Lanes(own=pool, open_commits=committing, only=only, quotas=quotas)
    await lanes.__aenter__()
    counts = Counts()
    parts = Parts(
        heads=Heads(
            trusted=Networks([trusted]),
            address_header=address_header,
            bot=_AGENTS.bot,
            server=_AGENTS.server,
        ),
        bodies=bodies or Bodies(),
        admission=Admission(
            clients=clients,
            salts=keeper,
            lanes=lanes,
            now_ms=clock,
            bad=bad or BadCredentials(),
            verify=verify,
        ),
        lanes=lanes,
        send_accepted=send_accepted,
        now_ms=clock,
        counts=counts,
        exposition=Exposition(counts),
        scripts=Scripts(scripts or folder),
        state=State(stopping=lambda: False, started=lambda: keeper.ready),
        checks={"redis": store.ping},
    )
    sweeping = asyncio.create_task(parts.bodies.sweep())
    try:
        yield Ingest(IngestApp(parts), parts, source, clients, clock, store, url, pool)
    finally:
        await lanes.__aexit__(None, None, None)
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping
        await store.aclose()


def _committing(
    store: redis.asyncio.Redis, folder: Path, clock: Clock, high_water: int
) -> Callable[[Pool], AbstractAsyncContextManager[Committer]]:
    @asynccontextmanager
    async def opened(pool: Pool) -> AsyncIterator[Committer]:
        with contextlib.closing(Spool(folder, pool=pool.name)) as spool:
            spool.open()
            committer = Committer(
                store,
                pool=pool,
                spool=spool,
                clock=clock,
                high_water=high_water,
                wake=lambda _: None,
                timeout_s=WAIT_SECONDS,
            )
            running = asyncio.create_task(committer.run())
            yield committer
            await committer.close()
            await running

    return opened


class Namespaced:
    """A client of Redis whose keys are one test's own."""

    def __init__(self, store: redis.asyncio.Redis, name: str) -> None:
        self._store = store
        self._name = name

    async def get(self, key: str, /) -> Any:
        return await self._store.get(f"{self._name}:{key}")

    async def set(self, key: str, value: bytes, /, *, ex: int) -> Any:
        return await self._store.set(f"{self._name}:{key}", value, ex=ex)


def _salts(clock: Clock) -> Any:
    async def load() -> Mapping[date, bytes]:
        today = utc_day(clock.now_ms)
        days = [today + timedelta(days=offset) for offset in (-1, 0, 1, 2)]
        return {day: day.isoformat().encode() for day in days}

    return load


def body_of(envelope: Envelope) -> Any:
    return msgspec.json.decode(envelope.body)

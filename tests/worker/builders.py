"""A worker's world for one test: a stream of its own, a database of its own, and what visitors send."""

import contextlib
import json
import threading
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from openpanel.identity.ids import hash64, session_id, to_hex
from openpanel.metadata import ProjectRecord, Standing
from openpanel.stream.drain import Shard
from openpanel.stream.forgetting import forget_person
from openpanel.stream.frames import Append, Envelope, Flag, Item, Kind, Resolved, Run, RunMode
from openpanel.stream.sweep import sweep_sessions
from openpanel.warehouse import Warehouse
from openpanel.warehouse.schema import Single
from openpanel_worker.deps import Values, transform_of
from openpanel_worker.drain import Drain, Leased, Outcome
from openpanel_worker.erasures import Erasures
from openpanel_worker.late_words import ForgottenAmong, LateWords, LookAgain
from openpanel_worker.projects import Projects
from openpanel_worker.surroundings import Enrichers
from openpanel_worker.transform import Transform
from tests.stream.builders import MINUTE, NOON, Clock, Stream, a_stream

PROJECT = "shop"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
SERVER = "node-fetch/1.0"
ALICE = 0xA11CE
BOB = 0xB0B

Fields = Mapping[str, Any]


def track(
    name: str = "screen_view", *, profile: str | None = None, groups: Sequence[str] = (), **properties: Any
) -> Fields:
    payload: dict[str, Any] = {"name": name, "properties": properties}
    if profile is not None:
        payload["profileId"] = profile
    if groups:
        payload["groups"] = list(groups)
    return {"type": "track", "payload": payload}


def message(kind: str, **payload: Any) -> Fields:
    return {"type": kind, "payload": payload}


@dataclass
class World:
    """Everything between a frame and a row."""

    stream: Stream
    warehouse: Warehouse
    enrichers: Enrichers
    projects: dict[str, ProjectRecord]
    values: Values
    erased_at: dict[str, datetime] = field(default_factory=dict)
    """When projects of these ids were erased last."""
    forgotten_among: ForgottenAmong = lambda _projects: {}
    """Whom the metadata say to be erased."""
    stopping: threading.Event = field(default_factory=threading.Event)
    known: Projects = field(init=False)
    """What the worker knows of projects."""
    transform: Transform = field(init=False)
    erasures: Erasures = field(init=False)
    late_words: LateWords = field(init=False)

    def __post_init__(self) -> None:
        self.transform = self.new_transform()
        self.erasures = Erasures(self.warehouse, form=Single(), erased_among=self.erased_among)
        self.hear(lambda _erasure, _persons: None)

    def hear(self, look_again: LookAgain) -> None:
        """Tell this whenever something of an erased person may have come in late."""
        self.late_words = LateWords(
            self.warehouse,
            forgotten_among=self.forgotten_among,
            look_again=look_again,
            forget_traces=partial(forget_person, self.stream.redis, pool=self.stream.pool),
        )

    def erased_among(self, projects: Collection[str]) -> list[str]:
        """What the metadata say of these projects now."""
        return [project for project in projects if self.standing(project).erased]

    def standing(self, project: str) -> Standing:
        """The same of one project."""
        forgotten = self.forgotten_among([project]).get(project, ())
        return Standing(self.projects.get(project), self.erased_at.get(project), forgotten)

    def new_transform(self) -> Transform:
        """The caches of a worker that has just started."""
        self.known = Projects(self.standing, clock=self.stream.clock)
        return transform_of(
            self.values,
            self.enrichers,
            projects=self.known,
            client=self.stream.redis,
            warehouse=self.warehouse,
            clock=self.stream.clock,
        )

    async def send(
        self,
        sent: Fields,
        *,
        minute: float = 0,
        device: int = ALICE,
        agent: str = CHROME,
        ip: str = "8.8.8.8",
        flags: int = 0,
        mode: RunMode | None = RunMode.OPEN,
        project: str = PROJECT,
        device_ref: str = "",
    ) -> Resolved | None:
        """Commit one call as the API would, so many minutes after noon."""
        at_ms = NOON + int(minute * MINUTE)
        body = json.dumps(sent).encode()
        if sent["type"] != "track" and mode is RunMode.OPEN:
            mode = RunMode.PEEK
        payload = sent["payload"]
        page = payload.get("properties", {}).get("__path", "") if sent["type"] == "track" else ""
        view = sent["type"] == "track" and payload["name"] == "screen_view" and bool(page)
        run = Run(
            project,
            device,
            None,
            at_ms,
            at_ms,
            views=int(view),
            events=int(sent["type"] == "track" and not view),
            candidate=session_id(project=project, device=device, at_ms=at_ms),
            mode=mode or RunMode.PEEK,
            profile=str(payload.get("profileId") or ""),
            path="/" + page.partition("://")[2].partition("/")[2] if "://" in page else page,
        )
        kind = Kind[sent["type"].upper()]
        item = Item(kind, -1, at_ms, flags, 0 if mode else -1, device, device_ref)
        envelope = Envelope(
            project, "client", at_ms, ip, agent, "https://shop.example", "web", "1.4.0", body, [item]
        )
        append = Append(f"{project}|{device}", "", (run,) if mode else (), envelope)
        answers = await self.stream.committer.append(append)
        return answers[0] if answers else None

    async def send_many(
        self,
        sent: Sequence[tuple[Kind, Any]],
        *,
        items: Mapping[int, Fields] | None = None,
        body: bytes = b"",
    ) -> None:
        """Commit one call with several messages, none of which has to do with sessions."""
        whole = body or json.dumps([one for _, one in sent]).encode()
        built = [
            Item(
                kind,
                index,
                **{"at_ms": NOON, "flags": 0, "run": -1, "device": 0, **(items or {}).get(index, {})},
            )
            for index, (kind, _) in enumerate(sent)
        ]
        envelope = Envelope(PROJECT, "client", NOON, "8.8.8.8", CHROME, "", "web", "1", whole, built)
        await self.stream.committer.append(Append(PROJECT, "", (), envelope))

    def shard(self, index: int = 0, *, owner: str = "worker") -> Shard:
        return self.stream.shard(index, owner=owner)

    def new_drain(
        self,
        *,
        shard: Leased | None = None,
        transform: Transform | None = None,
        warehouse: Warehouse | None = None,
        **fields: Any,
    ) -> Drain:
        defaults: dict[str, Any] = {
            "max_events": 20_000,
            "linger": lambda _in_hand, _inserting_s: None,
            "index": 0,
            "budget_s": 600.0,
        }
        return Drain(
            shard=shard or self.shard(),
            transform=transform or self.transform,
            warehouse=warehouse or self.warehouse,
            erasures=self.erasures,
            late_words=self.late_words,
            stopping=self.stopping,
            **{**defaults, **fields},
        )

    def drain(self) -> Outcome:
        """Bring in everything that waits."""
        return self.new_drain().run()

    def sweep(self, minute: float) -> int:
        """End what is idle so many minutes after noon."""
        return sweep_sessions(
            self.stream.redis, pool=self.stream.pool, now_ms=NOON + int(minute * MINUTE), limit=1_000
        )

    def rows(
        self, columns: str, *, table: str = "events", where: str = "1", order: str = "created_at, name DESC"
    ) -> list[tuple[Any, ...]]:
        """Rows of a table of this world."""
        return self.warehouse.query(f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {order}")

    def letters(self) -> list[tuple[Any, ...]]:
        """Reason, detail and body of the dead letters."""
        return self.rows("reason, detail, body", table="dead_letters", order="order")


@contextlib.asynccontextmanager
async def a_world(
    url: str, folder: Path, *, warehouse: Warehouse, enrichers: Enrichers, shards: int = 1, **project: Any
) -> AsyncIterator[World]:
    record = ProjectRecord(id=PROJECT, name="Shop", organization="acme", **project)
    async with a_stream(url, folder, shards=shards) as stream:
        values = Values(url, "", "", warehouse.database, stream.pool)
        yield World(stream, warehouse, enrichers, {PROJECT: record}, values)


__all__ = [
    "ALICE", "BOB", "CHROME", "MINUTE", "NOON", "PROJECT", "SERVER", "Clock", "Flag", "Kind", "RunMode", "World",
    "a_world", "hash64", "message", "session_id", "to_hex", "track",
]  # fmt: skip

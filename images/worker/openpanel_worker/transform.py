"""From a block to the rows of all tables: each record to the one that knows its kind.

Reads what it needs first (visits in one round trip, profiles and imported sessions in one question) and writes
nothing but visits and tallies. The same block gives the same rows again. Stores that are away raise their rooms'
errors and the block is tried again; everything that is wrong with a single message ends in a dead letter, and its
neighbours go on.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import redis
import structlog

from openpanel import metadata
from openpanel.identity.ids import NO_ID, to_hex
from openpanel.stream.drain import Block, EndedSession, Message, Record
from openpanel.stream.frames import Envelope, Kind
from openpanel.warehouse import WarehouseError
from openpanel.wire.messages import (
    MESSAGE,
    Alias,
    AssignGroup,
    Decrement,
    Group,
    Identify,
    IdentifyPayload,
    Increment,
    Replay,
    Track,
    TrackPayload,
    profile_text,
)
from openpanel_worker import dead_letters, forgotten, metrics
from openpanel_worker.batch import Batch, Rows, Source
from openpanel_worker.bodies import Bodies
from openpanel_worker.bot_rows import bot_row
from openpanel_worker.events import EventRows, person_of, profile_of
from openpanel_worker.fragments import Fragments
from openpanel_worker.imported_sessions import ImportedSessions
from openpanel_worker.imports import Imports
from openpanel_worker.overrides import Overrides
from openpanel_worker.people import People
from openpanel_worker.profiles import Counted, Joined, told
from openpanel_worker.projects import Project, Projects
from openpanel_worker.replays import NoSession, replay_row
from openpanel_worker.surroundings import Enrichers, Surroundings
from openpanel_worker.tallies import Tallies
from openpanel_worker.visits import Visits

TRACK: Final = int(Kind.TRACK)
IMPORT: Final = int(Kind.IMPORT)
BOT: Final = int(Kind.BOT)

_AWAY: Final = (redis.RedisError, WarehouseError, metadata.MetadataError)
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, IndexError)

_log = structlog.get_logger(__name__)


class Transform:
    """Makes rows of blocks of one worker. Not shared between threads."""

    def __init__(
        self,
        *,
        enrichers: Enrichers,
        projects: Projects,
        visits: Visits,
        tallies: Tallies,
        people: People,
        imported_sessions: ImportedSessions,
        fragments: Fragments,
        clock: Callable[[], int],
    ) -> None:
        """`clock` gives milliseconds and dates dead frames only."""
        self._projects = projects
        self._visits = visits
        self._tallies = tallies
        self._people = people
        self._overrides = Overrides()
        self._surroundings = Surroundings(enrichers, fragments=fragments)
        self._events = EventRows(
            surroundings=self._surroundings, visits=visits, tallies=tallies, fragments=fragments
        )
        self._imports = Imports(
            referrers=enrichers.referrers, fragments=fragments, sessions=imported_sessions
        )
        self._bodies = Bodies()
        self._clock = clock
        self._settings: dict[str, Project] = {}

    def take_over(self) -> None:
        """The shard was somebody else's until now: what was read of it may have changed."""
        self._people.forget()
        self._imports.take_over()
        self._overrides.take_over()

    def rows(self, block: Block, *, shard: int) -> Batch:
        """The rows of a block; raises errors of stores that are away. The block before need not be written yet."""
        batch = Batch()
        self._settings.clear()
        self._overrides.begin()
        self._people.begin()
        self._visits.turn_to(shard)
        self._visits.fetch(_sessions(block.records))
        self._tallies.begin(block.records, shard=shard)
        self._imports.begin(_imported(block.records))
        graves = batch.dead_letters
        for frame in block.dead:
            self.bury(frame, dead_letters.FRAME, frame.reason, into=graves)
        for record in block.records:
            self._take(record, batch)
        self._visits.write_down()
        self._tallies.write_down()
        self._people.apply(
            batch,
            refuse=lambda message, reason, detail: self.bury(
                message, reason, detail, into=batch.dead_letters
            ),
            is_of_before=lambda profile: forgotten.is_of_before(
                profile.id,
                profile.project,
                version=profile.version,
                persons=self._project(profile.project).forgotten,
            ),
        )
        self._overrides.made()
        batch.met.knew(self._settings)
        batch.projects = frozenset(
            name for name, project in self._settings.items() if block.repeated or not project.erased
        )
        return batch

    def settle(self) -> None:
        """The rows of the oldest block that was made and not written are written."""
        self._overrides.settle()

    def bury(self, source: Source, reason: str, detail: str, *, into: Rows) -> None:
        """Keep what cannot be used, with the reason."""
        into.add(dead_letters.letter(source, reason, detail, now_ms=self._clock()), source)

    def _take(self, record: Record, batch: Batch) -> None:
        if isinstance(record, EndedSession):
            self._end(record, batch)
            return
        if record.closed is not None:
            self._end(record.closed, batch)
        try:
            project = self._settings.get(record.envelope.project) or self._project(record.envelope.project)
            if record.envelope.received_ms <= project.left_out_until_ms:
                self._leave_out(record, project, batch)
                return
            if project.forgotten and self._is_of_an_erased_person(record, project, batch):
                return
            self._sort(record, project, batch)
        except _AWAY:
            raise
        except NoSession:
            self.bury(record, dead_letters.NO_SESSION, "", into=batch.dead_letters)
        except _UNREADABLE as error:
            self._spoiled(record, dead_letters.MESSAGE, str(error), batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up its neighbours
            _log.exception("message cannot be processed", kind=record.item.kind)
            self._spoiled(record, dead_letters.UNEXPECTED, repr(error), batch)

    def _end(self, ended: EndedSession, batch: Batch) -> None:
        try:
            project = self._project(ended.project)
            if ended.ended_ms <= project.left_out_until_ms:
                self._leave_out(ended, project, batch)
                return
            if forgotten.of_ended(ended, project.forgotten) is not None:
                metrics.ERASED.inc()
                return
            self._events.end(ended, project, rows=batch.events)
        except _AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - as for messages
            _log.exception("session end cannot be processed")
            self.bury(ended, dead_letters.UNEXPECTED, repr(error), into=batch.dead_letters)

    def _leave_out(self, record: Record, project: Project, batch: Batch) -> None:
        """What was erased with its project, the next one of that name aside, or what is of nobody's project."""
        if isinstance(record, Message) and not project.erased:
            self._events.skip(record)
        if project.known:
            metrics.ERASED.inc()
        else:
            self.bury(record, dead_letters.NO_PROJECT, dead_letters.WAY_BACK, into=batch.dead_letters)

    def _is_of_an_erased_person(self, message: Message, project: Project, batch: Batch) -> bool:
        """Whether that is so; then the message is not written, but what it tells of the person is noted."""
        if forgotten.whose(message, self._bodies, project.forgotten, batch.met) is None:
            return False
        self._events.skip(message)
        metrics.ERASED.inc()
        return True

    def _spoiled(self, message: Message, reason: str, detail: str, batch: Batch) -> None:
        self._events.skip(message)
        self.bury(message, reason, detail, into=batch.dead_letters)

    def _sort(self, message: Message, project: Project, batch: Batch) -> None:
        kind = message.item.kind
        body = message.envelope.body if message.item.index < 0 else self._bodies.of(message)
        if kind == IMPORT:
            self._import(message, body, project, batch)
            return
        sent = MESSAGE.decode(body)
        if type(sent) is Track:
            if kind == BOT:
                batch.bots.add(bot_row(message, sent.payload), message)
            else:
                self._track(message, sent.payload, project, batch)
        elif isinstance(sent, Replay):
            batch.replay_chunks.add(replay_row(message, sent.payload), message)
        elif isinstance(sent, Group):
            self._people.describe(message, sent.payload)
        elif not isinstance(sent, Track):
            self._person(message, sent, project, batch)

    def _import(self, message: Message, body: bytes | msgspec.Raw, project: Project, batch: Batch) -> None:
        row, profile = self._imports.row(message, body, project)
        batch.events.add(row, message)
        if profile and message.device != NO_ID:
            self._overrides.see(message, message.device, into=person_of(profile), batch=batch)

    def _track(self, message: Message, payload: TrackPayload, project: Project, batch: Batch) -> None:
        profile = profile_of(payload)
        self._events.track(message, payload, project, profile=profile, rows=batch.events)
        if not profile:
            return
        # A server's event has no device of its own: it borrows that of the visit it joins.
        if message.item.device != NO_ID:
            self._overrides.see(message, message.device, into=person_of(profile), batch=batch)
        if payload.properties and (identify := payload.properties.get("__identify")):
            self._identify(message, msgspec.convert(identify, IdentifyPayload), project)

    def _person(
        self,
        message: Message,
        sent: Identify | Increment | Decrement | Alias | AssignGroup,
        project: Project,
        batch: Batch,
    ) -> None:
        profile = profile_text(sent.payload.profile_id) or _profile_of_device(message)
        if not profile:
            self.bury(message, dead_letters.NO_PROFILE, "", into=batch.dead_letters)
            return
        match sent:
            case Identify():
                self._identify(message, sent.payload, project)
                if message.device != NO_ID:
                    self._overrides.see(message, message.device, into=person_of(profile), batch=batch)
            case Increment() | Decrement():
                amount = sent.payload.value or 1
                signed = amount if isinstance(sent, Increment) else -amount
                self._people.change(message, profile, Counted(sent.payload.property, signed))
            case AssignGroup():
                self._people.change(message, profile, Joined(tuple(sent.payload.group_ids)))
            case Alias():
                alias = person_of(profile_text(sent.payload.alias))
                self._overrides.see(message, alias, into=person_of(profile), batch=batch)

    def _identify(self, message: Message, payload: IdentifyPayload, project: Project) -> None:
        change = told(
            payload,
            place=self._surroundings.place(message, project),
            agent=self._surroundings.agent(message, payload.properties or {}),
        )
        self._people.change(message, profile_text(payload.profile_id), change)

    def _project(self, project: str) -> Project:
        """The settings of a project, the same throughout a block."""
        if project not in self._settings:
            settings = self._settings[project] = self._projects.get(project)
            self._overrides.live(project, settings.life)
        return self._settings[project]


def _profile_of_device(message: Message) -> str:
    """The profile of a visitor who has no name yet: the device; '' for a server, which has none."""
    return to_hex(message.device) if message.device != NO_ID else ""


def _imported(records: list[Record]) -> list[Envelope]:
    """The calls whose rows are imported, each once: those of a call follow one another."""
    calls: list[Envelope] = []
    for record in records:
        if (
            not isinstance(record, EndedSession)
            and record.item.kind == IMPORT
            and not (calls and calls[-1] is record.envelope)
        ):
            calls.append(record.envelope)
    return calls


def _sessions(records: list[Record]) -> set[int]:
    """The sessions whose visits are needed and do not begin in this block."""
    needed: set[int] = set()
    begun: set[int] = set()
    for record in records:
        if isinstance(record, EndedSession):
            needed.add(record.session)
            continue
        if record.opened:
            begun.add(record.session)
        elif record.item.kind == TRACK:
            needed.add(record.session)
        if record.closed is not None:
            needed.add(record.closed.session)
    return needed - begun - {NO_ID}

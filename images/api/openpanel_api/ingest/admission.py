"""Who sends, and may they: the checks of ingestion in their fixed order, each with its fixed text.

The order is part of the protocol: client id missing, malformed, unknown, without project; address blocked; profile
blocked; revenue without secret; then free clients, origins, secrets. What does not depend on the message is found
once per set of headers and kept as a `Sender`; `judge` asks the rest for each message.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from openpanel.identity.credentials import Verdicts, verdict_key, verify_secret
from openpanel.metadata.records import ClientRecord, ProjectRecord
from openpanel.wire import refusals, reserved
from openpanel.wire.messages import Message, Track, profiles_named
from openpanel.wire.refusals import RateLimited, Refusal
from openpanel_api.ingest.buckets import BadCredentials, Bucket
from openpanel_api.ingest.clients import Clients, Entry
from openpanel_api.ingest.heads import Head
from openpanel_api.ingest.lanes import Lanes
from openpanel_api.ingest.salts import SaltKeeper
from openpanel_api.ingest.senders import Sender

VERDICTS: Final = 20_000  # secrets remembered as right, and as many as wrong
# What addresses that were wrong too often may still ask of a process, all of them together.
SPARED_LOOKUPS_PER_S: Final = 20
SPARED_CHECKS_PER_S: Final = 2
VERIFYING: Final = 2  # checks of secrets at the same time; each takes 20 MB and 25 ms of a core

# Every version of UUID: the text of the refusal says v4, clients of other versions have always been let in.
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_IMPORTERS: Final = frozenset({"read", "root"})


class Verify(Protocol):
    """Whether a secret is one of those behind these hashes; takes its time, so it is called in a thread."""

    def __call__(self, secret: str, *, hashes: Sequence[str]) -> bool: ...


class Admission:
    """Turns heads into senders and judges messages."""

    def __init__(
        self,
        *,
        clients: Clients,
        salts: SaltKeeper,
        lanes: Lanes,
        now_ms: Callable[[], int],
        bad: BadCredentials,
        verify: Verify = verify_secret,
    ) -> None:
        self._clients = clients
        self._salts = salts
        self._lanes = lanes
        self._now_ms = now_ms
        self._verdicts = Verdicts(capacity=VERDICTS)
        self._verifying = asyncio.Semaphore(VERIFYING)
        self._being_verified: dict[bytes, asyncio.Task[bool]] = {}
        self._bad = bad
        begun = now_ms()
        self._lookups = Bucket(per_second=SPARED_LOOKUPS_PER_S, burst=SPARED_LOOKUPS_PER_S, now_ms=begun)
        self._checks = Bucket(per_second=SPARED_CHECKS_PER_S, burst=SPARED_CHECKS_PER_S, now_ms=begun)
        self._verify_secret = verify

    async def admit(self, head: Head, *, client_id: str | None = None, secret: str | None = None) -> Sender:
        """The sender of these headers; credentials in the body count where the headers have none.

        Refusals that come after the checks of the message are kept in the sender, for `judge` to raise.
        """
        client_id, secret = head.client_id or client_id or "", head.secret or secret or ""
        entry, record, project = await self._client(head, client_id)
        lane = await self._lanes.of(project)
        salts, salted_until_ms = self._salts.at(self._now_ms())
        sender = Sender(
            head,
            entry=entry,
            record=record,
            project=project,
            lane=lane,
            secret_sent=bool(secret),
            secret_good=bool(secret) and await self._verified(head, record, secret),
            salts=salts,
            until_ms=salted_until_ms,
        )
        if sender.secret_sent and not sender.secret_good and sender.late is None:
            self._bad.count(head.hop.address, self._now_ms())  # let in all the same, but still a guess
        if head.client_id == client_id and head.secret == secret:
            head.sender = sender
        return sender

    async def must_know(self, head: Head) -> None:
        """Raise what `admit` would say about the client that the headers name, whatever the body brings."""
        await self._client(head, head.client_id)

    def judge(self, sender: Sender, message: Message) -> None:
        """Raise what the order of checks says about this message, or nothing."""
        if sender.early is not None:
            raise sender.early
        refusal = judge_message(sender, message)
        if refusal is not None:
            raise refusal
        if sender.late is not None:
            raise self._wrong(sender.head, sender.late())

    def judge_sender(self, sender: Sender) -> None:
        """The part of `judge` that concerns all messages of a sender."""
        if sender.early is not None:
            raise sender.early
        if sender.late is not None:
            raise self._wrong(sender.head, sender.late())

    async def importer(self, head: Head) -> Sender:
        """The sender of an import: a read or root client of a project, with its secret."""
        if not _UUID.fullmatch(head.client_id):
            raise refusals.ImportMalformedClientId
        record = (await self._entry(head, head.client_id)).record
        if record is None or record.revoked:
            raise self._wrong(head, refusals.ImportUnknownClient())
        if not record.secret_hashes:
            raise refusals.ImportWithoutSecret
        if record.type not in _IMPORTERS:
            raise refusals.ImportNotAllowed
        if not head.secret or not await self._verified(head, record, head.secret):
            raise self._wrong(head, refusals.ImportBadSecret())
        if record.project is None or record.project.deleted:
            raise refusals.ImportWithoutProject
        return await self.admit(head)

    async def _client(self, head: Head, client_id: str) -> tuple[Entry, ClientRecord, ProjectRecord]:
        if not client_id:
            raise self._wrong(head, refusals.MissingClientId())
        if not _UUID.fullmatch(client_id):
            raise self._wrong(head, refusals.MalformedClientId())
        entry = await self._entry(head, client_id)
        record = entry.record
        if record is None or record.revoked:
            raise self._wrong(head, refusals.UnknownClient())
        if record.project is None or record.project.deleted:
            raise self._wrong(head, refusals.ClientWithoutProject())
        return entry, record, record.project

    async def _entry(self, head: Head, client_id: str) -> Entry:
        """The client; of those that are not known here few are looked up for addresses that were wrong too often.

        Behind such an address there may be others who are right, so it is not refused as a whole.
        """
        if not self._clients.knows(client_id):
            self._spare(head, self._lookups)
        return await self._clients.get(client_id)

    def _spare(self, head: Head, few: Bucket, *, taken: int = 1) -> None:
        """Raise `RateLimited` for an address that has been wrong too often, unless one of the `few` is left."""
        now_ms = self._now_ms()
        exhausted = self._bad.exhausted(head.hop.address, now_ms)
        if exhausted is None:
            return
        if few.empty(now_ms):
            raise RateLimited(retry_after_s=exhausted.wait_s(1))
        few.spend(taken, now_ms)

    async def _verified(self, head: Head, record: ClientRecord, secret: str) -> bool:
        """Check a secret, once: afterwards the verdict is remembered for as long as the hashes stay."""
        key = verdict_key(record.id, secret=secret, hashes=record.secret_hashes)
        verdict = self._verdicts.recall(key)
        if verdict is not None:
            return verdict
        task = self._being_verified.get(key)
        if task is None:
            self._spare(head, self._checks, taken=0)  # it is taken when the check begins
            task = asyncio.create_task(self._verify(head, record, secret), name=f"secret of {record.id}")
            self._being_verified[key] = task
            task.add_done_callback(partial(self._verified_now, key))
        verdict = await asyncio.shield(task)
        self._verdicts.remember(key, verdict=verdict)
        return verdict

    def _verified_now(self, key: bytes, task: asyncio.Task[bool]) -> None:
        self._being_verified.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever asked has heard of it, or is gone

    async def _verify(self, head: Head, record: ClientRecord, secret: str) -> bool:
        async with self._verifying:
            self._spare(head, self._checks)  # guesses that came all at once wait here for one another
            return await asyncio.to_thread(self._verify_secret, secret, hashes=record.secret_hashes)

    def _wrong(self, head: Head, refusal: Refusal) -> Refusal:
        """The refusal of wrong credentials, or 429 for an address that has been wrong too often."""
        now_ms = self._now_ms()
        exhausted = self._bad.exhausted(head.hop.address, now_ms)
        if exhausted is not None:
            return RateLimited(retry_after_s=exhausted.wait_s(1))
        self._bad.count(head.hop.address, now_ms)
        return refusal


def judge_message(sender: Sender, message: Message) -> type[Refusal] | None:
    """The part that each message of a sender is judged by on its own."""
    blocked = sender.entry.blocked_profiles
    if blocked and not blocked.isdisjoint(profiles_named(message)):
        return refusals.ProfileBlocked
    if type(message) is Track:
        properties = message.payload.properties
        if properties and properties.get(reserved.REVENUE) is not None and not may_send_revenue(sender):
            return refusals.RevenueNotAllowed
    return None


def may_send_revenue(sender: Sender) -> bool:
    """Whether this sender's events may carry an amount."""
    # A wrong secret of a sender that has nothing else is refused for the secret, further down the order.
    wrong_only = sender.secret_sent and sender.late is not None
    return sender.project.allow_unsafe_revenue or sender.secret_good or wrong_only

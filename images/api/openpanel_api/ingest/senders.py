"""A sender: a set of headers with its client, its address and its device, found once and good for many messages.

Made by `admission`, read by everything after it. Knows neither how clients are found nor how secrets are checked.
"""

from hashlib import blake2b
from typing import Final

from openpanel.identity.ids import NO_ID, SESSION_TIMEOUT_MS, device_id, session_id
from openpanel.identity.salts import Salts, utc_day
from openpanel.metadata.records import ClientRecord, ProjectRecord
from openpanel.stream.frames import Flag
from openpanel.wire import refusals
from openpanel.wire.refusals import Refusal
from openpanel_api.ingest.addresses import truncated
from openpanel_api.ingest.clients import Entry
from openpanel_api.ingest.heads import Head
from openpanel_api.ingest.lanes import Lane

KEY_BYTES: Final = 16  # of the keys that repeated messages are known by


class Sender:
    """All that a message needs to be judged and placed."""

    __slots__ = (
        "_candidate",
        "_candidate_bucket",
        "_salts",
        "bot",
        "client_id",
        "device",
        "dropped",
        "early",
        "entry",
        "flags",
        "guard",
        "head",
        "ip",
        "kept_ip",
        "lane",
        "late",
        "names_addresses",
        "plain",
        "previous",
        "project",
        "project_id",
        "secret_good",
        "secret_sent",
        "server",
        "shard_key",
        "until_ms",
    )

    def __init__(
        self,
        head: Head,
        *,
        entry: Entry,
        record: ClientRecord,
        project: ProjectRecord,
        lane: Lane,
        secret_sent: bool,
        secret_good: bool,
        salts: Salts,
        until_ms: int,
    ) -> None:
        self.head, self.entry, self.project = head, entry, project
        self.lane = lane
        self.client_id, self.project_id = record.id, project.id
        self.secret_sent, self.secret_good = secret_sent, secret_good
        self.names_addresses = secret_good or head.hop.trusted or entry.senders.has(head.hop.address)
        self.ip = (head.named_address if self.names_addresses else "") or head.hop.address
        self.kept_ip = self.kept_form(self.ip)
        self.server = head.server
        self.bot = None if secret_good else head.bot
        self.flags = head.flags | (Flag.SERVER if head.server or secret_good else 0)
        self.dropped = (head.dnt and project.honour_dnt) or (head.gpc and project.honour_gpc)
        self.early, self.late = self._refusals(record)
        # Nothing about the sender alone keeps a message out or asks for another answer.
        self.plain = not (self.early or self.late or self.bot or self.dropped)
        self.until_ms = min(entry.until_ms, until_ms)
        self._salts = salts
        self._candidate_bucket = self._candidate = -1
        self.device, self.previous = self.devices_at(self.ip)
        self.shard_key = self.shard_key_at(self.ip)
        self.guard = self.guard_at(self.ip)

    def candidate(self, device: int, at_ms: int) -> int:
        """The id of a session that this device would open then; that of the own device is remembered."""
        if device != self.device:
            return session_id(project=self.project_id, device=device, at_ms=at_ms)
        bucket = at_ms // SESSION_TIMEOUT_MS
        if bucket != self._candidate_bucket:
            self._candidate_bucket = bucket
            self._candidate = session_id(project=self.project_id, device=device, at_ms=at_ms)
        return self._candidate

    def devices_at(self, ip: str) -> tuple[int, int | None]:
        """This sender's devices under both salts, as if it came from another address."""
        agent, project = self.head.user_agent, self.project_id
        current, previous = self._salts.current, self._salts.previous
        device = device_id(salt=current, project=project, ip=ip, user_agent=agent)
        if previous is None:
            return device, None
        return device, device_id(salt=previous, project=project, ip=ip, user_agent=agent)

    def devices_then(self, ip: str, at_ms: int) -> tuple[int, int | None]:
        """The devices that this sender was at that moment: of a day whose salt is gone nobody knows."""
        current, previous = self.devices_at(ip)
        days_ago = (self._salts.day - utc_day(at_ms)).days
        if days_ago <= 0:
            return current, previous
        return (previous or NO_ID if days_ago == 1 else NO_ID), None

    def shard_key_at(self, ip: str) -> str:
        """Stable over the rotation of salts."""
        return f"{self.project_id}|{ip}|{self.head.user_agent}"

    def guard_at(self, ip: str) -> blake2b:
        """What the keys that tell calls of this sender apart begin with; copied for each call."""
        text = f"{self.client_id}\0{ip}\0{self.head.origin}\0"
        return blake2b(text.encode("utf-8", "replace"), digest_size=KEY_BYTES)

    def kept_form(self, ip: str) -> str:
        """An address as the stream may keep it."""
        return truncated(ip) if self.project.truncate_ip else ip

    def _refusals(self, record: ClientRecord) -> tuple[type[Refusal] | None, type[Refusal] | None]:
        """What is refused whatever the message says: before and after the checks of the message."""
        early = refusals.AddressBlocked if self.entry.blocked_addresses.has(self.ip) else None
        free = record.ignore_cors_and_secret or self.secret_good or self.entry.origins.allow(self.head.origin)
        return early, None if free else refusals.BadCorsOrSecret

"""`POST /track/batch`: many messages in one call, each answered by itself, the good ones kept.

200 with `{"accepted", "rejected", "results"}`; each result has the message's index and either its ids or its refusal.
The call as a whole is refused only where nothing of it can be read or its sender is not let in at all.
"""

from collections.abc import Mapping, Sequence

import msgspec

from openpanel.stream.errors import Overloaded
from openpanel.stream.frames import Append, Resolved
from openpanel.wire import answers
from openpanel.wire.batch import Batch, decode_batch, split
from openpanel.wire.messages import Message
from openpanel.wire.refusals import Refusal, TryLater
from openpanel_api.ingest.admission import judge_message, may_send_revenue
from openpanel_api.ingest.asgi import Receive, Scope, Send
from openpanel_api.ingest.batching import Part, Placed, parts_of
from openpanel_api.ingest.describing import Describing, Told, tell_first
from openpanel_api.ingest.heads import Head
from openpanel_api.ingest.lanes import Commits
from openpanel_api.ingest.parts import Parts
from openpanel_api.ingest.placing import NO_RUN, Place, append_bots, place
from openpanel_api.ingest.senders import Sender
from openpanel_api.ingest.single import answer_of, head_of, is_page_view, known_sender, later, limit_rate


async def track_batch(parts: Parts, scope: Scope, receive: Receive, send: Send) -> None:
    """One answer for all messages, in their order."""
    head = head_of(parts, scope)
    body = await parts.bodies.read(receive, encoding=head.encoding)
    if head.sender is None and head.client_id:
        await parts.admission.must_know(head)  # before the body is made objects of
    batch = decode_batch(body)
    now_ms = parts.now_ms()
    sender = known_sender(head, now_ms, batch.client_secret)
    if sender is None:
        sender = await parts.admission.admit(head, client_id=batch.client_id, secret=batch.client_secret)
    parts.admission.judge_sender(sender)
    limit_rate(sender, batch.size, now_ms)
    results = [b""] * batch.size
    good, rejected = _judged(parts, sender, batch, results)
    if sender.bot is not None:
        await _keep_bots(parts, sender, batch, good, results)
    elif good:
        rejected += await _keep(parts, sender, batch, good, results)
    await parts.send_accepted(send, answers.batch(results, rejected=rejected))


class Ready(msgspec.Struct, gc=False):
    """A plain call: all its messages are let in, and they go to one shard."""

    commits: Commits
    share: Part
    sender: Sender
    now_ms: int
    size: int

    @property
    def append(self) -> Append:
        return self.share.append

    def answer(self, parts: Parts, resolved: tuple[Resolved, ...]) -> bytes:
        parts.counts.requests += 1
        parts.counts.bytes += self.size
        _count(parts, self.share.members)
        results = [b""] * len(self.share.members)
        _answer(self.share, resolved, sender=self.sender, now_ms=self.now_ms, results=results)
        return answers.batch(results, rejected=0)


def ready(parts: Parts, head: Head, body: bytes) -> Ready | None:
    """Makes a call ready (`plain`), if every message of it is well-formed and let in."""
    if head.sender is None:
        return None
    now_ms = parts.now_ms()
    try:
        batch = decode_batch(body)
        sender = known_sender(head, now_ms, batch.client_secret)
        if sender is None or not sender.plain or batch.refused or _unwanted(sender, batch.good):
            return None
        lane = sender.lane
        if lane.quotas is not None:
            lane.quotas.check(sender.project, pool=lane.pool, now_ms=now_ms)
    except Refusal:
        return None
    placed = _placed(batch.good, sender=sender, now_ms=now_ms)
    if not placed or (lane.pool.shards > 1 and any(one.place.describes for one in placed)):
        return None
    share, *others = parts_of(placed, sender=sender, body=batch.body, now_ms=now_ms)
    if others or not sender.entry.bucket.take(len(placed), now_ms):
        return None
    return Ready(lane.commits, share, sender, now_ms, len(batch.body))


def _judged(
    parts: Parts, sender: Sender, batch: Batch, results: list[bytes]
) -> tuple[Sequence[tuple[int, Message]], int]:
    """The messages that are let in with their places; the others are answered already."""
    good, faults = batch.good, batch.refused
    if unwanted := _unwanted(sender, good):
        good = [(index, message) for index, message in good if index not in unwanted]
        faults = {**faults, **unwanted}
    for index, refusal in faults.items():
        parts.counts.refused[refusal.code] += 1
        results[index] = answers.refused_message(index, refusal)
    return good, len(faults)


def _unwanted(sender: Sender, good: Sequence[tuple[int, Message]]) -> dict[int, Refusal]:
    """The well-formed messages that are not let in."""
    if may_send_revenue(sender) and not sender.entry.blocked_profiles:
        return {}
    return {index: found() for index, message in good if (found := judge_message(sender, message))}


def _placed(
    good: Sequence[tuple[int, Message]], *, sender: Sender, now_ms: int, name: str = ""
) -> list[Placed]:
    """Where the messages belong. A message's own id counts before the call's, which is `name`."""
    return [
        Placed(
            index,
            place(message, sender=sender, now_ms=now_ms),
            message.message_id or (f"{name}#{index}" if name else ""),
        )
        for index, message in good
    ]


async def _keep(
    parts: Parts, sender: Sender, batch: Batch, good: Sequence[tuple[int, Message]], results: list[bytes]
) -> int:
    """Put them into the stream and answer each; how many of them were not taken."""
    now_ms = parts.now_ms()
    placed = _placed(good, sender=sender, now_ms=now_ms, name=sender.head.idempotency_key)
    if sender.dropped:
        parts.counts.dropped += len(placed)
        for share in parts_of(placed, sender=sender, body=batch.body, now_ms=now_ms):
            nothing = [Resolved(0, 0, opened=False, started_ms=0)] * len(share.append.runs)
            _answer(share, nothing, sender=sender, now_ms=now_ms, results=results)
        return 0
    told = await _told(placed, sender=sender, batch=batch, now_ms=now_ms)
    turned_away = {position: later(overloaded) for position, overloaded in told.late.items()}
    taken = [one for one in placed if one.position not in turned_away] if turned_away else placed
    shares = parts_of(taken, sender=sender, body=batch.body, now_ms=now_ms, rewritten=told.bodies)
    waiting = [(share, sender.lane.commits.append(share.append)) for share in shares]
    for share, future in waiting:
        try:
            resolved = await future
        except Overloaded as overloaded:
            turned_away.update((one.position, later(overloaded)) for one in share.members)
            continue
        _count(parts, share.members)
        _answer(share, resolved, sender=sender, now_ms=now_ms, results=results)
    if len(turned_away) < len(placed):
        parts.counts.bytes += len(batch.body)
    return _refused_later(turned_away, results, all_of_it=len(turned_away) == len(placed))


async def _told(placed: Sequence[Placed], *, sender: Sender, batch: Batch, now_ms: int) -> Told:
    """What the events say about persons is told first, where that goes to other shards."""
    describing = [one for one in placed if one.place.describes] if sender.lane.pool.shards > 1 else []
    if not describing:
        return Told({}, {})
    raws = split(batch.body)
    ones = [Describing(one.position, one.place, raws[one.position], one.key) for one in describing]
    return await tell_first(ones, sender=sender, now_ms=now_ms)


def _refused_later(turned_away: Mapping[int, TryLater], results: list[bytes], *, all_of_it: bool) -> int:
    """Where nothing was taken the call as a whole is to be repeated, else the messages that were not."""
    if turned_away and all_of_it:
        raise next(iter(turned_away.values()))
    for position, refusal in turned_away.items():
        results[position] = answers.refused_message(position, refusal)
    return len(turned_away)


def _count(parts: Parts, members: Sequence[Placed]) -> None:
    kinds = [one.place.kind for one in members]
    for kind in set(kinds):
        parts.counts.accepted[kind] += kinds.count(kind)


def _answer(
    share: Part, resolved: Sequence[Resolved], *, sender: Sender, now_ms: int, results: list[bytes]
) -> None:
    """The ids of each message; those of one run are written once, unless a message named its device itself."""
    written: dict[int, bytes] = {}
    for one, run in zip(share.members, share.runs, strict=True):
        ids = written.get(run)
        if ids is None or one.place.answered_ref:
            ids = _ids(one.place, sender, resolved[run] if run != NO_RUN else None, now_ms)
            if run != NO_RUN and not one.place.answered_ref:
                written[run] = ids
        results[one.position] = answers.accepted_message(one.position, ids)


def _ids(place: Place, sender: Sender, found: Resolved | None, now_ms: int) -> bytes:
    device, session = (found.device, found.session) if found is not None else (0, 0)
    accepted = answer_of(place, sender, device=device, session=session, now_ms=now_ms)
    if accepted.device_ref:
        return answers.accepted_ids_as(accepted.device_ref, accepted.session)
    return answers.accepted_ids(accepted.device, accepted.session)


async def _keep_bots(
    parts: Parts, sender: Sender, batch: Batch, good: Sequence[tuple[int, Message]], results: list[bytes]
) -> None:
    assert sender.bot is not None
    parts.counts.bots += len(good)
    indexes = [index for index, message in good if is_page_view(message)]
    if indexes and not sender.dropped:
        append = append_bots(sender, indexes=indexes, body=batch.body, now_ms=parts.now_ms())
        try:
            await sender.lane.commits.append(append)
        except Overloaded as overloaded:
            raise later(overloaded) from None
    for index, _ in good:
        results[index] = answers.bot_message(index, *sender.bot)

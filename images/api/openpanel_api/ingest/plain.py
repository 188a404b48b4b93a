"""Plain calls: those that come in one piece, from a sender who is known, with nothing unusual about them.

Nine of ten calls are like that, and the ordinary way (`app`, `single`, `many`) costs each of them a task, a scope,
lists of headers and half a dozen awaits for nothing. Here such a call is made ready by one function call. There is no second set of
rules: a head counts as plain only after the very same bytes have been read the ordinary way, and whatever is not
plain, every refusal among it, is left untouched for the ordinary way to meet. Knows no connection; `direct` does.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

import msgspec

from openpanel.stream.frames import Append, Resolved
from openpanel.wire import answers
from openpanel.wire.decode import decode
from openpanel.wire.refusals import Refusal
from openpanel_api.ingest.admission import judge_message
from openpanel_api.ingest.asgi import Pair, Scope
from openpanel_api.ingest.bounded import TwoGenerations
from openpanel_api.ingest.heads import HEADS, Head, Heads
from openpanel_api.ingest.lanes import Commits
from openpanel_api.ingest.parts import Parts
from openpanel_api.ingest.placing import Place, append_single, place
from openpanel_api.ingest.senders import Sender
from openpanel_api.ingest.single import answer_of, known_sender

KEPT_BYTES: Final = 2_048  # of a head that is worth remembering
MAX_DIGITS: Final = 7  # of a length

# Headers whose values change from call to call of one visitor: tracing, by proxies mostly, and the page.
PASSING: Final = (
    b"referer", b"x-request-id", b"x-correlation-id", b"x-request-start", b"traceparent", b"tracestate", b"baggage",
    b"sentry-trace", b"b3", b"x-b3-traceid", b"x-b3-spanid", b"x-b3-parentspanid", b"x-amzn-trace-id", b"x-amz-cf-id",
    b"x-cloud-trace-context", b"x-datadog-trace-id", b"x-datadog-parent-id", b"uber-trace-id", b"cf-ray",
)  # fmt: skip

_STARTS: Final = (b"POST /track HTTP/1.1\r\n", b"POST /track/batch HTTP/1.1\r\n")
_END: Final = b"\r\n\r\n"
_LINE_END: Final = b"\r\n"
_LENGTH: Final = b"\r\ncontent-length: "
_LENGTH_OF_BROWSERS: Final = b"\r\nContent-Length: "
_FRAMING: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})


class Ready(Protocol):
    """A plain call that was let in."""

    commits: Commits

    @property
    def append(self) -> Append:
        """What goes into the stream."""

    def answer(self, parts: Parts, resolved: tuple[Resolved, ...]) -> bytes:
        """The body of the answer, once that is in the stream."""


Prepare = Callable[[Parts, Head, bytes], Ready | None]
"""Makes the call with this body ready; None, and nothing has happened, where it is not plain after all."""


class Known(NamedTuple):
    """What is known of the calls that have one head."""

    head: Head
    prepare: Prepare


class Single(msgspec.Struct, gc=False):
    """A plain call of `/track`."""

    commits: Commits
    append: Append
    place: Place
    sender: Sender
    now_ms: int
    size: int

    def answer(self, parts: Parts, resolved: tuple[Resolved, ...]) -> bytes:
        counts, placed = parts.counts, self.place
        counts.requests += 1
        counts.accepted[placed.kind] += 1
        counts.bytes += self.size
        device, session = (resolved[0].device, resolved[0].session) if resolved else (0, 0)
        if device and session:
            return answers.accepted(device, session)
        accepted = answer_of(placed, self.sender, device=device, session=session, now_ms=self.now_ms)
        return answers.accepted(accepted.device, accepted.session)


class PlainHeads:
    """The heads of plain calls, by the bytes that they came as."""

    __slots__ = ("_known", "_passing", "_routes")

    def __init__(self, heads: Heads, *, routes: Mapping[str, Prepare]) -> None:
        """`routes` says by path how plain calls are made ready."""
        self._routes = routes
        self._known: TwoGenerations[bytes, Known] = TwoGenerations(size=HEADS)
        names = b"|".join(re.escape(name) for name in PASSING if not heads.reads(name))
        self._passing = re.compile(rb"\r\n(%b): [!-~]*(?=\r\n[^ \t]|\Z)" % names, re.IGNORECASE)

    def get(self, key: bytes) -> Known | None:
        known = self._known.get(key)
        return known if known is not None else self._known.get(self._lasting(key))

    def learn(self, key: bytes, head: Head, scope: Scope) -> None:
        """Remember the head of a call that was read the ordinary way, where calls like it are plain."""
        key = self._lasting(key)
        if len(key) <= KEPT_BYTES and _is_plain(head) and _has_one_length(scope["headers"]):
            self._known.put(key, Known(head, self._routes[scope["path"]]))

    def _lasting(self, key: bytes) -> bytes:
        """The key without what is new in each request and does not matter here."""
        return self._passing.sub(rb"\r\n\1", key)


def whole_call(data: bytes, *, peer: bytes) -> tuple[bytes, bytes] | None:
    """Key and body of the call that these bytes are, no more and no less; None for any other bytes.

    The key is the head but for the number of bytes of its body, after the address that it came from. Whether the
    head is a head at all is for the parser to say: it has, if the key is known.
    """
    if not data.startswith(_STARTS):
        return None
    end = data.find(_END)
    if end < 0:
        return None
    at = data.find(_LENGTH, 0, end)
    if at < 0:
        at = data.find(_LENGTH_OF_BROWSERS, 0, end)
        if at < 0:
            return None
    digits_at = at + len(_LENGTH)
    after = data.find(_LINE_END, digits_at)
    digits = data[digits_at:after]
    body = data[end + len(_END) :]
    if not digits.isdigit() or len(digits) > MAX_DIGITS or int(digits) != len(body):
        return None
    return peer + data[:digits_at] + data[after:end], body


def single(parts: Parts, head: Head, body: bytes) -> Single | None:
    """Makes a call of `/track` ready."""
    now_ms = parts.now_ms()
    try:
        message, body = decode(body)
        sender = known_sender(head, now_ms, message.client_secret)
        if sender is None or not sender.plain or judge_message(sender, message) is not None:
            return None
        lane = sender.lane
        if lane.quotas is not None:
            lane.quotas.check(sender.project, pool=lane.pool, now_ms=now_ms)
    except Refusal:
        return None
    placed = place(message, sender=sender, now_ms=now_ms)
    if placed.answered_ref or (placed.describes and lane.pool.shards > 1):
        return None
    if not sender.entry.bucket.take(1, now_ms):
        return None
    append = append_single(placed, sender=sender, body=body, now_ms=now_ms, key=message.message_id or "")
    return Single(lane.commits, append, placed, sender, now_ms, len(body))


def _is_plain(head: Head) -> bool:
    """Whether nothing in the headers asks for something else than other calls get."""
    return head.refusal is None and not head.encoding and not head.idempotency_key


def _has_one_length(headers: list[Pair]) -> bool:
    names = [name for name, _ in headers]
    return names.count(b"content-length") == 1 and _FRAMING.isdisjoint(names)

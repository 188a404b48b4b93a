"""What the headers of a request say, read once per set of headers: a visitor or a server sends the same ones again.

A `Head` knows nothing that is in a store. Only headers that matter here are part of the key, so that trace ids and
the like do not make every request a new one.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from openpanel.stream.frames import Flag
from openpanel.wire import limits
from openpanel.wire.refusals import HeadersTooLarge, Refusal, UnsupportedMedia
from openpanel_api.ingest.addresses import Hop, Networks, canonical, nearest_hop, written_hops
from openpanel_api.ingest.asgi import Pair, Scope
from openpanel_api.ingest.bounded import TwoGenerations

if TYPE_CHECKING:
    from openpanel_api.ingest.senders import Sender

HEADS: Final = 8_192  # remembered at least; about 2 KB each
HEAD_KEPT: Final = 4_096  # bytes of headers that are worth remembering
MAX_AGENT: Final = 1_024  # characters of a user agent that count
MAX_SHORT: Final = 64  # characters of the name and version of an SDK
MAX_ORIGIN: Final = 512  # characters

_IDEMPOTENCY: Final = b"idempotency-key"
_SIGNALS: Final = (
    (b"sec-ch-ua", Flag.SIGNAL_SEC_CH_UA),
    (b"sec-fetch-mode", Flag.SIGNAL_SEC_FETCH),
    (b"accept-language", Flag.SIGNAL_ACCEPT_LANGUAGE),
)
_RELEVANT: Final = frozenset(
    {
        b"content-type",
        b"content-encoding",
        b"openpanel-client-id",
        b"openpanel-client-secret",
        b"mixan-client-id",
        b"mixan-client-secret",
        b"openpanel-sdk-name",
        b"openpanel-sdk-version",
        b"mixan-sdk-name",
        b"mixan-sdk-version",
        b"openpanel-client-ip",
        b"origin",
        b"user-agent",
        b"x-forwarded-for",
        b"forwarded",
        b"dnt",
        b"sec-gpc",
        _IDEMPOTENCY,
        *(name for name, _ in _SIGNALS),
    }
)
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/")

BotTest = Callable[[str], tuple[str, str] | None]
ServerTest = Callable[[str], bool]


class Head:
    """The facts of one set of headers from one socket address."""

    __slots__ = (
        "bot",
        "client_id",
        "dnt",
        "encoding",
        "flags",
        "gpc",
        "guarded",
        "hop",
        "idempotency_key",
        "named_address",
        "origin",
        "refusal",
        "sdk_name",
        "sdk_version",
        "secret",
        "sender",
        "server",
        "user_agent",
    )

    def __init__(self, pairs: Sequence[Pair], *, hop: Hop, bot: BotTest, server: ServerTest) -> None:
        values = dict(reversed(pairs))  # the first of repeated headers counts
        text = _reader(values)
        self.hop = hop
        self.client_id = text(b"openpanel-client-id") or text(b"mixan-client-id")
        self.secret = text(b"openpanel-client-secret") or text(b"mixan-client-secret")
        self.origin = text(b"origin")[:MAX_ORIGIN]
        self.user_agent = text(b"user-agent")[:MAX_AGENT]
        self.sdk_name = (text(b"openpanel-sdk-name") or text(b"mixan-sdk-name"))[:MAX_SHORT]
        self.sdk_version = (text(b"openpanel-sdk-version") or text(b"mixan-sdk-version"))[:MAX_SHORT]
        self.named_address = canonical(text(b"openpanel-client-ip"))
        self.encoding = text(b"content-encoding").strip().lower().removeprefix("identity")
        self.idempotency_key = text(_IDEMPOTENCY)[: limits.IDEMPOTENCY_KEY]
        self.dnt = values.get(b"dnt") == b"1"
        self.gpc = values.get(b"sec-gpc") == b"1"
        self.flags = sum(flag for name, flag in _SIGNALS if name not in values)
        # Two calls are only taken for one when nothing that tells senders apart is missing.
        self.guarded = bool(self.origin and b"openpanel-client-id" in values)
        self.bot = bot(self.user_agent) if self.user_agent else None
        self.server = server(self.user_agent)
        self.refusal = _media_fault(text(b"content-type"))
        self.sender: Sender | None = None


class Heads:
    """Finds the head of a request, in most cases one that was read before."""

    def __init__(self, *, trusted: Networks, address_header: str, bot: BotTest, server: ServerTest) -> None:
        self._trusted = trusted
        self._address_header = address_header.strip().lower()
        self._bot = bot
        self._server = server
        self._relevant = _RELEVANT | ({self._address_header.encode()} if self._address_header else set())
        self._known: TwoGenerations[tuple[object, ...], Head] = TwoGenerations(size=HEADS)

    def of(self, scope: Scope) -> Head:
        """The head of this request; raises `HeadersTooLarge` before anything of it is kept."""
        headers = scope["headers"]
        client = scope["client"]
        relevant = self._relevant
        key = (client[0] if client else "", *[pair for pair in headers if pair[0] in relevant])
        head = self._known.get(key)
        if head is None:
            head = self._read(headers, key)
        return head

    def reads(self, name: bytes) -> bool:
        """Whether this header matters to anybody here."""
        return name in self._relevant

    def _read(self, headers: Sequence[Pair], key: tuple[object, ...]) -> Head:
        if len(headers) > limits.HEADERS or sum(len(n) + len(v) for n, v in headers) > limits.HEADER_BYTES:
            raise HeadersTooLarge
        pairs: list[Pair] = list(key[1:])  # type: ignore[arg-type]  # the key is the address and the pairs
        hop = nearest_hop(str(key[0]), chain=self._chain(pairs), trusted=self._trusted)
        head = Head(pairs, hop=hop, bot=self._bot, server=self._server)
        # A new key with each request would only push others out, and large headers would fill the memory.
        if not head.idempotency_key and sum(len(value) for _, value in pairs) <= HEAD_KEPT:
            self._known.put(key, head)
        return head

    def _chain(self, pairs: Sequence[Pair]) -> list[str]:
        """The hops that proxies wrote down."""

        def lines(name: str) -> list[str]:
            return [value.decode("latin-1") for header, value in pairs if header == name.encode()]

        return written_hops(lines, header=self._address_header)


def _reader(values: dict[bytes, bytes]) -> Callable[[bytes], str]:
    def text(name: bytes) -> str:
        return values.get(name, b"").decode("utf-8", "replace")

    return text


def _media_fault(content_type: str) -> type[Refusal] | None:
    """Beacons come as text/plain or with no type at all; forms are no messages."""
    media = content_type.partition(";")[0].strip().lower()
    if media in ("", "application/json", "text/plain", "application/octet-stream") or media.endswith("+json"):
        return None
    return UnsupportedBody


class UnsupportedBody(UnsupportedMedia):
    """A form, a picture: not what this service takes."""

    text = "Content-Type must be application/json or text/plain"

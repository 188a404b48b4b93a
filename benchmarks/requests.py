"""The requests that loads send: what a page's tracker sends, from many visitors, 385 bytes an event."""

import json
from collections.abc import Iterator

VISITORS = 2_000
# Of each visitor; the same bytes from the same visitor within 100 ms are one call and are counted once.
PAGES = 10
EVENT_BYTES = 385
BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
)


def single(client: str, *, count: int = VISITORS) -> list[bytes]:
    """Requests of one event each: the first pages of `count` visitors, then the second ones, and so on."""
    return [
        _request(client, visitor, path="/track", body=_event(visitor, page))
        for page in range(PAGES)
        for visitor in range(count)
    ]


def batched(client: str, *, events: int, count: int = 200) -> list[bytes]:
    """`count` requests of `events` events each, each from one visitor."""
    return [
        _request(
            client,
            visitor,
            path="/track/batch",
            body=b"[" + b",".join(_event(visitor, number) for number in range(events)) + b"]",
        )
        for visitor in range(count)
    ]


def address(visitor: int) -> str:
    return f"81.{visitor // 62_500 % 250 + 1}.{visitor // 250 % 250 + 1}.{visitor % 250 + 1}"


def _event(visitor: int, number: int) -> bytes:
    path = f"https://bench.example/shop/category-{visitor % 17}/product-{(visitor * 7 + number) % 911}"
    event = {
        "type": "track",
        "payload": {
            "name": "screen_view",
            "properties": {
                "__path": path,
                "__title": f"Product {(visitor * 7 + number) % 911}",
                "__referrer": "https://www.google.com/",
                "plan": ("free", "pro", "team")[visitor % 3],
                "text": "",
            },
        },
    }
    missing = EVENT_BYTES - len(json.dumps(event, separators=(",", ":")))
    event["payload"]["properties"]["text"] = "".join(_filler(missing))  # type: ignore[index]
    return json.dumps(event, separators=(",", ":")).encode()


def _filler(length: int) -> Iterator[str]:
    words = "the quick brown fox jumps over the lazy dog and comes back in the evening "
    for index in range(length):
        yield words[index % len(words)]


def _request(client: str, visitor: int, *, path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: ingest.example\r\ncontent-type: application/json\r\n"
        f"origin: https://bench.example\r\nuser-agent: {BROWSERS[visitor % len(BROWSERS)]}\r\n"
        f"x-forwarded-for: {address(visitor)}\r\nopenpanel-client-id: {client}\r\n"
        f"openpanel-sdk-name: web\r\nopenpanel-sdk-version: 1.4.1\r\naccept-language: en\r\n"
        f"sec-fetch-mode: cors\r\nsec-ch-ua: x\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body

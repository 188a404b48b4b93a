"""Events from outside: single ones, batches, and a sender that goes on while something happens to its credentials."""

import threading
import time
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import httpx

PAUSE_S: Final = 0.1
NOT_SENT: Final = 0  # instead of a status: the call did not get through


def track(
    address: str, headers: dict[str, str], name: str, properties: dict[str, Any] | None = None
) -> httpx.Response:
    """Send one event."""
    body = {"type": "track", "payload": {"name": name, "properties": properties or {}}}
    return httpx.post(f"{address}/track", json=body, headers=headers, timeout=15)


def batch(address: str, headers: dict[str, str], *, count: int, first: int) -> None:
    """Send `count` events that are numbered from `first` on, in one call."""
    messages = [
        {"type": "track", "payload": {"name": "item", "properties": {"number": first + number}}}
        for number in range(count)
    ]
    answer = httpx.post(f"{address}/track/batch", json=messages, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text


class Answer(NamedTuple):
    """What one call of a sender got, and when it was made."""

    at: float
    status: int


class Sender:
    """Sends numbered events with the same credentials until it is closed, and keeps every answer."""

    def __init__(self, address: str, headers: dict[str, str], *, name: str, run: str) -> None:
        self.answers: list[Answer] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send_all, args=(address, headers, name, run))

    @property
    def statuses(self) -> list[int]:
        """The status of every answer so far, in their order."""
        return [answer.status for answer in tuple(self.answers)]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _send_all(self, address: str, headers: dict[str, str], name: str, run: str) -> None:
        number = 0
        with httpx.Client(base_url=address, headers=headers, timeout=15) as http:
            while not self._stopping.is_set():
                number += 1
                body = {
                    "type": "track",
                    "payload": {"name": name, "properties": {"run": run, "number": number}},
                }
                at = time.time()
                try:
                    status = http.post("/track", json=body).status_code
                except httpx.TransportError:
                    status = NOT_SENT
                self.answers.append(Answer(at, status))
                self._stopping.wait(PAUSE_S)

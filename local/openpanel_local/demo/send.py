"""Sends batches over HTTP until each is acknowledged: waits and repeats with the same key when the way is broken."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import msgspec

TIMEOUT_S: Final = 30.0
FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 5.0
LONGEST_ASKED_S: Final = 30.0  # of a Retry-After
PATIENCE_S: Final = 120.0  # without any success
REPEATABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Batch:
    """One request. `counted` are the events in it that its acknowledgement acknowledges."""

    path: str
    messages: Any
    counted: int
    key: str
    headers: Mapping[str, str]


class NotAcknowledgedError(Exception):
    """A batch could not be delivered, or was refused."""


class Sender:
    """Delivers batches one after the other."""

    def __init__(
        self,
        client: httpx.Client,
        *,
        random: Callable[[], float],
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._random = random
        self._now = now
        self._sleep = sleep

    def deliver(self, batch: Batch) -> int:
        """How many of its events were acknowledged; repeats until the answer is final or patience ends."""
        began, attempt = self._now(), 0
        body = msgspec.json.encode(batch.messages)
        while True:
            answer, trouble = self._try(batch, body)
            if answer is not None and answer.status_code not in REPEATABLE:
                return _acknowledged(batch, answer)
            if self._now() - began > PATIENCE_S:
                raise NotAcknowledgedError(
                    f"{batch.path} was not acknowledged for {PATIENCE_S:.0f} s: {trouble}"
                )
            self._sleep(self._wait(attempt, answer))
            attempt += 1

    def _try(self, batch: Batch, body: bytes) -> tuple[httpx.Response | None, str]:
        headers = {**batch.headers, "content-type": "application/json", "idempotency-key": batch.key}
        try:
            answer = self._client.post(batch.path, content=body, headers=headers, timeout=TIMEOUT_S)
        except httpx.TransportError as error:
            return None, str(error) or type(error).__name__
        return answer, f"{answer.status_code} {answer.text[:200]}"

    def _wait(self, attempt: int, answer: httpx.Response | None) -> float:
        asked = answer.headers.get("retry-after", "") if answer is not None else ""
        if asked.isdigit():
            return min(int(asked), LONGEST_ASKED_S)
        wait = min(FIRST_WAIT_S * 2.0 ** min(attempt, 10), LONGEST_WAIT_S)
        return wait * (0.75 + 0.25 * self._random())


def _acknowledged(batch: Batch, answer: httpx.Response) -> int:
    if not answer.is_success:
        raise NotAcknowledgedError(f"{batch.path} answered {answer.status_code}: {answer.text[:500]}")
    told = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    if isinstance(told, dict) and told.get("rejected"):
        why = next((result["message"] for result in told["results"] if "message" in result), "")
        raise NotAcknowledgedError(f"{batch.path} refused {told['rejected']} messages: {why}")
    return batch.counted

"""Runs in a pod, with the standard library alone: sends events for as long as it lives and remembers what was taken.

Every event has a name of its own in `properties.number`. What ingest acknowledged with 200 is printed as
`acknowledged N` at the end of each second; what it refused or what did not get through is sent again, with the
same `Idempotency-Key`, until it is acknowledged.
"""

import json
import os
import signal
import sys
import threading
import time
import types
import urllib.request

URL = os.environ["INGEST_URL"] + "/track"
HEADERS = {
    "content-type": "application/json",
    "openpanel-client-id": os.environ["CLIENT_ID"],
    "openpanel-client-secret": os.environ["CLIENT_SECRET"],
    "user-agent": "e2e-writer/1.0",
}
PAUSE_S = 1 / float(os.environ.get("RATE", "20"))
STOPPING = threading.Event()


def main() -> None:
    """Send until told to stop; what was begun is finished or known as not acknowledged."""
    signal.signal(signal.SIGTERM, stop)
    number, said = 0, 0.0
    while not STOPPING.is_set():
        number += send(number)
        STOPPING.wait(PAUSE_S)
        if time.monotonic() - said > 1:
            said = time.monotonic()
            say(number)
    say(number)


def send(number: int) -> bool:
    """Whether ingest has acknowledged the event."""
    body = {"type": "track", "payload": {"name": "e2e_tick", "properties": {"number": number}}}
    request = urllib.request.Request(
        URL, json.dumps(body).encode(), {**HEADERS, "idempotency-key": f"{os.environ['RUN']}-{number}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bool(json.load(answer)["deviceId"])
    except (OSError, ValueError, KeyError):
        return False


def say(number: int) -> None:
    sys.stdout.write(f"acknowledged {number}\n")
    sys.stdout.flush()


def stop(_number: int, _frame: types.FrameType | None) -> None:
    STOPPING.set()


if __name__ == "__main__":
    main()

"""Hears of changed projects, so that a new filter or time zone counts within a moment.

Best effort: what is not heard is read anew after a few seconds anyway.
"""

import threading
from typing import Final

import redis
import structlog

from openpanel_worker.projects import Projects

CHANNEL: Final = "op:changes"
PROJECT: Final = "project:"
POLL_S: Final = 1.0
PAUSE_S: Final = 2.0

_log = structlog.get_logger(__name__)


def listen(client: redis.Redis, projects: Projects, stopping: threading.Event) -> None:
    """The body of the thread."""
    while not stopping.is_set():
        try:
            channel: redis.client.PubSub
            with client.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]  # redis-py
                channel.subscribe(CHANNEL)
                while not stopping.is_set():
                    hear(channel.get_message(timeout=POLL_S), projects)
        except redis.RedisError as error:
            _log.warning("changes cannot be heard", error=str(error))
            stopping.wait(PAUSE_S)


def hear(message: dict[str, object] | None, projects: Projects) -> None:
    """Forget the project that a message names."""
    data = message.get("data") if message else None
    if isinstance(data, bytes) and data.startswith(PROJECT.encode()):
        projects.forget(data.decode(errors="replace").removeprefix(PROJECT))

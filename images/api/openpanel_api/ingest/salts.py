"""The salts in force, kept fresh in the background from wherever they are kept.

Tomorrow's salt is known a day ahead, so the metadata may be away over midnight. Before the first load nothing can be
identified and the service is not ready.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Final

import structlog

from openpanel.identity.salts import NoSaltError, Salts, next_rotation_ms, salts_at
from openpanel.wire.refusals import TryLater
from openpanel_api.ingest.clients import SourceAwayError

REFRESH_SECONDS: Final = 600.0
RETRY_SECONDS: Final = 2.0

LoadSalts = Callable[[], Awaitable[Mapping[date, bytes]]]

_log: Final = structlog.get_logger(__name__)


class SaltKeeper:
    """Answers with the salts of a moment."""

    def __init__(self, *, load: LoadSalts, now_ms: Callable[[], int]) -> None:
        self._load = load
        self._now_ms = now_ms
        self._days: Mapping[date, bytes] = {}

    @property
    def ready(self) -> bool:
        """Whether devices can be identified at all."""
        return bool(self._days)

    def at(self, now_ms: int) -> tuple[Salts, int]:
        """The salts and until when they hold; raises `TryLater` before the first load."""
        try:
            return salts_at(self._days, now_ms), next_rotation_ms(now_ms)
        except NoSaltError:
            raise TryLater("The service is starting", retry_after_s=1) from None

    async def refresh(self) -> bool:
        """Load once; whether it worked."""
        try:
            self._days = await self._load()
        except SourceAwayError:
            _log.warning("salts_not_loaded")
            return False
        return True

    async def run(self) -> None:
        """Load again and again, until cancelled."""
        while True:
            loaded = await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS if loaded else RETRY_SECONDS)

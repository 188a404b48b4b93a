"""What a request may use: stores, languages, built files, addresses and the clock, as one value.

Made once by `app.create_app`; pages take it from the request and hand single parts on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import redis
from fastapi import Depends, Request

from openpanel.analytics.cache import Cache
from openpanel.metadata import Database
from openpanel.stream import Pool
from openpanel.warehouse import Warehouse
from openpanel_dashboard.assets import Assets
from openpanel_dashboard.languages import Language
from openpanel_dashboard.questions import Questions
from openpanel_dashboard.volumes import Volumes

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a page is built from; all of it may be used by several threads at once."""

    database: Database
    warehouse: Warehouse
    answers: Cache
    """What is asked of the warehouse, and kept while it is right."""
    questions: Questions
    """The threads in which it is asked."""
    volumes: Volumes
    redis: redis.Redis
    pool: Callable[[str], Pool]
    """The shards behind a project's pool name."""
    clock: Clock
    ingest_url: str
    dashboard_url: str
    api_url: str
    """The public API as clients reach it."""
    assets: Assets
    languages: Mapping[str, Language]
    live_every_s: float
    """How often a live stream looks for something new."""

    @property
    def https(self) -> bool:
        """Whether browsers reach the dashboard encrypted."""
        return self.dashboard_url.startswith("https://")


def of(request: Request) -> Services:
    """The services of the application that serves this request."""
    services: Services = request.app.state.services
    return services


Given = Annotated[Services, Depends(of)]

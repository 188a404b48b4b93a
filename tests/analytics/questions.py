"""Every question, once in each way it can be put: for pinned text, for the cluster, for injections."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from openpanel.analytics.asking import Question
from openpanel.analytics.data_version import DataVersion
from openpanel.analytics.described_profiles import DescribedProfiles
from openpanel.analytics.events import Cursor, EventCount, Events, Selection
from openpanel.analytics.filters import Filter
from openpanel.analytics.metrics import Metrics
from openpanel.analytics.overview import Overview
from openpanel.analytics.periods import previous, resolve
from openpanel.analytics.series import Series
from openpanel.analytics.top_countries import TopCountries
from openpanel.analytics.top_devices import TopDevices
from openpanel.analytics.top_pages import TopPages
from openpanel.analytics.top_referrers import TopReferrers
from openpanel.analytics.top_values import TopValues
from openpanel.analytics.volume import Volume

NOW: Final = datetime(2026, 11, 22, 14, 5, 33, tzinfo=UTC)
FILTERS: Final = (
    Filter("country", "is", ("KR", "")),
    Filter("page", "starts", ("/a",)),
    Filter("event", "not", ("click",)),
)


def scope(
    project: str,
    *,
    timezone: str = "Asia/Seoul",
    text: str = "7d",
    now: datetime = NOW,
    filters: tuple[Filter, ...] = (),
) -> Overview:
    """An overview with the period before it."""
    period = resolve(text, timezone=timezone, now=now)
    before = previous(period, timezone=timezone)
    return Overview(project, timezone, period, previous=before, interval="day", filters=filters)


def questions(
    project: str, *, profile: str = "profile 7", whole: Overview | None = None
) -> Mapping[str, Question[Any]]:
    """All of them, by name."""
    plain = whole or scope(project)
    narrow = replace(plain, filters=FILTERS)
    selection = Selection(
        project,
        start=plain.period.start,
        end=plain.period.until,
        names=("click", "screen_view"),
        profile=profile,
        filters=(Filter("prop.plan", "not", ("pro",)), Filter("prop.price", "gt", ("9.5",)), Filter("page", "re", ("^/",))),
    )  # fmt: skip
    return {
        "metrics": Metrics(plain),
        "metrics_filtered": Metrics(narrow),
        "series": Series(plain),
        "series_filtered": Series(narrow),
        "top_pages": TopPages(plain),
        "top_pages_filtered": TopPages(narrow),
        "top_referrers": TopReferrers(plain),
        "top_countries": TopCountries(plain),
        "top_devices": TopDevices(plain, kind="browser"),
        "top_devices_filtered": TopDevices(narrow),
        "top_values": TopValues(plain, dimension="utm.source"),
        "top_values_exact": TopValues(plain, dimension="exit"),
        "events": Events(Selection(project)),
        "events_selected": Events(selection, after=Cursor(2_000_000_000_000, 5)),
        "event_count": EventCount(selection),
        "described_profiles": DescribedProfiles(project, (profile, "somebody")),
        "volume": Volume(project),
        "data_version": DataVersion(project),
    }

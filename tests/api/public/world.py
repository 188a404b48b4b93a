"""A small shop whose numbers are known by counting: four visits of three people in three days of March 2026.

    visit  who        when (Seoul)      did
    1      ada        Feb 27, 10:00     / , /pricing (+60 s), signup plan=pro (+120 s), revenue 5000 (+180 s)
    2      device 2   Feb 28, 09:00     /pricing, / (+30 s), link_out (+40 s)
    3      ada        Mar 1,  11:00     /
    4      device 3   Mar 1,  20:58     / , signup plan=free (+30 s)

Now is Sunday, March 1, 21:00 in Seoul. Ada belongs to the company `acme`; `signup` is a conversion.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

from openpanel import tenancy
from openpanel.identity.ids import person_of_profile
from openpanel.tenancy import Issued
from openpanel.warehouse import Warehouse, tables
from tests.warehouse.rows import insert

PROJECT: Final = "shop"
ZONE: Final = ZoneInfo("Asia/Seoul")
NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADA: Final = person_of_profile("ada")
MANIFEST: Final = """
apiVersion: openpanel.dev/v1alpha1
kind: AnalyticsProject
metadata: {name: shop}
spec:
  organization: shops
  timeZone: Asia/Seoul
  domains: ["https://shop.example"]
  clients: [{name: web, type: write}, {name: reader, type: read}, {name: admin, type: root}]
  events: [{name: signup, conversion: true}]
---
apiVersion: openpanel.dev/v1alpha1
kind: AnalyticsProject
metadata: {name: shelf}
spec: {organization: shops, clients: [{name: reader, type: read}]}
"""
_numbers = count(1)

GOOGLE: Final = {"referrer": "https://www.google.com", "referrer_name": "Google", "referrer_type": "search"}
BING: Final = {"referrer": "https://www.bing.com", "referrer_name": "Bing", "referrer_type": "search"}
SEOUL: Final = {"country": "KR", "region": "Seoul", "city": "Seoul", "longitude": 126.98, "latitude": 37.57}
BERLIN: Final = {"country": "DE", "region": "Berlin", "city": "Berlin", "longitude": 13.4, "latitude": 52.52}
BUSAN: Final = {"country": "KR", "region": "Busan", "city": "Busan", "longitude": 129.07, "latitude": 35.18}
MAC: Final = {"os": "Mac OS", "os_version": "10.15", "browser": "Chrome", "browser_version": "141.0", "device": "desktop", "brand": "Apple", "model": "Macintosh"}  # fmt: skip
WINDOWS: Final = {"os": "Windows", "os_version": "11", "browser": "Firefox", "browser_version": "140.0", "device": "desktop"}  # fmt: skip
PHONE: Final = {"os": "iOS", "os_version": "18.0", "browser": "Safari", "browser_version": "18.0", "device": "mobile", "brand": "Apple", "model": "iPhone"}  # fmt: skip


def furnish(database: Any, warehouse: Warehouse) -> dict[str, Issued]:
    """The shop in these stores; its credentials by `<project>/<client>`."""
    secrets = count(200)
    issued: dict[str, Issued] = {}
    for project in tenancy.parse(MANIFEST):
        report = tenancy.ensure(
            project, database=database, warehouse=warehouse, announce=lambda _topic: None,
            clock=lambda: NOW, fresh_secret=lambda: f"sec_{next(secrets):040x}",
        )  # fmt: skip
        issued |= {f"{project.name}/{name}": credentials for name, credentials in report.issued.items()}
    insert(warehouse, tables.EVENTS, list(_events()), token="shop")
    insert(warehouse, tables.PROFILES, [_ada()], token="shop")
    insert(warehouse, tables.GROUPS, [_acme()], token="shop")
    return issued


def _events() -> Iterable[dict[str, Any]]:
    ada = {"person": ADA, "profile_id": "ada", "groups": ("acme",), "device_id": 1}
    yield from _visit(
        1, datetime(2026, 2, 27, 10, tzinfo=ZONE), {**ada, **GOOGLE, **SEOUL, **MAC, "utm_source": "mail"},
        [(0, "screen_view", {"path": "/", "title": "Home"}), (60, "screen_view", {"path": "/pricing", "title": "Pricing"}),
         (120, "signup", {"properties": {"plan": "pro"}}), (180, "revenue", {"revenue": 5000})],
    )  # fmt: skip
    yield from _visit(
        2, datetime(2026, 2, 28, 9, tzinfo=ZONE), {"person": 2, "device_id": 2, **BING, **BERLIN, **WINDOWS},
        [(0, "screen_view", {"path": "/pricing", "title": "Pricing"}), (30, "screen_view", {"path": "/", "title": "Home"}),
         (40, "link_out", {"properties": {"href": "https://github.com/shop", "text": "Code"}})],
    )  # fmt: skip
    yield from _visit(
        3, datetime(2026, 3, 1, 11, tzinfo=ZONE), {**ada, **SEOUL, **MAC},
        [(0, "screen_view", {"path": "/", "title": "Home"})],
    )  # fmt: skip
    yield from _visit(
        4, datetime(2026, 3, 1, 20, 58, tzinfo=ZONE), {"person": 3, "device_id": 3, **BUSAN, **PHONE},
        [(0, "screen_view", {"path": "/", "title": "Home"}), (30, "signup", {"properties": {"plan": "free"}})],
    )  # fmt: skip


def _visit(
    session: int, start: datetime, who: Mapping[str, Any], did: list[tuple[int, str, dict[str, Any]]]
) -> Iterable[dict[str, Any]]:
    last = did[-1][0]
    views = sum(name == "screen_view" for _, name, _ in did)
    ending = {"duration": last * 1000, "properties": {"__bounce": "true" if views <= 1 else "false"}}
    for after, name, more in [(0, "session_start", {}), *did, (last, "session_end", ending)]:
        at = start + timedelta(seconds=after)
        yield {
            "project_id": PROJECT, "name": name, "day": (at.date() - date(1970, 1, 1)).days,
            "created_at": _ms(at), "received_at": _ms(at), "event_id": next(_numbers), "session_id": session,
            "session_started_at": _ms(start), "origin": "https://shop.example", "sdk_name": "web", **who, **more,
        }  # fmt: skip


def _ada() -> dict[str, Any]:
    return {
        "project_id": PROJECT, "profile_id": "ada", "person": ADA, "first_name": "Ada", "last_name": "Lovelace",
        "email": "ada@example.com", "properties": {"plan": "pro"}, "groups": ("acme",),
        "created_at": _ms(datetime(2026, 2, 27, tzinfo=UTC)), "version": 1,
    }  # fmt: skip


def _acme() -> dict[str, Any]:
    return {
        "project_id": PROJECT, "group_id": "acme", "type": "company", "name": "Acme Inc.",
        "properties": {"size": "12"}, "created_at": _ms(datetime(2026, 2, 1, tzinfo=UTC)), "version": 1,
    }  # fmt: skip


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)

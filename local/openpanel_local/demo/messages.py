"""Visits and people as messages for `/track` and `/track/batch`, as the web SDK would send them."""

from datetime import UTC, datetime
from typing import Any

from openpanel_local.demo import shop
from openpanel_local.demo.people import Person
from openpanel_local.demo.visits import Event

Message = dict[str, Any]


def track(event: Event, *, origin: str) -> Message:
    """What a page sends when that happens."""
    query = f"?{event.query}" if event.query else ""
    properties: dict[str, Any] = {
        "__path": f"{origin}{event.page.path}{query}",
        "__title": shop.titled(event.page),
        "__timestamp": datetime.fromtimestamp(event.at_ms / 1_000, UTC).isoformat(timespec="milliseconds"),
        **event.properties,
    }
    if event.referrer:
        properties["__referrer"] = event.referrer
    if event.revenue is not None:
        properties["__revenue"] = event.revenue
    payload: dict[str, Any] = {"name": event.name, "properties": properties}
    if event.account is not None:
        payload["profileId"] = event.account.profile_id
        if event.account.company:
            payload["groups"] = [event.account.company]
    return {"type": "track", "payload": payload}


def identify(person: Person) -> Message:
    """What the shop knows of somebody with an account."""
    account = person.account
    assert account is not None
    return {
        "type": "identify",
        "payload": {
            "profileId": account.profile_id,
            "firstName": account.first_name,
            "lastName": account.last_name,
            "email": account.email,
            "properties": {
                "newsletter": account.newsletter,
                "country": person.place.country,
                "city": person.place.city.name,
            },
        },
    }


def assign_group(person: Person) -> Message:
    """Which company they buy for."""
    account = person.account
    assert account is not None
    return {
        "type": "assign_group",
        "payload": {"groupIds": [account.company], "profileId": account.profile_id},
    }


def groups() -> list[Message]:
    """The companies."""
    return [
        {"type": "group", "payload": {"id": id_, "type": "company", "name": name}}
        for id_, name in shop.COMPANIES
    ]

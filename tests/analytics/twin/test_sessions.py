"""Lists of sessions against reading them off the events by hand, over random histories."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.filters import Filter
from openpanel.analytics.periods import resolve
from openpanel.analytics.property_filters import PropertyFilter
from openpanel.analytics.sessions import Session, SessionCount, SessionDetail, Sessions, SessionSelection
from openpanel.warehouse import Warehouse
from tests.analytics.twin.crowds import SEARCHES, Crowd, answer, crowds
from tests.analytics.twin.reckoning import SYNTHETIC, Event, Reckoning, milliseconds, place
from tests.analytics.twin.running import random_worlds
from tests.analytics.worlds import Insert, load

RANGES: Final = ("", "", "7d", "today", "2026-03-20..2026-04-04")
FILTERS: Final = (
    (),
    (),
    (Filter("country", "is", ("KR", "")),),
    (Filter("page", "starts", ("/a", "/한")),),
    (Filter("event", "is", ("click", 'sign "up"')), Filter("country", "not", ("DE",))),
    (Filter("entry", "is", ("/",)),),
)
OF_EVENTS: Final = (
    (),
    (),
    (PropertyFilter("properties.plan", "is", ("pro", 'o\'neil \\ "x"')),),
    (PropertyFilter("path", "isNot", ("/",)), PropertyFilter("revenue", "gt", ("4",))),
    (PropertyFilter("has_profile", "is", ("true",)),),
    (PropertyFilter("session.is_bounce", "is", ("false",)),),
    (PropertyFilter("group.id", "is", ("o'neil",)),),
)
PROFILES: Final = ("", "", f"{3:016x}", f"{107:016x}", f"{108:016x}", f"{999:016x}")
# What a session takes from the row that opened it.
OPENED: Final = (
    *("referrer", "referrer_name", "referrer_type", "utm_source", "utm_medium", "utm_campaign", "utm_term"),
    *("utm_content", "country", "region", "city", "os", "os_version", "browser", "browser_version", "device"),
    *("brand", "model"),
)


@random_worlds(
    8,
    crowd=crowds(sessions=24, days=30),
    text=st.sampled_from(RANGES),
    filters=st.sampled_from(FILTERS),
    of_events=st.sampled_from(OF_EVENTS),
    chosen=st.fixed_dictionaries({"profile": st.sampled_from(PROFILES), "search": st.sampled_from(SEARCHES)}),
    limit=st.sampled_from((1, 3, 1000)),
)
def test_pages_hold_every_session_that_is_asked_for_once(
    warehouse: Warehouse,
    insert: Insert,
    crowd: Crowd,
    text: str,
    *,
    filters: tuple[Filter, ...],
    of_events: tuple[PropertyFilter, ...],
    chosen: dict[str, Any],
    limit: int,
) -> None:
    history = crowd.history
    period = resolve(text, timezone=history.timezone, now=history.now) if text else None
    selection = SessionSelection(load(crowd, insert), history.timezone, period, filters, of_events, **chosen)
    expected = [found for found in by_hand(crowd) if _is_selected(found, selection, crowd)]

    found: list[Session] = []
    question = Sessions(selection, limit=limit)
    while True:
        page = answer(warehouse, question)
        found += page.sessions
        if page.cursor is None:
            break
        question = replace(question, after=type(page.cursor).parse(str(page.cursor)))

    assert [_shown(each) for each in found] == [each["shown"] for each in expected]
    assert answer(warehouse, SessionCount(selection)) == len(expected)
    for one in found[:2]:
        assert answer(warehouse, SessionDetail(selection.project, one.session_id)) == one


def by_hand(crowd: Crowd) -> list[dict[str, Any]]:
    """Every session: what is shown of it, and its events, the newest first."""
    reckoning = Reckoning(crowd.history)
    rows: dict[int, list[Event]] = {}
    for event in crowd.history.events:
        if event.get("session_id"):
            rows.setdefault(event["session_id"], []).append(event)
    found = [_session(session, events, crowd, reckoning) for session, events in rows.items()]
    return sorted(
        (each for each in found if each["events"]),
        key=lambda each: (each["shown"]["started_at"], each["shown"]["session_id"]),
        reverse=True,
    )


def _session(session: int, rows: list[Event], crowd: Crowd, reckoning: Reckoning) -> dict[str, Any]:
    events = sorted((row for row in rows if row["name"] not in SYNTHETIC), key=place)
    if not events:
        return {"events": []}
    views = [row for row in events if _is_view(row)]
    known = [row for row in events if row["profile_id"]]
    times = [row["created_at"] for row in events]
    shown = {
        "session_id": session,
        "started_at": events[0]["session_started_at"],
        "ended_at": max(times),
        "duration": max(times) - min(times),
        "device_id": max(row["device_id"] for row in events),
        "person": reckoning.person((known or events)[0]),
        "profile_id": known[0]["profile_id"] if known else "",
        "views": len(views),
        "events": len(events) - len(views),
        "revenue": sum(row["revenue"] for row in events),
        "groups": tuple(sorted({group for row in events for group in row["groups"]})),
        "entry_path": views[0]["path"] if views else "",
        "entry_origin": views[0].get("origin", "") if views else "",
        "exit_path": views[-1]["path"] if views else "",
        "has_replay": session in crowd.recorded,
        "is_bounce": len(views) <= 1,
        **{name: _opened(rows, name) for name in OPENED},
    }
    return {"shown": shown, "events": events}


def _opened(rows: Iterable[Event], name: str) -> str:
    """The value of the event that opened the session, else of the row that says that it was opened."""
    ranked = [
        ("1" if row["name"] == "session_start" else "2") + row.get(name, "")
        for row in rows
        if row["name"] == "session_start"
        or (row["name"] != "session_end" and row["created_at"] == row["session_started_at"])
    ]
    return max(ranked, key=str.encode, default="2")[1:]


def _is_selected(found: Mapping[str, Any], selection: SessionSelection, crowd: Crowd) -> bool:
    shown, events, reckoning = found["shown"], found["events"], Reckoning(crowd.history)
    if (period := selection.period) is not None and not (
        milliseconds(period.start) <= shown["started_at"] < milliseconds(period.until)
    ):
        return False
    if selection.profile and shown["person"] != reckoning.resolved(int(selection.profile, 16)):
        return False
    met = [event for event in events if reckoning.meets(event, selection.property_filters)]
    return bool(met) and _passes(shown, events, selection.filters) and _is_found(shown, selection, crowd)


def _passes(shown: Mapping[str, Any], events: list[Event], filters: tuple[Filter, ...]) -> bool:
    pages = [item for item in filters if item.dimension == "page"]
    names = [item for item in filters if item.dimension == "event"]
    of_session = {"country": "country", "entry": "entry_path"}
    return (
        all(
            _holds(shown[of_session[item.dimension]], item)
            for item in filters
            if item.dimension in of_session
        )
        and (not pages or any(_is_view(e) and all(_holds(e["path"], i) for i in pages) for e in events))
        and (not names or any(all(_holds(e["name"], i) for i in names) for e in events))
    )


def _holds(value: str, item: Filter) -> bool:
    if item.operator == "starts":
        return value.startswith(item.values)
    return (value in item.values) == (item.operator == "is")


def _is_found(shown: Mapping[str, Any], selection: SessionSelection, crowd: Crowd) -> bool:
    search = selection.search.lower()
    profiles = {row["profile_id"]: row for row in crowd.history.profiles if not row["deleted"]}
    told = profiles.get(shown["profile_id"], {})
    texts = [shown[name] for name in ("entry_path", "exit_path", "referrer", "profile_id")]
    if told:
        texts += [f"{told.get('first_name', '')} {told.get('last_name', '')}", told["email"]]
    return any(search in text.lower() for text in texts)


def _shown(found: Session) -> dict[str, Any]:
    values = {name: getattr(found, name) for name in Session.__slots__}
    moments = {name: milliseconds(values[name]) for name in ("started_at", "ended_at")}
    return {**values, **moments, "is_bounce": found.is_bounce}


def _is_view(event: Event) -> bool:
    return bool(event["name"] == "screen_view" and event["path"])

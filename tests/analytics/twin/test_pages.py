"""Pages, what was seen before conversions, links and events against counting by hand, over random histories."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from openpanel.analytics.asking import ask
from openpanel.analytics.outgoing import OutgoingLinks
from openpanel.analytics.page_conversions import PageConversions
from openpanel.analytics.pages import Page, Pages
from openpanel.analytics.top_events import TopEvents
from openpanel.warehouse import Warehouse
from tests.analytics.twin.histories import History, histories
from tests.analytics.twin.reckoning import Event, place
from tests.analytics.twin.running import random_worlds
from tests.analytics.twin.scopes import Over, overviews, visiting
from tests.analytics.twin.visiting import Visit, Visiting
from tests.analytics.worlds import Insert, load

SORTED: Final[Mapping[str, Callable[[Page], Any]]] = {
    "pageviews": lambda page: page.pageviews,
    "sessions": lambda page: page.sessions,
    "average": lambda page: page.average_ms,
    "bounce_rate": lambda page: page.bounce_rate,
    "revenue": lambda page: page.revenue,
    "path": lambda page: page.path.encode(),
}


@random_worlds(
    6,
    history=histories(sessions=20),
    over=overviews(),
    chosen=st.fixed_dictionaries(
        {
            "search": st.sampled_from(("", "", "HOME", "한", "nowhere")),
            "sort": st.sampled_from(tuple(SORTED)),
            "descending": st.booleans(),
            "limit": st.sampled_from((1, 3, 100)),
            "offset": st.sampled_from((0, 0, 1, 50)),
        }
    ),
)
def test_pages_answer_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, history: History, over: Over, chosen: dict[str, Any]
) -> None:
    scope = over(load(history, insert), history)
    found = visiting(scope, history)

    answer = ask(warehouse, Pages(scope, **chosen))

    pages = [
        page
        for page in _pages(found)
        if chosen["search"].lower() in page.path.lower() or chosen["search"].lower() in page.title.lower()
    ]
    pages.sort(key=lambda page: (page.path.encode(), page.origin.encode()))
    value = SORTED[chosen["sort"]]
    known = [page for page in pages if value(page) is not None]
    known.sort(key=value, reverse=chosen["descending"])
    expected = known + [page for page in pages if value(page) is None]
    assert answer.total == len(expected)
    assert list(answer.pages) == expected[chosen["offset"] : chosen["offset"] + chosen["limit"]]


def _pages(found: Visiting) -> list[Page]:
    seen: dict[tuple[str, str], list[tuple[Visit, int]]] = {}
    for visit in found.visits():
        for number, view in enumerate(visit.views):
            if view in visit.counted:
                seen.setdefault((view["origin"], view["path"]), []).append((visit, number))
    return [_page(origin, path, views) for (origin, path), views in seen.items()]


def _page(origin: str, path: str, views: Sequence[tuple[Visit, int]]) -> Page:
    visits = {visit.session: visit for visit, _ in views}.values()
    taken = [
        visit.views[number + 1]["created_at"] - visit.views[number]["created_at"]
        for visit, number in views
        if number + 1 < len(visit.views)
    ]
    titled = [visit.views[number] for visit, number in views if visit.views[number]["title"]]
    return Page(
        origin,
        path,
        title=max(titled, key=lambda view: (place(view), view["title"].encode()))["title"] if titled else "",
        sessions=len(visits),
        pageviews=len(views),
        average_ms=sum(taken) / len(taken) if taken else None,
        bounce_rate=sum(len(visit.views) <= 1 for visit in visits) / len(visits),
        revenue=sum(visit.revenue for visit in visits),
    )


@random_worlds(
    5,
    history=histories(sessions=20),
    over=overviews(),
    names=st.sampled_from((("click",), ("revenue", "it's 👩‍👩‍👧"))),
    hours=st.sampled_from((1, 24, 200)),
    limit=st.sampled_from((2, 100)),
)
def test_pages_before_conversions_answer_what_looking_back_by_hand_answers(
    warehouse: Warehouse,
    insert: Insert,
    history: History,
    over: Over,
    *,
    names: tuple[str, ...],
    hours: int,
    limit: int,
) -> None:
    scope = over(load(history, insert), history)
    found = visiting(scope, history)
    person_of = found.reckoning.person

    answer = ask(warehouse, PageConversions(scope, names, hours, limit))

    views: dict[tuple[str, str], dict[int, list[int]]] = {}
    for view in found.pageviews():
        by_person = views.setdefault((view["origin"], view["path"]), {})
        by_person.setdefault(person_of(view), []).append(view["created_at"])
    done = [event for event in history.events if event["name"] in names]
    expected = []
    for (origin, path), by_person in views.items():
        after = {
            person: sum(
                person_of(event) == person
                and any(0 < event["created_at"] - at <= hours * 3_600_000 for at in times)
                for event in done
            )
            for person, times in by_person.items()
        }
        converted = sum(number > 0 for number in after.values())
        expected.append((origin, path, len(by_person), converted, sum(after.values())))
    expected.sort(key=lambda row: (-row[3], -row[2], row[1].encode(), row[0].encode()))
    rows = [(p.origin, p.path, p.visitors, p.converted, p.conversions) for p in answer.pages]
    assert rows == expected[:limit]
    assert answer.more == (len(expected) > limit)


@random_worlds(
    5,
    history=histories(sessions=20),
    over=overviews(),
    names=st.sampled_from(((), (), ("click", "never done"), ("session_start", "screen_view"))),
    limit=st.sampled_from((1, 100)),
)
def test_events_and_links_answer_what_counting_by_hand_answers(
    warehouse: Warehouse, insert: Insert, history: History, over: Over, *, names: tuple[str, ...], limit: int
) -> None:
    scope = over(load(history, insert), history)
    found = visiting(scope, history)

    events = ask(warehouse, TopEvents(scope, names, limit))
    links = ask(warehouse, OutgoingLinks(scope, limit))

    hidden = ("session_start", "session_end", "screen_view")
    counted = [
        event
        for event in found.events()
        if (event["name"] in names if names else event["name"] not in hidden)
    ]
    times = Counter(event["name"] for event in counted)
    order = sorted(times, key=lambda name: (-times[name], name.encode()))
    order += [name for name in names if name not in times]
    expected = [
        (name, *_reach(found, [event for event in counted if event["name"] == name])) for name in order
    ]
    rows = [(event.name, event.events, event.visitors, event.sessions) for event in events.events]
    assert rows == expected[:limit]
    assert events.more == (len(expected) > limit)
    assert all(event.share == event.events / len(counted) for event in events.events if counted)
    clicks = [
        event for event in found.events() if event["name"] == "link_out" and event["properties"].get("href")
    ]
    assert [
        (link.href, link.text, link.clicks, link.visitors, link.sessions) for link in links.links
    ] == _links(found, clicks)[:limit]


def _reach(found: Visiting, events: Sequence[Event]) -> tuple[int, int, int]:
    """How many there are, of how many persons, in how many sessions."""
    sessions = {event.get("session_id", 0) for event in events} - {0}
    return len(events), found.persons_of(events), len(sessions)


def _links(found: Visiting, clicks: Sequence[Event]) -> list[tuple[str, str, int, int, int]]:
    by_href: dict[str, list[Event]] = {}
    for event in clicks:
        by_href.setdefault(event["properties"]["href"], []).append(event)
    links = []
    for href, events in by_href.items():
        latest = max(events, key=lambda event: (event["created_at"], event["event_id"]))
        links.append((href, latest["properties"].get("text", ""), *_reach(found, events)))
    return sorted(links, key=lambda link: (-link[2], link[0].encode()))

"""The traffic of the demo: the same for the same seed, believable, and in the form that ingest takes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import iptocc
import msgspec
import pytest

from openpanel.enrich.page import parse
from openpanel.enrich.referrer import Referrers
from openpanel.enrich.user_agent import AgentParser
from openpanel.identity.ids import SESSION_TIMEOUT_MS
from openpanel.wire.batch import decode_batch
from openpanel.wire.rows import decode_rows
from openpanel_local.demo import batches, messages, shop, traffic
from openpanel_local.demo.batches import Step, Target
from openpanel_local.demo.machines import MACHINES, Machine
from openpanel_local.demo.places import COUNTRIES, Country
from openpanel_local.demo.sources import SOURCES
from openpanel_local.demo.traffic import Plan
from openpanel_local.demo.visits import Event, Visit

UNTIL = int(datetime(2025, 9, 24, 14, 30, tzinfo=UTC).timestamp() * 1_000)
SEOUL = ZoneInfo("Asia/Seoul")
PLAN = Plan("shop", seed=7, visitors=1_500, days=30, until_ms=UNTIL, zone=SEOUL)
TARGET = Target(
    "https://northwind.example", {"openpanel-client-id": "root"}, {"openpanel-client-id": "write"}
)

Walked = Sequence[tuple[Visit, Sequence[Event]]]


@pytest.fixture(scope="module")
def walked() -> Walked:
    begins = traffic.begins(PLAN)
    return [(visit, traffic.events(visit, PLAN)) for visit in traffic.visits(begins, PLAN)]


@pytest.fixture(scope="module")
def steps() -> list[Step]:
    return list(batches.past(traffic.begins(PLAN), PLAN, TARGET))


def local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1_000, SEOUL)


def test_same_plan_makes_the_same_requests(steps: list[Step]) -> None:
    again = list(batches.past(traffic.begins(PLAN), PLAN, TARGET))

    assert again == steps


def test_other_seed_makes_other_people() -> None:
    assert traffic.visitor(3, PLAN).place != traffic.visitor(3, replace(PLAN, seed=8)).place


def test_nothing_happens_outside_the_period(walked: Walked) -> None:
    moments = [event.at_ms for _, events in walked for event in events]

    assert min(moments) >= UNTIL - 30 * 86_400_000
    assert max(moments) < UNTIL


def test_days_are_busier_than_nights_in_the_projects_time_zone(walked: Walked) -> None:
    hours = Counter(local(visit.start_ms).hour for visit, _ in walked)

    assert sum(hours[h] for h in range(10, 14)) > 5 * sum(hours[h] for h in range(1, 5))
    assert hours[21] > 5 * hours[3]


def test_workdays_are_busier_than_saturdays(walked: Walked) -> None:
    whole = [visit for visit, _ in walked if local(visit.start_ms).date() != local(UNTIL).date()]
    days = Counter(local(visit.start_ms).date() for visit in whole)
    tuesdays = [count for day, count in days.items() if day.weekday() == 1]
    saturdays = [count for day, count in days.items() if day.weekday() == 5]

    assert sum(tuesdays) / len(tuesdays) > 1.1 * sum(saturdays) / len(saturdays)


def test_some_people_return_and_most_do_not(walked: Walked) -> None:
    visits = Counter(visit.person.number for visit, _ in walked)
    returning = sum(count > 1 for count in visits.values())

    assert 0.9 * PLAN.visitors < len(visits) <= PLAN.visitors
    assert 0.2 < returning / len(visits) < 0.55


def test_funnel_loses_people_at_every_step(walked: Walked) -> None:
    names = [{event.name for event in events} | {event.page.path for event in events} for _, events in walked]
    steps = ("screen_view", "add_to_cart", "/cart", "checkout_started", "revenue")
    counts = [sum(step in seen for seen in names) for step in steps]

    assert all(later < earlier for earlier, later in pairwise(counts))
    assert 0.01 < counts[-1] / len(walked) < 0.08


def test_orders_come_to_the_price_of_the_cart_in_cents(walked: Walked) -> None:
    for _, events in walked:
        prices = [int(event.properties["price"]) for event in events if event.name == "add_to_cart"]
        for order in (event for event in events if event.revenue is not None):
            assert order.revenue in {sum(prices), sum(prices) + 590}


def test_bounces_and_durations_are_believable(walked: Walked) -> None:
    views = [sum(event.name == "screen_view" for event in events) for _, events in walked if events]
    seconds = [(events[-1].at_ms - events[0].at_ms) / 1_000 for _, events in walked if len(events) > 1]

    assert 0.35 < sum(count == 1 for count in views) / len(views) < 0.55
    assert 60 < sum(seconds) / len(seconds) < 400


def test_no_silence_within_a_visit_ends_its_session(walked: Walked) -> None:
    gaps = [b.at_ms - a.at_ms for _, events in walked for a, b in pairwise(events)]

    assert min(gaps) > 0
    assert max(gaps) < SESSION_TIMEOUT_MS


def test_campaigns_have_their_days(walked: Walked) -> None:
    sale = [visit for visit, _ in walked if "autumn-sale" in visit.source.query]
    mails = Counter(
        local(visit.start_ms).weekday() for visit, _ in walked if "campaign=weekly" in visit.source.query
    )

    assert {(local(UNTIL).date() - local(visit.start_ms).date()).days for visit in sale} <= set(range(5, 13))
    assert mails.most_common(1)[0][0] == 1


def test_accounts_are_known_from_the_moment_they_are_made(walked: Walked) -> None:
    for visit, events in walked:
        account = visit.person.account
        signed_up = next((place for place, event in enumerate(events) if event.name == "sign_up"), None)
        known = [event.account is not None for event in events]
        if account is None or visit.index < account.from_visit:
            assert not any(known)
        elif visit.index > account.from_visit:
            assert all(known)
        elif signed_up is not None:
            assert all(known[signed_up:])


@pytest.mark.parametrize("country", COUNTRIES, ids=lambda country: country.code)
def test_addresses_are_in_their_country(country: Country) -> None:
    addresses = [
        f"{network}.{third}.{last}"
        for network in country.networks
        for third in range(256)
        for last in (1, 254)
    ]

    assert set(iptocc.country_code(addresses)) == {country.code}


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.user_agent[-60:])
def test_user_agents_are_recognised(machine: Machine) -> None:
    agent = AgentParser().parse(machine.user_agent)

    assert agent.browser
    assert agent.os
    assert agent.device in {"desktop", "mobile", "tablet"}
    assert (agent.device == "mobile") == machine.mobile


def test_well_known_referrers_have_names() -> None:
    referrers = Referrers.shipped()
    known = {
        source.referrer
        for source in SOURCES
        if source.referrer
        and referrers.referral(source.referrer, parse("https://northwind.example/")).type != "unknown"
    }

    assert {"https://www.google.com/", "https://t.co/", "https://search.naver.com/"} <= known
    assert len(known) >= 10


def test_every_row_is_accepted_and_visits_have_beginning_and_end(steps: list[Step]) -> None:
    names: Counter[str] = Counter()
    for step in steps:
        rows, _ = decode_rows(msgspec.json.encode(step.batch.messages), now_ms=UNTIL)
        names.update(row.name for row in rows)

    assert names["session_start"] == sum(step.visits for step in steps)
    assert 0.95 < names["session_end"] / names["session_start"] <= 1
    assert (
        sum(step.batch.counted for step in steps)
        == names.total() - names["session_start"] - names["session_end"]
    )


def test_rows_of_a_visit_share_what_belongs_to_the_visit(steps: list[Step]) -> None:
    rows = [row for step in steps for row in step.batch.messages]
    shared: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        facts = (row["device_id"], row["referrer"], row["country"], row["os"], row["browser"])
        shared.setdefault(row["session_id"], set()).add(facts)

    assert all(len(facts) == 1 for facts in shared.values())
    assert all(row["country"] and row["city"] and row["browser"] for row in rows)


def test_amounts_stand_on_orders_only(steps: list[Step]) -> None:
    rows = [row for step in steps for row in step.batch.messages]

    assert {row["name"] for row in rows if "revenue" in row} == {"revenue"}


def test_people_messages_are_accepted() -> None:
    told = list(batches.people(traffic.begins(PLAN), PLAN, TARGET))
    decoded = [decode_batch(msgspec.json.encode(batch.messages)) for batch in told]

    assert not any(batch.refused for batch in decoded)
    assert sum(batch.size for batch in decoded) > len(shop.COMPANIES) + 50
    assert sum(batch.counted for batch in told) == 0


def test_crowd_is_there_now_and_sends_as_browsers_do() -> None:
    sent = list(batches.present(PLAN, TARGET, now_ms=UNTIL))
    told = [message for batch in sent for message in _messages(batch.messages)]

    assert not decode_batch(msgspec.json.encode(told)).refused
    assert len({batch.headers["openpanel-client-ip"] for batch in sent}) >= traffic.CROWD_LEAST
    assert {batch.headers["user-agent"] for batch in sent} <= {machine.user_agent for machine in MACHINES}
    assert len({batch.key for batch in sent}) == len(sent)
    for message in told:
        at = datetime.fromisoformat(message["payload"]["properties"]["__timestamp"])
        assert 0 <= UNTIL - at.timestamp() * 1_000 <= 600_000


def test_one_visitor_is_enough() -> None:
    small = replace(PLAN, visitors=1, days=1)

    assert len(traffic.crowd(small)) == 1
    assert list(batches.past(traffic.begins(small), small, TARGET)) is not None


def _messages(body: object) -> list[messages.Message]:
    return body if isinstance(body, list) else [body]  # type: ignore[list-item]  # a single one is a mapping

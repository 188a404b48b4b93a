"""Small parts on their own: days, fragments, profiles, current rows, tokens."""

from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from openpanel.enrich.properties import event_properties
from openpanel.warehouse.native import string_fragment
from openpanel.wire.messages import GroupPayload
from openpanel_worker import days as days_module
from openpanel_worker import fragments as fragments_module
from openpanel_worker import visits as visits_module
from openpanel_worker.bounded import MAX_GROUPS, MAX_PROPERTIES
from openpanel_worker.current import PIECE, PIECE_BYTES, _pieces
from openpanel_worker.days import Days
from openpanel_worker.fragments import Fragments
from openpanel_worker.groups import Group, regrouped
from openpanel_worker.profiles import Counted, Joined, NotANumber, Profile, Told, changed
from openpanel_worker.property_columns import PropertyColumns
from tests.stream.builders import a_pool

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("zone", "at_ms", "day"),
    [
        ("UTC", 0, 0),
        ("UTC", DAY_MS - 1, 0),
        ("Asia/Seoul", 15 * 3_600_000, 1),
        ("Asia/Kathmandu", DAY_MS - 5 * 3_600_000 - 45 * 60_000 - 1, 0),
        ("Asia/Kathmandu", 1_767_204_900_000, 20_454),
        ("Asia/Kathmandu", 1_767_204_900_000 - 1, 20_453),
        ("America/New_York", 0, 0),
        ("No/Where", DAY_MS * 2, 2),
        ("../etc/passwd", DAY_MS, 1),
        ("Europe", DAY_MS, 1),
        ("UTC", -DAY_MS, 0),
        ("UTC", 2**62, (4_102_444_800_000 // DAY_MS)),
    ],
)
def test_day_of_a_moment(zone: str, at_ms: int, day: int) -> None:
    days = Days(zone)

    assert days.day(at_ms) == day
    assert days.day(at_ms) == day


def test_days_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days_module, "MAX_QUARTERS", 10)
    days = Days("UTC")

    for quarter in range(100):
        days.day(quarter * 900_000)

    assert len(days) <= 10


@given(text=st.text(max_size=400))
def test_fragments_are_those_of_the_writer(text: str) -> None:
    fragments = Fragments()

    assert fragments[text] == string_fragment(text) == fragments[text]


def test_fragments_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments_module, "MAX_FRAGMENTS", 10)
    fragments = Fragments()

    for number in range(100):
        _ = fragments[str(number)]
    _ = fragments["x" * 1_000]

    assert len(fragments) <= 10


def applied(*changes: Any) -> Profile:
    profile = Profile("shop", "42")
    for order, change in enumerate(changes, start=1):
        profile = changed(profile, change, order=order, at_ms=order * 1_000)
    return profile


@pytest.mark.parametrize(
    ("present", "amount", "expected"),
    [
        ("", 1, "1"),
        ("5", -7, "-2"),
        ("1.5", 1, "2.5"),
        ("0.5", 0.5, "1"),
        ("9007199254740993", 1, "9007199254740994"),
    ],
)
def test_sums(present: str, amount: float, expected: str) -> None:
    before = applied(Told(properties={"n": present} if present else {}))

    assert changed(before, Counted("n", amount), order=9, at_ms=0).properties["n"] == expected


@pytest.mark.parametrize("present", ["pro", "nan", "inf", "12 apples"])
def test_sum_of_no_number_is_refused(present: str) -> None:
    with pytest.raises(NotANumber, match=present):
        applied(Told(properties={"n": present}), Counted("n", 1))


@pytest.mark.parametrize(("present", "amount"), [("9" * 400, 1.5), ("1e308", 1e308), ("5", 2e308)])
def test_sum_that_no_number_holds_is_refused(present: str, amount: float) -> None:
    with pytest.raises(NotANumber):
        applied(Told(properties={"n": present}), Counted("n", amount))


def test_profile_remembers_so_many_properties_and_groups_and_no_more() -> None:
    profile = applied(
        *[Told(properties={f"{part}.{one}": "x" for one in range(900)}) for part in range(4)],
        *[Joined(tuple(f"{part}.{one}" for one in range(900))) for part in range(4)],
    )

    assert len(profile.properties) == MAX_PROPERTIES
    assert len(profile.groups) == MAX_GROUPS
    assert list(applied(Told(properties={"a": "1"}), Told(properties={"a": "2"})).properties) == ["a"]


def test_profile_that_was_larger_before_keeps_all_it_knows() -> None:
    large = {str(number): "x" for number in range(MAX_PROPERTIES + 5)}
    profile = Profile("shop", "42", properties=large)

    after = changed(profile, Told(properties={"1": "y", "new": "z"}), order=1, at_ms=0)

    assert after.properties == {**large, "1": "y"}


def test_change_that_was_seen_changes_nothing() -> None:
    profile = applied(Told(first_name="Ada"), Counted("n", 1))

    assert changed(profile, Counted("n", 1), order=2, at_ms=0) is profile
    assert changed(profile, Counted("n", 1), order=1, at_ms=0) is profile


def test_first_change_dates_a_profile() -> None:
    assert applied(Joined(("a",)), Joined(("b", "a")), Told(email="x@example.com")) == Profile(
        "shop", "42", email="x@example.com", groups=("a", "b"), created_ms=1_000, version=3
    )


def test_group_that_was_described_before_stays_as_it_is() -> None:
    payload = GroupPayload(id="acme", type="company", name="Acme", properties={"a": {"b": 1}})
    group = regrouped(Group("shop", "acme"), payload, order=5, at_ms=1_000)

    assert group.properties == {"a.b": "1"}
    assert regrouped(group, payload, order=5, at_ms=2_000) is group


@given(keys=st.lists(st.tuples(st.text(max_size=40), st.text(max_size=2_000)), max_size=40))
def test_questions_fit_into_an_address(keys: list[tuple[str, str]]) -> None:

    pieces = list(_pieces(keys))

    assert [key for piece in pieces for key in piece] == keys
    for piece in pieces:
        size = sum(len((project + one).encode(errors="replace")) + 12 for project, one in piece)
        assert len(piece) == 1 or (size <= PIECE_BYTES and len(piece) <= PIECE)


_json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(alphabet=st.characters(codec=None)),
        st.sampled_from(["", " padded ", "{", '{"a": 1}', "[tag] hello"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)
_names = st.one_of(
    st.text(alphabet=st.characters(codec=None), max_size=8), st.sampled_from(["path", "__path", "__ip"])
)


@given(properties=st.dictionaries(_names, _json, max_size=6))
def test_property_columns_say_what_flattening_says(properties: dict[str, Any]) -> None:
    fragments = Fragments()
    columns = PropertyColumns(fragments)
    flat = event_properties(properties)

    for _ in range(2):  # the second time from the caches
        keys, values = columns.of(properties)
        assert dict(zip(keys, values, strict=True)) == {key: fragments[value] for key, value in flat.items()}


def test_visits_are_bounded(monkeypatch: pytest.MonkeyPatch, valkey_url: str) -> None:
    monkeypatch.setattr(visits_module, "MAX_VISITS", 20)
    with redis.Redis.from_url(valkey_url) as client:
        visits = visits_module.Visits(client, pool=a_pool(), fragments=Fragments())
        visits.turn_to(0)
        for session in range(1, 101):
            visits.open(session, visits_module.Visit(starter=session + 10))
        visits.write_down()

        assert visits.get(1) is None
        visits.fetch([1, 100])
        found = visits.get(1)

    assert found is not None
    assert found.starter == 11


def test_visit_of_another_version_is_as_good_as_unknown(valkey_url: str) -> None:
    pool = a_pool()
    with redis.Redis.from_url(valkey_url) as client:
        client.set(visits_module.visit_key(pool, 0, 5), b"\x01what?")
        visits = visits_module.Visits(client, pool=pool, fragments=Fragments())

        visits.fetch([5])

        assert visits.get(5) is None


def test_first_word_about_a_visit_stays(valkey_url: str) -> None:
    pool = a_pool()
    with redis.Redis.from_url(valkey_url) as client:
        for starter in (11, 12):
            visits = visits_module.Visits(client, pool=pool, fragments=Fragments())
            visits.turn_to(0)
            visits.open(5, visits_module.Visit(starter=starter))
            visits.write_down()
        visits = visits_module.Visits(client, pool=pool, fragments=Fragments())
        visits.fetch([5])
        found = visits.get(5)

    assert found is not None
    assert found.starter == 11


def test_visit_that_could_not_be_written_is_opened_anew(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        visits = visits_module.Visits(client, pool=a_pool(), fragments=Fragments())
        visits.turn_to(0)
        visits.open(5, visits_module.Visit(starter=11))

        visits.turn_to(0)

        assert visits.get(5) is None

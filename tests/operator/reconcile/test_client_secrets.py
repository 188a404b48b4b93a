"""When a client gets another secret, and which. Pure."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openpanel.tenancy.spec import Client, Rotation
from openpanel_operator.reconcile.client_secrets import Issue, derive, issue, recorded, seconds_until_due

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAIN = Client(name="web", type="write")
ROTATED = Client(name="web", type="write", rotation=Rotation(interval="30d", overlap="1d"))


def decide(client: Client = PLAIN, **given: object) -> Issue:
    facts = {"current": None, "exists": False, "reported": 0, "asked": "", "now": NOW} | given
    return issue(client.rotation, **facts)  # type: ignore[arg-type]  # checked by the tests themselves


def test_secret_is_the_same_for_whoever_repeats_the_step_and_another_for_anything_else() -> None:
    one = derive("key", project_uid="u", client="web", serial=1)

    assert one == derive("key", project_uid="u", client="web", serial=1)
    assert one.startswith("sec_")
    assert len(one) == 44
    others = {
        derive("other", project_uid="u", client="web", serial=1),
        derive("key", project_uid="v", client="web", serial=1),
        derive("key", project_uid="u", client="api", serial=1),
        derive("key", project_uid="u", client="web", serial=2),
    }
    assert len(others | {one}) == 5


def test_first_secret_has_serial_one() -> None:
    assert decide() == Issue(1, NOW, "", "created")


def test_secret_that_is_there_stays() -> None:
    current = Issue(3, NOW - timedelta(days=400))

    assert decide(current=current, exists=True, reported=3) == current


def test_lost_secret_is_followed_by_another() -> None:
    assert decide(reported=3).serial == 4


def test_secret_without_its_notes_is_restored() -> None:
    assert decide(exists=True, reported=3).serial == 3


def test_older_secret_that_was_put_back_is_replaced_by_the_newest() -> None:
    assert decide(current=Issue(1, NOW), exists=True, reported=3).serial == 3


def test_interval_brings_the_next_one() -> None:
    young, old = Issue(1, NOW - timedelta(days=29)), Issue(1, NOW - timedelta(days=30))

    assert decide(ROTATED, current=young, exists=True, reported=1) == young
    assert decide(ROTATED, current=old, exists=True, reported=1).serial == 2
    assert seconds_until_due(ROTATED, current=young, now=NOW) == 86_400
    assert seconds_until_due(PLAIN, current=young, now=NOW) is None


def test_each_wish_is_followed_once() -> None:
    asked = decide(current=Issue(1, NOW), exists=True, reported=1, asked="now")

    assert (asked.serial, asked.rotated_for) == (2, "now")
    assert decide(current=asked, exists=True, reported=2, asked="now") == asked
    assert decide(current=asked, exists=True, reported=2, asked="") == asked


def test_new_client_does_not_follow_an_old_wish_again() -> None:
    first = decide(asked="long ago")

    assert decide(current=first, exists=True, reported=1, asked="long ago") == first


@given(
    serial=st.integers(0, 5),
    reported=st.integers(0, 5),
    exists=st.booleans(),
    asked=st.sampled_from(["", "a", "b"]),
    age=st.integers(0, 60),
)
def test_serial_never_goes_back_and_a_repetition_decides_the_same(
    serial: int, reported: int, exists: bool, asked: str, age: int
) -> None:
    current = Issue(serial, NOW - timedelta(days=age)) if serial and exists else None

    first = decide(ROTATED, current=current, exists=exists, reported=reported, asked=asked)

    assert first.serial >= max(reported, 1, serial if current else 0)
    assert (
        decide(ROTATED, current=first, exists=True, reported=first.serial, asked=asked).serial == first.serial
    )


@pytest.mark.parametrize(
    "notes",
    [
        {},
        {"openpanel.dev/serial": "x", "openpanel.dev/issued-at": "2026-03-01T00:00:00Z"},
        {"openpanel.dev/serial": "1", "openpanel.dev/issued-at": "yesterday"},
    ],
)
def test_notes_that_cannot_be_read_are_no_notes(notes: dict[str, str]) -> None:
    assert recorded({"metadata": {"annotations": notes}}) is None


def test_notes_are_read_as_they_were_written() -> None:
    written = Issue(2, NOW, "wish")

    assert recorded({"metadata": {"annotations": written.notes()}}) == written

"""How long a drain order waits for a fuller block."""

from collections.abc import Iterable

import pytest

from openpanel_worker.lingering import BUSY, LOOKING_S, linger, patience


@pytest.mark.parametrize(
    ("inserting_s", "waiting", "waits_s"),
    [(0.0, 0, 0.3), (0.05, 0, 0.3), (0.2, 0, 0.6), (5.0, 0, 1.0), (0.2, BUSY, 1.2), (5.0, BUSY, 2.0)],
    ids=[
        "nothing inserted yet",
        "a quick insert",
        "a busy warehouse",
        "a very slow one",
        "much to do",
        "too much",
    ],
)
def test_wait_for_a_fuller_block_grows_with_the_cost_of_an_insert(
    inserting_s: float, waiting: int, waits_s: float
) -> None:
    assert patience(0.3, inserting_s=inserting_s, waiting=waiting) == pytest.approx(waits_s)


def test_a_longer_wait_that_was_asked_for_stays() -> None:
    assert patience(2.0, inserting_s=0.5, waiting=0) == 2.0


def test_few_events_are_given_a_while_for_others_to_come() -> None:
    assert sum(waits([5] * 20)) == pytest.approx(1.0)


def test_enough_events_are_given_none() -> None:
    assert waits([10_000]) == []


def test_many_events_are_waited_for_while_more_come() -> None:
    assert waits([4_000, 5_000, 6_000, 10_000]) == [LOOKING_S] * 3


def test_wait_becomes_longer_when_few_events_become_many() -> None:
    assert sum(waits(range(100, 9_000, 300))) == pytest.approx(2.0)


def test_nothing_is_waited_for_once_no_more_of_many_come() -> None:
    assert waits([4_000, 5_000, 5_000]) == [LOOKING_S] * 2


def test_block_that_is_acknowledged_meanwhile_does_not_end_the_wait() -> None:
    assert waits([8_000, 9_000, 4_000, 5_000, 6_000, 6_000]) == [LOOKING_S] * 5


def test_many_events_are_waited_for_within_patience() -> None:
    assert sum(waits(range(3_000, 9_000, 100))) == pytest.approx(2.0)


def test_wait_ends_when_the_process_is_to_stop() -> None:
    assert waits(range(3_000, 9_000, 100), stops_after=2) == [LOOKING_S] * 2


def waits(depths: Iterable[int], *, stops_after: int = 1_000) -> list[float]:
    """The waits of an order that finds these numbers of waiting events, one after another."""
    found, waited = iter(depths), list[float]()

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) >= stops_after

    linger(lambda: next(found), wait, enough=10_000, shortest_s=0.3, inserting_s=1.0)
    return waited

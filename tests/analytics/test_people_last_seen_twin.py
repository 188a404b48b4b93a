"""The usual list of people, which reads little, against counting everything by hand, page after page."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from openpanel.analytics.people import People, PeopleSelection, Person
from openpanel.warehouse import Warehouse
from tests.analytics.twin.crowds import Crowd, answer, crowds
from tests.analytics.twin.running import random_worlds
from tests.analytics.twin.test_people import by_hand, shown
from tests.analytics.worlds import Insert, load


@random_worlds(
    8,
    crowd=crowds(sessions=25, days=40),
    limit=st.sampled_from((1, 2, 5)),
    earlier=st.sampled_from((0, 0, 1, 30, 200)),
)
def test_whoever_was_seen_last_comes_first_and_everybody_once(
    warehouse: Warehouse, insert: Insert, *, crowd: Crowd, limit: int, earlier: int
) -> None:
    """Also as of an earlier moment, when some did something after it."""
    project = load(crowd, insert)
    then = replace(crowd, history=replace(crowd.history, now=crowd.history.now - timedelta(hours=earlier)))
    selection = PeopleSelection(project, then.history.timezone, then.history.now)

    found: list[Person] = []
    question = People(selection, limit=limit)
    while True:
        page = answer(warehouse, question)
        found += page.people
        if page.cursor is None:
            break
        question = replace(question, after=type(page.cursor).parse(str(page.cursor)))

    expected = by_hand(then, selection, sort="last_seen", descending=True)
    assert [shown(each) for each in found] == expected

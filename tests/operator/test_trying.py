"""Trials that take long: begun once for each place, not waited for, and their end is heard by whoever asks next."""

import threading

import pytest

from openpanel.tenancy.snapshot_places import S3
from openpanel_operator.stores import PlaceFault
from openpanel_operator.trying import StillTrying, Trying
from tests.operator.reconcile.waiting import until_true

PLACE = S3("https://s3.example.com/bucket", "AKIA", "one")
FAULT = PlaceFault("Unreachable", "nobody answers")


class Work:
    """A trial that goes on until it is let end."""

    def __init__(self, found: PlaceFault | Exception | None) -> None:
        self.begun = 0
        self.end = threading.Event()
        self._found = found

    def __call__(self) -> PlaceFault | None:
        self.begun += 1
        self.end.wait(60)
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


async def heard(trying: Trying, place: S3, work: Work, found: list[PlaceFault | None]) -> bool:
    try:
        found.append(await trying.run("panel", place, work))
    except StillTrying:
        return False
    return True


@pytest.mark.parametrize("found", [None, FAULT])
async def test_what_takes_long_is_begun_once_and_heard_later(found: PlaceFault | None) -> None:
    trying, work = Trying(wait_s=0.01), Work(found)
    said: list[PlaceFault | None] = []
    for _ in range(3):
        assert not await heard(trying, PLACE, work, said)

    work.end.set()
    await until_true(lambda: heard(trying, PLACE, work, said))

    assert (work.begun, said) == (1, [found])


async def test_next_question_is_a_trial_of_its_own() -> None:
    trying, work = Trying(wait_s=60), Work(FAULT)
    said: list[PlaceFault | None] = []
    work.end.set()

    for _ in range(2):
        assert await heard(trying, PLACE, work, said)

    assert (work.begun, said) == (2, [FAULT, FAULT])


async def test_another_secret_is_not_told_what_the_one_before_came_to() -> None:
    trying, before, after = Trying(wait_s=0.01), Work(FAULT), Work(None)
    said: list[PlaceFault | None] = []
    assert not await heard(trying, PLACE, before, said)
    other = S3(PLACE.url, "AKIA", "another")

    before.end.set()
    after.end.set()
    await until_true(lambda: heard(trying, other, after, said))

    assert said == [None]


async def test_error_is_raised_and_the_next_question_begins_anew() -> None:
    trying, broken = Trying(wait_s=60), Work(OSError("the engine is away"))
    broken.end.set()

    for _ in range(2):
        with pytest.raises(OSError, match="engine is away"):
            await trying.run("panel", PLACE, broken)

    assert broken.begun == 2

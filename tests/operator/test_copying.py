"""Copies that take long: begun once, not waited for, and their end is heard by whoever asks next."""

import asyncio
import contextlib
import threading

import pytest

from openpanel_operator.copying import Copying, StillCopying
from tests.operator.reconcile.waiting import until, until_true


class Work:
    """Something that goes on until it is let end."""

    def __init__(self, *, fault: Exception | None = None) -> None:
        self.begun = 0
        self.end = threading.Event()
        self._fault = fault

    def __call__(self) -> str:
        self.begun += 1
        self.end.wait(60)
        if self._fault is not None:
            raise self._fault
        return "" if self.begun > 1 else "there"


async def done(copying: Copying, what: str, work: Work) -> bool:
    try:
        await copying.run(what, work)
    except StillCopying:
        return False
    return True


async def test_what_is_done_at_once_is_done() -> None:
    work = Work()
    work.end.set()

    assert await Copying(wait_s=60).run("shop", work) == "there"

    assert work.begun == 1


async def test_what_takes_long_is_begun_once_and_asked_for_again() -> None:
    copying, work = Copying(wait_s=0.01), Work()
    for _ in range(3):
        with pytest.raises(StillCopying):
            await copying.run("shop", work)
    await until(lambda: work.begun == 1)  # its thread has its turn when it has
    assert copying.is_going("shop")

    work.end.set()

    await until_true(lambda: done(copying, "shop", work))
    assert not copying.is_going("shop")


async def test_error_is_raised_once_and_the_next_call_begins_anew() -> None:
    copying = Copying(wait_s=60)
    wrong, right = Work(fault=ValueError("no such bucket")), Work()
    wrong.end.set()
    right.end.set()

    with pytest.raises(ValueError, match="no such bucket"):
        await copying.run("shop", wrong)
    await copying.run("shop", right)

    assert right.begun == 1


async def test_few_are_made_at_once_and_the_others_have_their_turn() -> None:
    copying = Copying(at_once=2, wait_s=0.01)
    works = [Work() for _ in range(3)]
    for number, work in enumerate(works):
        with pytest.raises(StillCopying):
            await copying.run(f"shop-{number}", work)
    await until(lambda: [work.begun for work in works] == [1, 1, 0])

    works[0].end.set()
    await until_true(lambda: done(copying, "shop-0", works[0]))
    works[2].end.set()

    await until_true(lambda: done(copying, "shop-2", works[2]))
    works[1].end.set()
    await until_true(lambda: done(copying, "shop-1", works[1]))


async def test_end_that_nobody_heard_is_not_taken_for_that_of_another_call() -> None:
    copying, first, second = Copying(wait_s=60), Work(), Work()
    asking = asyncio.create_task(copying.run("shop", first))
    await until(lambda: first.begun == 1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    first.end.set()
    second.end.set()

    await copying.run("shop", second)

    assert second.begun == 1


async def test_one_that_has_ended_is_heard_though_others_have_begun_since() -> None:
    copying = Copying(at_once=1, wait_s=0.01)
    first, second = Work(), Work()
    with pytest.raises(StillCopying):
        await copying.run("first", first)
    first.end.set()
    await until_true(lambda: begun(copying, "second", second))

    await until_true(lambda: done(copying, "first", first))

    assert second.begun == 1
    second.end.set()


async def begun(copying: Copying, what: str, work: Work) -> bool:
    with contextlib.suppress(StillCopying):
        await copying.run(what, work)
    return bool(work.begun)


async def test_what_was_begun_can_be_waited_for_without_beginning_it_again() -> None:
    copying, work = Copying(wait_s=0.01), Work()
    assert await copying.finish("shop") == ""
    with pytest.raises(StillCopying):
        await copying.run("shop", work)
    with pytest.raises(StillCopying):
        await copying.finish("shop")

    work.end.set()
    said: list[str] = []

    async def finished() -> bool:
        with contextlib.suppress(StillCopying):
            said.append(await copying.finish("shop"))
        return bool(said)

    await until_true(finished)
    assert said == ["there"]
    assert work.begun == 1
    assert not copying.is_going("shop")

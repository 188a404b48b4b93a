"""The work queue: once, fair, bounded, quiet."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from openpanel_operator.kube import Key
from openpanel_operator.reconcile.keys import Queue
from tests.operator.reconcile.waiting import until


def key(name: str, namespace: str = "a") -> Key:
    return Key("AnalyticsProject", namespace, name)


@asynccontextmanager
async def working(
    queue: Queue, work: Callable[[Key], Awaitable[float | None]], *, at_once: int = 4
) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run(work, at_once=at_once))
    try:
        yield
    finally:
        queue.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_key_that_is_asked_for_often_is_worked_on_once() -> None:
    queue, done = Queue(chance=lambda: 0.5, spacing_s=0), list[Key]()

    async def work(each: Key) -> None:
        done.append(each)

    for _ in range(100):
        queue.add(key("one"))
    async with working(queue, work):
        await until(lambda: queue.idle)

    assert done == [key("one")]


async def test_key_asked_for_while_in_work_comes_again_and_never_twice_at_once() -> None:
    queue, running, passes = Queue(chance=lambda: 0.5, spacing_s=0), Counter[Key](), list[int]()
    started, go_on = asyncio.Event(), asyncio.Event()

    async def work(each: Key) -> None:
        running[each] += 1
        passes.append(running[each])
        started.set()
        await go_on.wait()
        running[each] -= 1

    queue.add(key("one"))
    async with working(queue, work):
        await started.wait()
        queue.add(key("one"))
        queue.add(key("one"))
        go_on.set()
        await until(lambda: len(passes) == 2 and queue.idle)

    assert passes == [1, 1]


async def test_no_more_than_so_many_are_in_work() -> None:
    queue, running, most = Queue(chance=lambda: 0.5), 0, 0

    async def work(_: Key) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    for number in range(50):
        queue.add(key(str(number)))
    async with working(queue, work, at_once=3):
        await until(lambda: queue.idle)

    assert most == 3


async def test_tenants_take_turns() -> None:
    queue, order = Queue(chance=lambda: 0.5), list[str]()

    async def work(each: Key) -> None:
        order.append(each.namespace)

    for number in range(100):
        queue.add(key(str(number), namespace="many"))
    queue.add(key("one", namespace="few"))
    async with working(queue, work, at_once=1):
        await until(lambda: queue.idle)

    assert order.index("few") <= 1


async def test_failing_key_comes_back_and_others_are_not_kept() -> None:
    queue, passes = Queue(chance=lambda: 0.0, spacing_s=0), Counter[str]()

    async def work(each: Key) -> None:
        passes[each.name] += 1
        if each.name == "bad" and passes["bad"] < 3:
            raise ValueError("not yet")

    queue.add(key("bad"))
    for number in range(10):
        queue.add(key(str(number)))
    async with working(queue, work):
        await until(lambda: passes["bad"] == 3)

    assert all(passes[str(number)] == 1 for number in range(10))


async def test_key_is_looked_at_again_when_it_said_so() -> None:
    queue, passes = Queue(chance=lambda: 0.5, spacing_s=0), 0

    async def work(_: Key) -> float | None:
        nonlocal passes
        passes += 1
        return 0.01 if passes == 1 else None

    queue.add(key("one"))
    async with working(queue, work):
        await until(lambda: passes == 2)


async def test_wish_for_now_overtakes_a_plan_for_later() -> None:
    queue, done = Queue(chance=lambda: 0.5, spacing_s=0), list[Key]()

    async def work(each: Key) -> None:
        done.append(each)

    queue.add(key("one"), after=3_600)
    queue.add(key("one"))
    async with working(queue, work):
        await until(lambda: bool(done))

    assert done == [key("one")]


async def test_forgotten_key_is_not_planned_any_more() -> None:
    queue = Queue(chance=lambda: 0.5)

    queue.add(key("one"), after=3_600)
    queue.forget(key("one"))
    queue.add(key("two"), after=3_600)
    queue.close()

    assert queue.waiting == 0

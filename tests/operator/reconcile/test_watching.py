"""Watches keep the index in step, whatever happens to them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from openpanel_operator.desired import labels as names
from openpanel_operator.kube import Index, Key, Kube, Patrol, Watching
from openpanel_operator.kube.client import MANAGER
from openpanel_operator.kube.errors import Expired, Unavailable
from openpanel_operator.kube.kinds import CONFIG_MAP, Kind
from openpanel_operator.kube.objects import Object, Ref
from tests.operator.reconcile.waiting import until

SELECTOR = f"{names.MANAGED_BY}={names.MANAGER}"


def config_map(namespace: str, name: str, *, data: str = "1", managed: bool = True) -> Object:
    labels = {names.CLUSTER: "panel"} | ({names.MANAGED_BY: names.MANAGER} if managed else {})
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": {"value": data},
    }


@asynccontextmanager
async def watching(kube: Kube, namespace: str, *, tell: Callable[[Key], None]) -> AsyncIterator[Index]:
    index = Index()
    watch = Watching(
        kube,
        CONFIG_MAP,
        namespace=namespace,
        selector=SELECTOR,
        index=index,
        tell=tell,
        chance=lambda: 0.0,
    )
    task = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(60):
            await watch.listed.wait()
        yield index
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def value(index: Index, namespace: str, name: str) -> str | None:
    body = index.get(Ref(CONFIG_MAP, namespace, name))
    return body["data"]["value"] if body else None


async def test_index_follows_what_is_ours(kube: Kube, namespace: str) -> None:
    told: list[Key] = []
    await kube.apply(config_map(namespace, "before"))
    async with watching(kube, namespace, tell=told.append) as index:
        assert value(index, namespace, "before") == "1"

        await kube.apply(config_map(namespace, "after"))
        await kube.apply(config_map(namespace, "theirs", managed=False))
        await kube.apply(config_map(namespace, "before", data="2"))
        await until(lambda: value(index, namespace, "before") == "2")
        await kube.delete(Ref(CONFIG_MAP, namespace, "after"))
        await until(lambda: value(index, namespace, "after") is None and len(told) >= 4)

        assert value(index, namespace, "theirs") is None
        assert set(told) == {Key("PanelCluster", namespace, "panel")}


async def test_what_a_write_answered_is_no_news_any_more(kube: Kube, namespace: str) -> None:
    index = Index()
    first = await kube.apply(config_map(namespace, "mine", data="1"))
    second = await kube.apply(config_map(namespace, "mine", data="2"))

    assert index.put(second, kind=CONFIG_MAP) == Key("PanelCluster", namespace, "panel")
    assert index.put(first, kind=CONFIG_MAP) is None
    assert index.put(second, kind=CONFIG_MAP) is None
    assert value(index, namespace, "mine") == "2"


class _Breaking:
    """The real client, whose watches break in a given way, once each."""

    def __init__(self, kube: Kube, faults: list[Exception], meanwhile: list[Callable[[], object]]) -> None:
        self._kube = kube
        self._faults = faults
        self._meanwhile = meanwhile
        self.pages = kube.pages

    async def watch(self, kind: Kind, **where: str) -> AsyncIterator[tuple[str, Object]]:
        if self._faults:
            for change in self._meanwhile:
                await change()  # type: ignore[misc]  # a coroutine function
            raise self._faults.pop()
        async for event in self._kube.watch(kind, **where):
            yield event


async def test_deletion_during_an_expired_watch_is_noticed(kube: Kube, namespace: str) -> None:
    told: list[Key] = []
    await kube.apply(config_map(namespace, "gone"))
    await kube.apply(config_map(namespace, "stays"))
    breaking = _Breaking(
        kube, [Expired("too old")], [lambda: kube.delete(Ref(CONFIG_MAP, namespace, "gone"))]
    )

    async with watching(breaking, namespace, tell=told.append) as index:  # type: ignore[arg-type]
        await until(lambda: value(index, namespace, "gone") is None)

        assert value(index, namespace, "stays") == "1"
        assert len(told) == 3


async def test_dropped_watch_goes_on_where_it_was(kube: Kube, namespace: str) -> None:
    told: list[Key] = []
    breaking = _Breaking(
        kube,
        [Unavailable("connection lost")],
        [lambda: kube.apply(config_map(namespace, "meanwhile"))],
    )

    async with watching(breaking, namespace, tell=told.append) as index:  # type: ignore[arg-type]
        await until(lambda: value(index, namespace, "meanwhile") == "1")


def test_older_body_never_replaces_a_newer_one() -> None:
    index = Index()
    newer, older = config_map("a", "one", data="new"), config_map("a", "one", data="old")
    newer["metadata"]["resourceVersion"], older["metadata"]["resourceVersion"] = "12", "9"

    assert index.put(newer, kind=CONFIG_MAP) == Key("PanelCluster", "a", "panel")
    assert index.put(older, kind=CONFIG_MAP) is None
    assert index.drop(Ref(CONFIG_MAP, "a", "one"), version=9) is None
    assert value(index, "a", "one") == "new"


def test_fields_of_others_are_not_kept() -> None:
    index = Index()
    body = config_map("a", "one")
    body["metadata"]["resourceVersion"] = "1"
    mine = {"manager": MANAGER, "operation": "Apply", "fieldsV1": {}}
    body["metadata"]["managedFields"] = [mine, {"manager": "kubectl", "operation": "Update"}]

    index.put(body, kind=CONFIG_MAP)

    kept = index.get(Ref(CONFIG_MAP, "a", "one"))
    assert kept is not None
    assert kept["metadata"]["managedFields"] == [mine]


def test_object_that_changes_hands_leaves_its_first_owner() -> None:
    index = Index()
    body = config_map("a", "one")
    body["metadata"]["resourceVersion"] = "1"
    index.put(body, kind=CONFIG_MAP)
    body["metadata"]["resourceVersion"] = "2"
    body["metadata"]["labels"][names.CLUSTER] = "other"
    index.put(body, kind=CONFIG_MAP)

    assert index.owned(Key("PanelCluster", "a", "panel")) == []
    assert len(index.owned(Key("PanelCluster", "a", "other"))) == 1


async def test_what_may_only_be_read_by_name_is_looked_at_in_turns(kube: Kube, namespace: str) -> None:
    index, told = Index(), list[Key]()
    for name in ("edited", "deleted", "left"):
        index.put(await kube.apply(config_map(namespace, name)), kind=CONFIG_MAP)
    await kube.apply(config_map(namespace, "edited", data="2"))
    await kube.delete(Ref(CONFIG_MAP, namespace, "deleted"))
    patrol = Patrol(kube, CONFIG_MAP, index=index, tell=told.append, round_s=0.1)

    task = asyncio.create_task(patrol.run())
    try:
        await until(lambda: len(told) == 2)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert value(index, namespace, "edited") == "2"
    assert value(index, namespace, "deleted") is None
    assert value(index, namespace, "left") == "1"


async def test_each_look_is_a_move_also_one_that_fails(namespace: str) -> None:
    """A round of thousands, or of slow failures, takes longer than liveness waits for a sign."""
    index, second_asked = Index(), asyncio.Event()
    for number, name in enumerate(("one", "two")):
        body = config_map(namespace, name)
        body["metadata"]["resourceVersion"] = str(number + 1)
        index.put(body, kind=CONFIG_MAP)

    class Away:
        async def get(self, _kind: Kind, name: str, *, namespace: str) -> Object | None:
            if name == "two":
                second_asked.set()
                await asyncio.Event().wait()
            raise Unavailable(f"{namespace}/{name}: connection refused")

    patrol = Patrol(cast("Kube", Away()), CONFIG_MAP, index=index, tell=lambda _key: None, round_s=0.1)
    before = patrol.moved_at
    task = asyncio.create_task(patrol.run())
    try:
        async with asyncio.timeout(60):
            await second_asked.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert patrol.moved_at > before

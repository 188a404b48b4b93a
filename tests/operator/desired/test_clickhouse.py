"""The managed ClickHouse: servers that come and go safely, and an ensemble that grows by one."""

from pathlib import Path
from typing import Any

import pytest

from openpanel.warehouse import tables, views
from openpanel.warehouse.schema import Clustered, render
from openpanel_operator.desired import ClickHouseFacts, KeeperFacts, Node, Object, desired_cluster
from openpanel_operator.desired.clickhouse_configuration import restart_checksum
from openpanel_operator.desired.rolling import Server, next_to_replace
from tests.operator.desired import cases

ONE = frozenset({Node(0, 0), Node(0, 1)})
TWO = ONE | {Node(1, 0), Node(1, 1)}


def rendered(shards: int, replicas: int = 2, *, keepers: int = 3, **facts: Any) -> list[Object]:
    spec = {"clickhouse": {"shards": shards, "replicas": replicas, "keeper": {"replicas": keepers}}}
    return desired_cluster(cases.cluster(spec), facts=cases.cluster_facts(**facts))


def known(nodes: frozenset[Node], furnished: frozenset[Node], **more: Any) -> dict[str, Any]:
    return {"clickhouse": ClickHouseFacts(nodes=nodes, furnished=furnished, **more)}


def servers(objects: list[Object]) -> set[str]:
    return {name for name in cases.of_kind(objects, "StatefulSet") if "clickhouse" in name}


def asked(objects: list[Object]) -> str:
    return str(cases.only(objects, "ConfigMap", "main-clickhouse")["data"]["config.d_30-cluster.xml"])


def test_each_server_has_a_set_of_its_own() -> None:
    assert servers(rendered(2)) == {
        "main-clickhouse-0-0",
        "main-clickhouse-0-1",
        "main-clickhouse-1-0",
        "main-clickhouse-1-1",
    }


def test_new_shard_gets_its_schema_before_it_is_asked() -> None:
    before = rendered(1, **known(ONE, ONE))
    added = rendered(2, **known(ONE, ONE))
    furnished = rendered(2, **known(TWO, TWO))

    assert servers(added) == servers(furnished) > servers(before)
    assert asked(added) == asked(before)
    assert "main-clickhouse-1-0-0.main-clickhouse-nodes.analytics.svc" in asked(furnished)


def test_new_shard_restarts_no_server() -> None:
    before = rendered(1, **known(ONE, ONE))
    recorded = cases.recorded(before)
    after = rendered(2, **known(TWO, TWO), revisions=recorded)

    old, new = cases.pod_templates(before), cases.pod_templates(after)
    for name in old:
        if "clickhouse" in name:
            assert new[name] == old[name]


def test_migration_reaches_every_server_of_two_shards() -> None:
    one, two = (cases.of_kind(rendered(shards), "Job") for shards in (1, 2))

    (job,) = two.values()
    env = {
        each["name"]: each.get("value", "")
        for each in job["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert one.keys() != two.keys()
    assert len(env["OPENPANEL_CLICKHOUSE_SHARDS"].split(",")) == 4
    assert env["OPENPANEL_CLICKHOUSE_CLUSTER"] == Clustered().cluster


def test_schema_text_names_the_cluster_and_macros_of_the_configuration() -> None:
    objects = rendered(2)
    statements = "\n".join(text for table in tables.ALL for text in render(table, form=Clustered()))

    files = cases.only(objects, "ConfigMap", "main-clickhouse")["data"]
    assert f"<{Clustered().cluster}>" in files["config.d_30-cluster.xml"]
    assert {"<shard from_env", "<replica from_env"} <= {
        line.strip().partition("=")[0] for line in files["config.d_20-macros.xml"].splitlines()
    }
    assert "{shard}" in statements
    assert "ON CLUSTER" not in statements


def test_first_start_tells_the_servers_of_all() -> None:
    assert asked(rendered(2)).count("<host>") == 8  # once in their shard, once among all


def test_server_that_is_not_safe_to_lose_stays() -> None:
    shrinking = rendered(1, replicas=1, **known(ONE, ONE))
    released = rendered(1, replicas=1, **known(ONE, ONE, releasable=frozenset({Node(0, 1)})))

    assert servers(shrinking) == {"main-clickhouse-0-0", "main-clickhouse-0-1"}
    assert servers(released) == {"main-clickhouse-0-0"}
    assert "main-clickhouse-0-1" not in asked(released)


def test_drained_wait_takes_no_other_shard() -> None:
    assert servers(rendered(1, **known(TWO, TWO))) == servers(rendered(2))


def test_shard_that_is_to_go_is_read_and_gets_nothing_new() -> None:
    before, shrinking = (asked(rendered(shards, **known(TWO, TWO))) for shards in (2, 1))

    assert "<weight>" not in before
    first, _, rest = shrinking.partition("main-clickhouse-0-1-0")
    assert "<weight>" not in first
    assert rest.partition("main-clickhouse-1-0-0")[0].count("<weight>0</weight>") == 1
    assert shrinking.count("<weight>") == 1
    assert shrinking.count("<host>") == before.count("<host>")


def test_page_on_operations_moves_every_table_of_a_shard_that_goes() -> None:
    page = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    section = page.partition("## Taking a shard away")[2].partition("\n## ")[0]
    by_row, by_part = section.split("\n3. ")
    viewed = {tables.EVENTS, *(view.target for view in views.ALL)}

    for table in (table for table in tables.ALL if table.scope == "data"):
        assert (f"`{table.name}`" in by_row) == (table not in viewed)
        assert (f"`{table.name}_local`" in by_part) == (table in viewed)


def test_one_server_of_each_shard_may_be_away() -> None:
    budgets = cases.of_kind(rendered(2), "PodDisruptionBudget")

    for shard in ("0", "1"):
        spec = budgets[f"main-clickhouse-{shard}"]["spec"]
        assert spec["maxUnavailable"] == 1
        assert spec["selector"]["matchLabels"]["openpanel.dev/shard"] == shard


@pytest.mark.parametrize(
    ("existing", "facts", "expected"),
    [
        pytest.param((), KeeperFacts(), (0, 1, 2), id="first start"),
        pytest.param((0,), cases.stable_keeper(0), (0, 1), id="one more"),
        pytest.param((0,), KeeperFacts((0,), stable=False), (0,), id="waits for a leader"),
        pytest.param((0, 1), cases.stable_keeper(0), (0, 1), id="waits for the newcomer"),
        pytest.param((0, 1), cases.stable_keeper(0, 1), (0, 1, 2), id="the next"),
        pytest.param((0, 1, 2), cases.stable_keeper(0, 1, 2), (0, 1, 2), id="whole"),
        pytest.param((0, 1, 2), cases.stable_keeper(1, 2), (0, 1, 2), id="one is down"),
        pytest.param((0, 1, 2, 3, 4), KeeperFacts((0,), stable=True), (0, 1, 2, 3, 4), id="never shrinks"),
        pytest.param((0, 1, 2), KeeperFacts(), (0, 1, 2), id="unreadable"),
    ],
)
def test_ensemble_grows_by_one_when_it_is_stable(
    existing: tuple[int, ...], facts: KeeperFacts, expected: tuple[int, ...]
) -> None:
    revisions = {f"main-keeper-{index}": "1-x" for index in existing}

    objects = rendered(1, keeper=facts, revisions=revisions)

    sets = {name for name in cases.of_kind(objects, "StatefulSet") if "keeper" in name}
    text = cases.only(objects, "ConfigMap", "main-keeper")["data"]["keeper.xml"]
    assert sets == {f"main-keeper-{index}" for index in expected}
    assert text.count("<server>") == len(expected)


def test_newcomer_waits_for_the_leader() -> None:
    text = cases.only(
        rendered(1, keeper=cases.stable_keeper(0), revisions={"main-keeper-0": "1-x"}),
        "ConfigMap",
        "main-keeper",
    )["data"]["keeper.xml"]

    newcomer = text.partition("<id>2</id>")[2]
    assert text.count("start_as_follower") == 2
    assert "start_as_follower" in newcomer


def test_growing_ensemble_restarts_no_member() -> None:
    before = rendered(1, keepers=1, keeper=cases.stable_keeper(0))
    after = rendered(1, keepers=3, keeper=cases.stable_keeper(0), revisions=cases.recorded(before))

    name = "StatefulSet/main-keeper-0"
    assert cases.pod_templates(after)[name] == cases.pod_templates(before)[name]


@pytest.mark.parametrize(
    ("settings", "restarts"),
    [
        ({"max_concurrent_queries": "50"}, False),
        ({"mark_cache_size": "1000000"}, False),
        ({"background_pool_size": "8"}, True),
        ({"merge_tree.max_suspicious_broken_parts": "9"}, True),
    ],
)
def test_only_settings_that_need_it_restart_a_server(settings: dict[str, str], restarts: bool) -> None:
    before, after = (restart_checksum(memory=2**33, settings=each) for each in ({}, settings))

    assert (before != after) == restarts


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        pytest.param("ok ok", None, id="nothing to do"),
        pytest.param("old old", "1", id="the highest first"),
        pytest.param("old ok", "0", id="then the rest"),
        pytest.param("old down", None, id="never while another is away"),
        pytest.param("old behind", None, id="never while another lags"),
        pytest.param("stuck old", "0", id="a broken one of an older template is replaced at once"),
        pytest.param("down ok", None, id="a restart cures no server of the right template"),
    ],
)
def test_servers_restart_one_after_the_other(servers: str, expected: str | None) -> None:
    states = {
        "ok": {"outdated": False, "ready": True},
        "old": {"outdated": True, "ready": True},
        "down": {"outdated": False, "ready": False},
        "behind": {"outdated": False, "ready": True, "caught_up": False},
        "stuck": {"outdated": True, "ready": False},
    }
    given = [
        Server(name=str(index), order=(index,), **states[word]) for index, word in enumerate(servers.split())
    ]

    found = next_to_replace(given)

    assert (found and found.name) == expected

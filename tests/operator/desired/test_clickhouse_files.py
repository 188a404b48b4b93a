"""The configuration files of ClickHouse, as the engine itself reads them."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from openpanel_operator.desired import Object, desired_cluster
from openpanel_operator.desired.clickhouse_configuration import FILES, Topology, server_files
from openpanel_operator.desired.clickhouse_reloading import CHANGEABLE
from tests.operator.desired import cases

ROOT = Path(__file__).parents[3]
HOSTS = (("127.0.0.1", "127.0.0.2"), ("127.0.0.3",))
MEMORY = 8 * 1024**3
SETTINGS = {"max_table_size_to_drop": "77", "merge_tree.max_suspicious_broken_parts": "5"}


def files() -> dict[str, str]:
    topology = Topology(shards=HOSTS, keepers=("127.0.0.1",))
    return server_files(topology=topology, memory=MEMORY, settings=SETTINGS)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the engine made of the files. The library keeps its own folders and its own access storage."""
    if importlib.util.find_spec("chdb") is None:
        pytest.skip("needs chdb: pip install 'openpanel[local]'")
    folder = tmp_path_factory.mktemp("clickhouse")
    for path, text in files().items():
        (folder / path).parent.mkdir(exist_ok=True)
        text = text.replace(FILES, str(folder)).replace("/var/lib/clickhouse", str(folder / "data"))
        (folder / path).write_text(text)
    # The engine has no Keeper to reach; its stand-in is in memory. Users in Keeper it does not know.
    (folder / "config.d" / "95-trial.xml").write_text(
        "<clickhouse><zookeeper><implementation>testkeeper</implementation></zookeeper>"
        "<user_directories><replicated remove='1'/></user_directories></clickhouse>"
    )
    (folder / "users.d" / "95-trial.xml").write_text(
        "<clickhouse><users><default><password/><networks><ip>::/0</ip></networks>"
        "<profile>default</profile><quota>default</quota></default></users></clickhouse>"
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.operator.desired.engine_trial", str(folder), str(folder / "store")],
        cwd=ROOT,
        env={
            "TZ": "UTC",
            "PATH": "",
            "CLICKHOUSE_SHARD": "1",
            "CLICKHOUSE_REPLICA": "1-0",
            "CLICKHOUSE_INTERSERVER_HOST": "me",
            "CLICKHOUSE_PASSWORD": "p",
            "CLICKHOUSE_CLUSTER_SECRET": "s",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    answers: dict[str, list[list[Any]]] = json.loads(done.stdout)
    return {name: {row[0]: row[1:] for row in rows} for name, rows in answers.items()} | {
        "rows": dict(answers.items())
    }


def test_macros_come_from_the_environment(engine: dict[str, dict[str, Any]]) -> None:
    assert engine["macros"] == {"cluster": ["openpanel"], "replica": ["1-0"], "shard": ["1"]}


def test_cluster_has_its_shards_and_replicas(engine: dict[str, dict[str, Any]]) -> None:
    found = [row for row in engine["rows"]["clusters"] if row[0] == "openpanel"]

    assert found == [
        ["openpanel", 1, 1, "127.0.0.1", 9000, 1],
        ["openpanel", 1, 2, "127.0.0.2", 9000, 1],
        ["openpanel", 2, 1, "127.0.0.3", 9000, 1],
    ]


def test_every_server_can_be_asked_for_itself(engine: dict[str, dict[str, Any]]) -> None:
    found = [row[1:4] for row in engine["rows"]["clusters"] if row[0] == "openpanel_all"]

    assert found == [[1, 1, "127.0.0.1"], [1, 2, "127.0.0.2"], [1, 3, "127.0.0.3"]]


def test_memory_is_bounded_by_the_container(engine: dict[str, dict[str, Any]]) -> None:
    server = int(engine["settings"]["max_server_memory_usage"][0])
    query = int(engine["profile"]["max_memory_usage"][0])

    assert 0.8 * MEMORY < server < 0.9 * MEMORY
    assert query < 0.6 * server


def test_settings_of_the_user_are_the_servers(engine: dict[str, dict[str, Any]]) -> None:
    assert engine["settings"]["max_table_size_to_drop"] == ["77"]


def test_inserts_are_answered_when_they_are_stored(engine: dict[str, dict[str, Any]]) -> None:
    profile = engine["profile"]

    assert profile["distributed_foreground_insert"] == ["1"]
    assert profile.get("async_insert", ["0"]) == ["0"]


def test_whichever_server_is_asked_the_same_replica_answers(engine: dict[str, dict[str, Any]]) -> None:
    profile = engine["profile"]

    assert profile["load_balancing"] == ["in_order"]
    assert profile["prefer_localhost_replica"] == ["0"]


def test_logs_of_the_server_go_after_some_days(engine: dict[str, dict[str, Any]]) -> None:
    assert "TTL event_date + toIntervalDay(7)" in engine["logs"]["query_log"][0]


def test_list_of_reloaded_settings_is_the_engines(engine: dict[str, dict[str, Any]]) -> None:
    # Hosts of Keeper are told of where there is a Keeper; they are in the section `zookeeper`.
    assert set(engine["changeable"]) - {"keeper_hosts"} == CHANGEABLE


def test_only_the_administrator_is_in_the_files() -> None:
    users = ET.fromstring(files()["users.xml"]).find("users")

    assert users is not None
    assert [user.tag for user in users] == ["openpanel"]
    assert [user.find("password").attrib for user in users] == [{"from_env": "CLICKHOUSE_PASSWORD"}]  # type: ignore[union-attr]  # there is one


def test_quota_counts_and_forbids_nothing() -> None:
    quotas = ET.fromstring(files()["users.d/20-quotas.xml"]).find("quotas/default/interval")

    assert quotas is not None
    told = {each.tag: int(each.text or "") for each in quotas}
    assert told.pop("duration") == 3_600
    assert set(told.values()) == {0}  # 0: counted and not bounded
    assert {"queries", "read_rows", "execution_time"} <= told.keys()


def test_every_user_has_a_profile_and_a_quota_that_exist() -> None:
    texts = files()
    users = ET.fromstring(texts["users.xml"]).findall("users/*")
    profiles = {each.tag for each in ET.fromstring(texts["users.d/10-profiles.xml"]).findall("profiles/*")}
    quotas = {each.tag for each in ET.fromstring(texts["users.d/20-quotas.xml"]).findall("quotas/*")}

    assert {user.findtext("profile") for user in users} <= profiles
    assert {user.findtext("quota") for user in users} <= quotas


def test_each_replica_has_macros_and_a_name_of_its_own() -> None:
    spec = {"clickhouse": {"shards": 2, "replicas": 2}}
    sets = cases.of_kind(desired_cluster(cases.cluster(spec), facts=cases.cluster_facts()), "StatefulSet")
    told = {name: environment(each) for name, each in sets.items() if name.startswith("main-clickhouse-")}

    macros = {name: (env["CLICKHOUSE_SHARD"], env["CLICKHOUSE_REPLICA"]) for name, env in told.items()}
    assert len(set(macros.values())) == 4
    assert {shard for shard, _ in macros.values()} == {"0", "1"}
    for name, env in told.items():
        assert env["CLICKHOUSE_INTERSERVER_HOST"].startswith(f"{name}-0.main-clickhouse-nodes.")


@pytest.mark.parametrize("size", [1, 3, 5])
def test_each_keeper_member_finds_itself_among_all(size: int) -> None:
    spec = {"clickhouse": {"keeper": {"replicas": size}}}
    objects = desired_cluster(cases.cluster(spec), facts=cases.cluster_facts())
    root = ET.fromstring(cases.only(objects, "ConfigMap", "main-keeper")["data"]["keeper.xml"])
    servers = {
        server.findtext("id"): server.findtext("hostname", "")
        for server in root.findall("keeper_server/raft_configuration/server")
    }
    members = {
        name: environment(each)["KEEPER_SERVER_ID"]
        for name, each in cases.of_kind(objects, "StatefulSet").items()
        if name.startswith("main-keeper-")
    }

    assert len(servers) == len(members) == size
    for name, number in members.items():
        assert servers[number].startswith(f"{name}-0.main-keeper.")
    own = root.find("keeper_server/server_id")
    assert own is not None
    assert own.attrib == {"from_env": "KEEPER_SERVER_ID"}


def test_servers_look_for_keeper_where_its_members_listen() -> None:
    objects = desired_cluster(cases.cluster(), facts=cases.cluster_facts())
    server = ET.fromstring(
        cases.only(objects, "ConfigMap", "main-clickhouse")["data"]["config.d_40-keeper.xml"]
    )
    keeper = ET.fromstring(cases.only(objects, "ConfigMap", "main-keeper")["data"]["keeper.xml"])

    asked = {(node.findtext("host"), node.findtext("port")) for node in server.findall("zookeeper/node")}
    port = keeper.findtext("keeper_server/tcp_port")
    there = {
        (each.findtext("hostname"), port)
        for each in keeper.findall("keeper_server/raft_configuration/server")
    }
    assert asked == there


def environment(workload: Object) -> dict[str, str]:
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return {each["name"]: str(each.get("value", "")) for each in container["env"]}


def test_files_are_where_the_server_looks_for_them() -> None:
    objects = desired_cluster(cases.cluster(), facts=cases.cluster_facts())
    template = cases.only(objects, "StatefulSet", "main-clickhouse-0-0")["spec"]["template"]
    (volume,) = (each for each in template["spec"]["volumes"] if each["name"] == "files")
    keys = cases.only(objects, "ConfigMap", "main-clickhouse")["data"].keys()

    assert {item["key"] for item in volume["configMap"]["items"]} == keys
    assert {item["path"] for item in volume["configMap"]["items"]} == files().keys()
    assert all(ET.fromstring(text).tag == "clickhouse" for text in files().values())

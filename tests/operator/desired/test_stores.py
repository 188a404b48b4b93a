"""The managed Redis, PostgreSQL and the embedded engine."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import redis

from openpanel.tenancy.workload import Resources
from openpanel_local.clickhouse.__main__ import _parser
from openpanel_local.engines import postgres, valkey
from openpanel_local.engines.account import Account, give, runs_as, unprivileged
from openpanel_local.engines.command import EngineMissingError
from openpanel_operator.desired import Object, desired_cluster
from openpanel_operator.desired.credentials import generated_secrets, read_secrets
from openpanel_operator.desired.sizes import amounts, number
from tests.operator.desired import cases


def rendered(spec: Mapping[str, object] | None = None) -> list[Object]:
    return desired_cluster(cases.cluster(spec), facts=cases.cluster_facts())


def test_redis_never_forgets_what_it_accepted() -> None:
    files = cases.only(rendered(), "ConfigMap", "main-redis")["data"]

    lines = files["redis.conf"].splitlines()

    assert {"maxmemory-policy noeviction", "appendonly yes", "appendfsync always", "dir /data"} <= set(lines)


def test_memory_of_redis_follows_its_container() -> None:
    spec = {"redis": {"resources": {"limits": {"memory": "10Gi"}}}}
    objects = rendered(spec)

    (line,) = (
        line
        for line in cases.only(objects, "ConfigMap", "main-redis")["data"]["redis.conf"].splitlines()
        if line.startswith("maxmemory ")
    )
    ingest = cases.only(objects, "Deployment", "main-ingest")["spec"]["template"]["spec"]["containers"][0]
    marks = [each["value"] for each in ingest["env"] if each["name"] == "OPENPANEL_HIGH_WATER_EVENTS"]

    assert int(line.split()[1]) == 7 * 1024**3
    assert marks == [str(7 * 1024**3 // 256)]


@pytest.mark.parametrize(("store", "file"), [("redis", "start.sh"), ("postgres", "prepare.sh")])
def test_scripts_of_stores_are_shell(store: str, file: str, tmp_path: Path) -> None:
    text = cases.only(rendered(), "ConfigMap", f"main-{store}")["data"][file]
    script = tmp_path / file
    script.write_text(text)

    subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.parametrize("password", ["abc123", 'a"b\\c', "a'b"])
def test_password_of_redis_comes_out_as_it_went_in(password: str, tmp_path: Path) -> None:
    text = cases.only(rendered(), "ConfigMap", "main-redis")["data"]["start.sh"]
    (tmp_path / "redis.conf").write_text("port 1\n")
    shown = tmp_path / "redis-server"
    shown.write_text('#!/bin/sh\ncat "$1"\n')
    shown.chmod(0o700)
    text = text.replace("/etc/openpanel/redis", str(tmp_path)).replace(
        "/tmp/redis.conf", str(tmp_path / "out")
    )

    done = subprocess.run(
        ["sh", "-c", text],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "REDISCLI_AUTH": password},
        capture_output=True,
        text=True,
        check=True,
    )

    escaped = password.replace("\\", "\\\\").replace('"', '\\"')
    assert done.stdout == f'port 1\nrequirepass "{escaped}"\n'


def test_password_of_postgres_is_set_at_every_start(tmp_path: Path) -> None:
    script = cases.only(rendered(), "ConfigMap", "main-postgres")["data"]["prepare.sh"]
    home = tmp_path / "volume"
    home.mkdir()
    said = tmp_path / "said"
    for name, body in {
        "initdb": f'mkdir -p "$2" && echo 15 > "$2/PG_VERSION" && echo initdb >> {said}',
        "postgres": f"cat >> {said}",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o700)
    script = script.replace("/tmp/", f"{tmp_path}/").replace("/var/lib/postgresql/data", str(home))

    for password in ("first", "se'cond"):
        subprocess.run(
            [shutil.which("sh") or "sh", "-c", script],
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "POSTGRES_PASSWORD": password},
            check=True,
        )

    assert said.read_text().splitlines() == [
        "initdb",
        "CREATE ROLE openpanel LOGIN",
        "CREATE DATABASE openpanel OWNER openpanel",
        "ALTER ROLE openpanel LOGIN PASSWORD 'first'",
        "ALTER ROLE openpanel LOGIN PASSWORD 'se''cond'",
    ]


def test_postgres_that_refuses_a_statement_does_not_start(tmp_path: Path) -> None:
    script = cases.only(rendered(), "ConfigMap", "main-postgres")["data"]["prepare.sh"]
    home = tmp_path / "volume" / "cluster"
    home.mkdir(parents=True)
    (home / "PG_VERSION").write_text("15")
    (tmp_path / "postgres").write_text('#!/bin/sh\necho "ERROR:  role does not exist"\n')
    (tmp_path / "postgres").chmod(0o700)
    script = script.replace("/tmp/", f"{tmp_path}/").replace("/var/lib/postgresql/data", str(home.parent))

    done = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "POSTGRES_PASSWORD": "x"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "role does not exist" in done.stderr


def test_preparation_makes_a_database_of_the_real_postgres(tmp_path: Path) -> None:
    programs = _programs(postgres._programs)
    script = cases.only(rendered(), "ConfigMap", "main-postgres")["data"]["prepare.sh"]
    account = unprivileged(tmp_path / "volume")
    for folder in (tmp_path / "volume", tmp_path / "tmp"):
        folder.mkdir()
        give(folder, account)
    script = script.replace("/tmp/", f"{tmp_path}/tmp/")
    script = script.replace("/var/lib/postgresql/data", str(tmp_path / "volume"))
    question = f"postgres --single -D {tmp_path}/volume/cluster postgres"
    role = "SELECT rolsuper, rolpassword LIKE 'SCRAM%' AS hidden FROM pg_authid WHERE rolname = 'openpanel'"

    for password in ("first", "se'cond"):
        _as(account, script, tmp_path, programs, POSTGRES_PASSWORD=password)
    answer = _as(account, f'echo "{role}" | {question}', tmp_path, programs)

    assert 'rolsuper = "f"' in answer
    assert 'hidden = "t"' in answer


def _programs(find: Callable[[], Path]) -> Path:
    try:
        return find()
    except EngineMissingError as missing:
        pytest.skip(str(missing))


def _as(account: Account | None, script: str, folder: Path, programs: Path, **variables: str) -> str:
    """What the script says, run by an account that PostgreSQL accepts."""
    line, runner = runs_as(("/bin/sh", "-c", script), account, reaches=(folder / "volume", programs))
    done = subprocess.run(
        line,
        cwd="/",
        env={"PATH": f"{programs}:/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
        user=runner.user if runner else None,
        group=runner.group if runner else None,
        extra_groups=() if runner else None,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_configuration_of_redis_starts_a_server(tmp_path: Path) -> None:
    server = _programs(valkey._program)
    files = cases.only(rendered(), "ConfigMap", "main-redis")["data"]
    (tmp_path / "data").mkdir()
    (tmp_path / "redis-server").symlink_to(server)
    text = files["redis.conf"].replace("/data", str(tmp_path / "data"))
    text = text.replace("port 6379", "port 0\nunixsocket " + str(tmp_path / "socket"))
    (tmp_path / "redis.conf").write_text(text)
    script = files["start.sh"].replace("/tmp/redis.conf", str(tmp_path / "started.conf"))
    script = script.replace("/etc/openpanel/redis", str(tmp_path))

    with subprocess.Popen(
        ["sh", "-c", script],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "REDISCLI_AUTH": "secret"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        try:
            for line in process.stdout:
                lines.append(line)
                if "Ready to accept connections" in line:
                    break
            with redis.Redis(unix_socket_path=str(tmp_path / "socket"), password="secret") as client:
                policy = client.config_get("maxmemory-policy")
        finally:
            process.terminate()

    assert policy == {"maxmemory-policy": "noeviction"}, "".join(lines)


def test_engine_is_started_with_options_that_it_knows() -> None:
    objects = rendered({"clickhouse": {"engine": "Embedded", "resources": {"limits": {"memory": "2Gi"}}}})
    stateful = cases.only(objects, "StatefulSet", "main-clickhouse-0-0")
    (container,) = stateful["spec"]["template"]["spec"]["containers"]

    options = _parser().parse_args(container["args"])

    assert (options.port, options.user, options.memory_mb) == (8123, "openpanel", 1433)
    assert str(options.data).startswith("/var/lib/openpanel/")


def test_embedded_engine_answers_where_servers_would() -> None:
    for spec in ({}, {"clickhouse": {"engine": "Embedded"}}):
        ports = cases.only(rendered(spec), "Service", "main-clickhouse")["spec"]["ports"]
        assert 8123 in [port["port"] for port in ports]


def test_external_stores_make_no_objects() -> None:
    objects = rendered(dict(cases.EXTERNAL))

    assert cases.of_kind(objects, "StatefulSet") == {}
    assert set(cases.of_kind(objects, "Service")) == {
        "main-ingest",
        "main-api",
        "main-dashboard",
        "main-worker",
    }


def test_volumes_stay_unless_deletion_is_asked_for() -> None:
    for policy in ("Retain", "Delete"):
        for stateful in cases.of_kind(rendered({"deletionPolicy": policy}), "StatefulSet").values():
            kept = stateful["spec"]["persistentVolumeClaimRetentionPolicy"]
            assert kept == {"whenDeleted": policy, "whenScaled": "Retain"}


def test_generated_secrets_are_those_of_managed_stores() -> None:
    managed = {each.name: each.keys for each in generated_secrets(cases.cluster())}
    external = {each.name for each in generated_secrets(cases.cluster(dict(cases.EXTERNAL)))}

    assert managed["main-clickhouse"] == ("password", "clusterSecret")
    assert managed.keys() == {"main-keys", "main-redis", "main-postgres", "main-clickhouse"}
    assert external == {"main-keys"}
    assert {"my-redis", "my-postgres", "my-clickhouse"} <= set(
        read_secrets(cases.cluster(dict(cases.EXTERNAL)))
    )


DEFAULT = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, DEFAULT),
        (
            {"requests": {"memory": "1Gi"}},
            {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        ),
        (
            {"limits": {"memory": "128Mi"}},
            {"requests": {"cpu": "250m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}},
        ),
        (
            {"limits": {"cpu": "0.1"}},
            {"requests": {"cpu": "0.1", "memory": "256Mi"}, "limits": {"cpu": "0.1", "memory": "512Mi"}},
        ),
    ],
)
def test_defaults_never_contradict_the_spec(said: dict[str, object] | None, expected: object) -> None:
    spec = None if said is None else Resources.model_validate(said)

    assert amounts(spec, default=DEFAULT) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [("250m", "0.25"), ("2", "2"), ("1.5Gi", "1610612736"), ("3k", "3000"), ("1Ei", "1152921504606846976")],
)
def test_quantities_are_numbers(text: str, value: str) -> None:
    assert str(number(text).normalize().__format__("f")) == value

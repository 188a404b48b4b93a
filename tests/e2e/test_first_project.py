"""From nothing to a number: chart, cluster, project, and the published SDK's events in the export."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import OPERATOR, PANEL, RELEASE, ROOT, SYSTEM, client, exported, project
from tests.e2e.kubectl import Kubectl, condition, helm, until

SDK = ROOT / "tests" / "sdk"


def test_chart_passes_its_own_test(release: str) -> None:
    assert "deployed" in release.lower()
    assert "Succeeded" in helm("test", RELEASE, "--namespace", SYSTEM)


def test_operator_runs_twice_and_one_leads(system: Kubectl, kube: Kubectl) -> None:
    assert kube.namespace
    system.until("deployment", OPERATOR, lambda found: found["status"].get("readyReplicas") == 2)
    holder = system.get("lease", OPERATOR)["spec"]["holderIdentity"]
    pods = {each["metadata"]["name"] for each in system.list("pods")}
    assert any(name in holder for name in pods)


def test_every_condition_of_the_cluster_is_good(kube: Kubectl, panel: str) -> None:
    found = kube.get("panel", panel)
    generation = found["metadata"]["generation"]
    for name in ("Ready", "RedisReady", "PostgresReady", "ClickHouseReady", "SchemaInSync", "IngestReady"):
        said = condition(found, name)
        assert said["status"] == "True", said
        assert said["observedGeneration"] == generation


def test_printed_columns_tell_what_one_looks_for(kube: Kubectl, shop: str) -> None:
    printed = kube.run("get", "aproj", shop)
    assert "READY" in printed
    assert "MESSAGE" in printed
    assert "True" in printed


def test_client_secret_holds_all_that_a_product_team_needs(kube: Kubectl, shop: str) -> None:
    held = kube.secret(f"{shop}-web")
    assert {"clientId", "clientSecret", "ingestUrl", "apiUrl", "snippet"} <= held.keys()
    assert held["clientId"] in held["snippet"]
    assert held["clientSecret"] not in json.dumps(kube.get("aproj", shop))


def test_events_of_the_published_sdk_come_out_of_the_export(kube: Kubectl, shop: str) -> None:
    with kube.forwarded(f"{PANEL}-ingest", 3000) as address:
        printed = run_sdk(SDK / "programs" / "server.mjs", kube, f"{shop}-web", address)
    assert printed["answers"]["track"]["deviceId"] is not None
    rows = until(
        lambda: {row["name"]: row for row in exported(kube, shop, event="invoice_sent")},
        lambda found: "invoice_sent" in found,
    )
    assert rows["invoice_sent"]["properties"]["amount"] == "12.5"
    assert rows["invoice_sent"]["profileId"] == "user-1"


def test_script_for_browsers_is_served_by_ingest(kube: Kubectl, panel: str) -> None:
    with kube.forwarded(f"{panel}-ingest", 3000) as address:
        script = httpx.get(f"{address}/op1.js", timeout=30)
    assert script.status_code == 200
    assert "javascript" in script.headers["content-type"]


def test_dashboard_asks_for_a_sign_in(kube: Kubectl, panel: str) -> None:
    with kube.forwarded(f"{panel}-dashboard", 3001) as address:
        page = httpx.get(address, timeout=30, follow_redirects=True)
    assert page.status_code in {200, 401}
    assert "<html" in page.text


def test_another_project_is_ready_within_seconds_and_sees_nothing_of_the_first(
    kube: Kubectl, panel: str
) -> None:
    kube.apply(project("second", panel=panel))
    kube.ready("aproj", "second")
    assert exported(kube, "second") == []
    own = client(kube, "second-reader")
    with kube.forwarded(f"{panel}-api", 3002) as address:
        answer = httpx.get(
            f"{address}/export/events", params={"projectId": "shop"}, headers=own.headers, timeout=30
        )
    assert answer.status_code == 403
    kube.delete("aproj", "second")


def run_sdk(program: Path, kube: Kubectl, secret: str, address: str) -> dict[str, Any]:
    own = client(kube, secret)
    done = subprocess.run(
        ["node", str(program)],
        cwd=SDK,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            **os.environ,
            "INGEST_URL": address,
            "CLIENT_ID": own.id,
            "CLIENT_SECRET": own.secret,
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return printed

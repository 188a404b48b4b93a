"""An installation of the whole product as a person has it: started by its own command, asked over HTTP."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from openpanel_local.layout import Layout
from openpanel_local.status import Status, look
from tests.local.command_line import openpanel, program

PATIENCE_S: Final = 120.0  # for what takes a second or two on a machine that has time
MANIFEST = """\
apiVersion: openpanel.dev/v1alpha1
kind: AnalyticsProject
metadata:
  name: {name}
spec:
  displayName: {name}
  timeZone: UTC
  domains: ["http://127.0.0.1:*", "http://localhost:*"]
  privacy: {{allowUnsafeRevenue: {unsafe_revenue}}}
  clients:
    - {{name: web, type: write}}
    - {{name: reader, type: read}}
    - {{name: admin, type: root}}
"""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What `openpanel credentials` prints for one client."""

    project: str
    client: str
    type: str
    client_id: str
    client_secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"openpanel-client-id": self.client_id, "openpanel-client-secret": self.client_secret}


@dataclass(frozen=True, slots=True)
class Platform:
    """A running installation: its folder, its addresses and the ways in that a person has."""

    data: Path
    ingest_url: str
    api_url: str
    dashboard_url: str
    printed: str
    """What its start told."""

    @property
    def ports(self) -> tuple[int, ...]:
        """Those of ingest, dashboard and public API, as `start` takes them."""
        urls = (self.ingest_url, self.dashboard_url, self.api_url)
        return tuple(int(url.rpartition(":")[2]) for url in urls)

    def status(self) -> Status:
        """What `openpanel status` shows, asked here: as a command it takes half a second of a core."""
        return look(Layout(self.data))

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return openpanel(self.data, *arguments, stdin=stdin)

    def program(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command as a process, for threads."""
        return program(self.data, *arguments)

    def project(self, name: str, *, unsafe_revenue: bool = False) -> Mapping[str, Credentials]:
        """A project of that name and its clients by name."""
        manifest = MANIFEST.format(name=name, unsafe_revenue=json.dumps(unsafe_revenue))
        applied = self.run("apply", "-f", "-", stdin=manifest)
        assert applied.returncode == 0, applied.stdout + applied.stderr
        return {client: self.credentials(name, client) for client in ("web", "reader", "admin")}

    def credentials(self, project: str, client: str) -> Credentials:
        shown = self.run("credentials", project, "--client", client, "-o", "json")
        assert shown.returncode == 0, shown.stdout + shown.stderr
        printed = json.loads(shown.stdout)
        return Credentials(
            project=printed["project"],
            client=printed["client"],
            type=printed["type"],
            client_id=printed["clientId"],
            client_secret=printed["clientSecret"],
        )

    def events(self, reader: Credentials, **query: str) -> list[dict[str, Any]]:
        """Every exported event of the reader's project, oldest first."""
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = httpx.get(
                f"{self.api_url}/export/events",
                params={"includes": "properties,profile", "limit": "1000", "page": str(page), **query},
                headers=reader.headers,
                timeout=PATIENCE_S,
            )
            assert answer.status_code == 200, answer.text
            rows += answer.json()["data"]
            if page >= answer.json()["meta"]["pages"]:
                return sorted(rows, key=lambda row: str(row["createdAt"]))
            page += 1

    def until(
        self,
        reader: Credentials,
        enough: Callable[[list[dict[str, Any]]], bool],
        *,
        seconds: float = PATIENCE_S,
    ) -> list[dict[str, Any]]:
        """The exported events as soon as they are `enough`; fails with what is there after `seconds`."""
        deadline = time.monotonic() + seconds
        rows = self.events(reader)
        while not enough(rows):
            assert time.monotonic() < deadline, (
                f"not enough after {seconds} s: {json.dumps(rows, indent=1)[:4000]}"
            )
            time.sleep(0.1)
            rows = self.events(reader)
        return rows

    def insight(
        self, reader: Credentials, path: str, enough: Callable[[Any], bool], *, seconds: float = PATIENCE_S
    ) -> Any:
        """What the API says of the reader's project as soon as it is `enough`; fails with what it says at last."""
        address = f"{self.api_url}/insights/{reader.project}{path}"
        deadline = time.monotonic() + seconds
        while True:
            answer = httpx.get(address, headers=reader.headers, timeout=PATIENCE_S)
            if answer.status_code == 200 and enough(found := answer.json()):
                return found
            assert time.monotonic() < deadline, f"not enough after {seconds} s: {answer.text[:4000]}"
            time.sleep(0.1)


def start(data: Path, *, ports: Sequence[int], arguments: Sequence[str] = ()) -> Platform:
    ingest, dashboard, api = ports
    started = openpanel(
        data,
        *("up", "--detach", "--ingest-port", str(ingest), "--dashboard-port", str(dashboard)),
        *("--api-port", str(api)),
        *arguments,
    )
    assert started.returncode == 0, started.stdout + started.stderr
    return Platform(
        data=data,
        ingest_url=f"http://127.0.0.1:{ingest}",
        api_url=f"http://127.0.0.1:{api}",
        dashboard_url=f"http://127.0.0.1:{dashboard}",
        printed=started.stdout,
    )

"""Secrets that are replaced while they are in use."""

import time
from datetime import datetime
from typing import Final

from tests.e2e.conftest import client, exported, project
from tests.e2e.events import Sender, track
from tests.e2e.kubectl import Kubectl, Object, until

OVERLAP: Final = "30s"  # within which the new one is fetched and used, on a slow machine, too
SECOND_S: Final = 1.0  # the status tells whole seconds


def test_nothing_is_refused_while_a_secret_is_rotated_and_the_old_one_ends_with_the_overlap(
    kube: Kubectl, panel: str
) -> None:
    kube.apply(rotating(panel))
    kube.ready("aproj", "rotating")
    before = client(kube, "rotating-web")
    event = f"rotated_{time.time_ns()}"
    with kube.forwarded(f"{panel}-ingest", 3000) as address:
        with Sender(address, before.headers, name=event, run="old") as old:
            until(lambda: old.statuses, lambda seen: 200 in seen)
            kube.annotate("aproj", "rotating", rotate=str(time.time_ns()))
            until(lambda: client(kube, "rotating-web").secret, lambda now: now != before.secret)
            after = client(kube, "rotating-web")
            with Sender(address, after.headers, name=event, run="new") as new:
                ends = overlap_ends(kube)
                until(lambda: old.statuses, lambda seen: seen[-1] == 401)
        wrong = {**after.headers, "openpanel-client-secret": "sec_" + "0" * 40}
        assert track(address, wrong, event).status_code == 401

    assert after.id == before.id
    assert {answer.status for answer in old.answers if answer.at < ends - SECOND_S} == {200}
    assert set(new.statuses) == {200}
    assert [answer for answer in old.answers if answer.status == 200 and answer.at > new.answers[0].at]
    taken = old.statuses.count(200) + new.statuses.count(200)
    found = until(lambda: exported(kube, "rotating", event=event), lambda rows: len(rows) == taken)
    sent = {(row["properties"]["run"], row["properties"]["number"]) for row in found}
    assert len(sent) == taken
    kube.delete("aproj", "rotating")


def rotating(panel: str) -> Object:
    """The project with a client whose secret rotates."""
    web = {"name": "web", "type": "write", "rotation": {"interval": "30d", "overlap": OVERLAP}}
    return project("rotating", panel=panel, clients=[web, {"name": "reader", "type": "read"}])


def overlap_ends(kube: Kubectl) -> float:
    """Until when the old secret works, as the status says."""

    def said() -> str:
        clients = kube.get("aproj", "rotating")["status"]["clients"]
        web = next(each for each in clients if each["name"] == "web")
        return str(web.get("previousValidUntil", ""))

    return datetime.fromisoformat(until(said, bool)).timestamp()

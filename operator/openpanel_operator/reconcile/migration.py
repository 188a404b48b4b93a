"""Where the migration of the wanted version is: not begun, running, failed, done, or done and no longer true.

An older version has nothing to migrate on tables that a newer one has brought on: its own code would refuse them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from openpanel_operator.kube import Object, Ref, ref_of
from openpanel_operator.kube.kinds import JOB
from openpanel_operator.reconcile.conditions import moment
from openpanel_operator.reconcile.readiness import is_job_done, job_failure
from openpanel_operator.stores import Addresses, StoreError

if TYPE_CHECKING:
    from openpanel_operator.reconcile.cluster_pass import ClusterPass

RETRY_S: Final = 60.0  # after a Job has given up; its own retries come before that

_VERSION: Final = re.compile(r"v?(?P<numbers>\d+(\.\d+)*)(?P<before>-.+)?")


@dataclass(frozen=True, slots=True)
class Migration:
    """The migration of one version, done by one Job."""

    ref: Ref | None
    done: bool
    recorded: str | None
    """What was last done on every server."""
    failure: str | None = None
    stale: bool = False
    """The Job has ended and must be made again: it failed, or a server has lost its tables since."""

    @property
    def name(self) -> str:
        """Name of the Job, which carries the revision."""
        return self.ref.name if self.ref else ""

    def figures(self) -> dict[str, Any]:
        """For the status."""
        revision = self.name if self.done else self.recorded
        return {"wanted": self.name, **({"revision": revision} if revision else {})}


async def migration_of(
    objects: Sequence[Object], *, current: "ClusterPass", at: Addresses, version: str, complete: bool = False
) -> Migration:
    """The migration among these objects, rendered as if it was not done yet.

    `complete`: what runs waits to be replaced and every server has its tables, so there is nothing to migrate yet.
    """
    wanted = next((ref_of(each) for each in objects if each["kind"] == JOB.name), None)
    recorded = (current.before.get("schema") or {}).get("revision")
    if complete and recorded and await _is_whole(current, at, version):
        return Migration(Ref(JOB, current.key.namespace, recorded), done=True, recorded=recorded)
    if wanted is None:
        return Migration(None, done=True, recorded=recorded)
    job = current.owned.jobs.get(wanted.name)
    ended = job is not None and is_job_done(job)
    if ended or (job is None and recorded == wanted.name):
        whole = await _is_whole(current, at, version)
        return Migration(wanted, done=whole, recorded=recorded, stale=ended and not whole)
    if _is_older(version, than=current.world.version) and await _is_of_this_version(current, at):
        return Migration(wanted, done=True, recorded=recorded)
    failure = job_failure(job) if job is not None else None
    due = failure is not None and job is not None and _is_due(job, current)
    return Migration(wanted, done=False, recorded=recorded, failure=failure, stale=due)


async def _is_whole(current: "ClusterPass", at: Addresses, version: str) -> bool:
    """Whether every server still has what was done. One that cannot be asked now is taken at its word."""
    if version != current.world.version:
        return True  # tables of another version are not known here
    try:
        return await current.world.stores.schema_is_current(at)
    except StoreError:
        return True


async def _is_of_this_version(current: "ClusterPass", at: Addresses) -> bool:
    """Whether the stores have the tables of the operator's own version, as far as they can be asked now."""
    try:
        return await current.world.stores.schema_is_current(at)
    except StoreError:
        return False


def _is_older(version: str, *, than: str) -> bool:
    """Whether it comes before the other one; of names that are no version numbers nobody knows."""
    one, other = _VERSION.fullmatch(version), _VERSION.fullmatch(than)
    return one is not None and other is not None and _place(one) < _place(other)


def _place(version: re.Match[str]) -> tuple[list[int], bool]:
    """Where a version comes among all: what comes before a release, such as 2.0.0-rc1, is older than it."""
    numbers = [int(number) for number in version["numbers"].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()  # 1.0 is 1.0.0
    return numbers, version["before"] is None


def _is_due(job: Object, current: "ClusterPass") -> bool:
    ended = next(
        each for each in job["status"]["conditions"] if each["type"] == "Failed" and each["status"] == "True"
    )
    since = ended.get("lastTransitionTime")
    return since is None or (current.world.clock() - moment(since)).total_seconds() >= RETRY_S

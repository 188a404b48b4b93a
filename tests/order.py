"""In which order the tests run, and what stays together where several processes share them.

A process takes one file after the other. What takes long comes first, so that no process is left with it when the
others are done; and what shares something that is dear to start is done by one process, which starts it once.
"""

from typing import Final

from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # it says nothing of its types

# What the files of a room share, so that one process does them all.
SHARED: Final = {
    "tests/operator/keda/": "an API server",
    "tests/operator/reconcile/": "an API server",
    "tests/operator/resources/": "an API server",
    "tests/whole/": "an installation",
}
# Files and rooms by how long they take, the longest first.
LONG: Final = (
    *SHARED,
    "tests/operator/chart/test_helm3.py",
    "tests/dashboard/test_screens.py",
    "tests/worker/test_process.py",
    "tests/dashboard/test_accessibility.py",
    "tests/local/test_up.py",
    "tests/api/public/test_documented_calls.py",
    "tests/dashboard/test_loading.py",
    "tests/api/public/mcp/test_mcp.py",
    "tests/tenancy/test_snapshots.py",
    "tests/tenancy/test_removal.py",
    "tests/api/ingest/test_direct.py",
    "tests/api/public/live/test_watching.py",
    "tests/worker/test_crashes.py",
    "tests/operator/chart/test_images.py",
    "tests/warehouse/test_two_shards.py",
    "tests/analytics/test_injection.py",
    "tests/analytics/test_lists_injection.py",
    "tests/analytics/test_behaviour_statements.py",
    "tests/analytics/test_web_injection.py",
    "tests/analytics/test_lists_statements.py",
    "tests/warehouse/test_migrations.py",
    "tests/api/public/test_export.py",
)
# Leave what they share with others as nobody else wants it: they come after the others.
LAST_OF_ITS_ROOM: Final = "tests/whole/test_readme.py"  # its walk-through stops the installation


def rank(test: str) -> tuple[int, bool]:
    """The place of a test, by its id; those of the same place stay in their order."""
    place = next((place for place, name in enumerate(LONG) if test.startswith(name)), len(LONG))
    return place, test.startswith(LAST_OF_ITS_ROOM)


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # the same
    """Gives a process a file at a time, or all that shares something."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((shared for room, shared in SHARED.items() if file.startswith(room)), file)

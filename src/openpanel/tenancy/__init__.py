"""Makes a project real: from its manifest to metadata, credentials and retention, and away again.

`manifest` holds the resource and reads it from YAML; the rest brings the stores to what it says.
"""

from openpanel.tenancy.announcing import Announce
from openpanel.tenancy.manifest import AnalyticsProject, parse, parse_all
from openpanel.tenancy.provisioning import ensure
from openpanel.tenancy.refusals import ManifestRefused, Refusal
from openpanel.tenancy.removal import Removal, remove_due
from openpanel.tenancy.report import Change, Issued, Report
from openpanel.tenancy.restoring import Restored, restore
from openpanel.tenancy.rotation import opens, rotate
from openpanel.tenancy.snapshot_errors import SnapshotError, SnapshotRefused, SnapshotUnavailable
from openpanel.tenancy.snapshot_places import S3
from openpanel.tenancy.snapshots import Snapshot

__all__ = [
    "S3",
    "AnalyticsProject",
    "Announce",
    "Change",
    "Issued",
    "ManifestRefused",
    "Refusal",
    "Removal",
    "Report",
    "Restored",
    "Snapshot",
    "SnapshotError",
    "SnapshotRefused",
    "SnapshotUnavailable",
    "ensure",
    "opens",
    "parse",
    "parse_all",
    "remove_due",
    "restore",
    "rotate",
]

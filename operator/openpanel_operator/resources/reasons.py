"""Every condition that a status may report and every reason for it, each with its cause and its cure.

Written once: reconcile reports them, and the page on troubleshooting is generated from them.
"""

from enum import StrEnum
from typing import Final


class ConditionType(StrEnum):
    """One side of a resource that is reported on. `True` is good, but for `Progressing`, `Degraded` and `Paused`."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "ConditionType":
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    READY = "Ready", "Everything serves as the spec says."
    PROGRESSING = "Progressing", "Something is being brought to what the spec says."
    DEGRADED = "Degraded", "Something that once served does not, or a step failed; the message says which."
    PAUSED = "Paused", "Nothing is changed until the annotation openpanel.dev/paused goes."
    SPEC_VALID = "SpecValid", "The spec can be followed."

    REDIS_READY = "RedisReady", "Events can wait: Redis answers."
    POSTGRES_READY = "PostgresReady", "Projects and users can be read: PostgreSQL answers."
    CLICKHOUSE_READY = "ClickHouseReady", "Events can be kept: every shard has a replica that answers."
    KEEPER_READY = "KeeperReady", "Keeper has a quorum and the members that the spec says."
    SCHEMA_IN_SYNC = "SchemaInSync", "Every server has the tables of the running version."
    WORKERS_READY = "WorkersReady", "Workers write what waits."
    INGEST_READY = "IngestReady", "Events are taken in."
    API_READY = "ApiReady", "The public API answers."
    DASHBOARD_READY = "DashboardReady", "The dashboard answers."
    EXPOSED = "Exposed", "The hosts of the spec lead to the services."
    UP_TO_DATE = "UpToDate", "Every service runs the version of the spec, and every pod with its settings."
    SCALE_ALLOWED = "ScaleAllowed", "Shards, replicas and Keeper members may be changed now."

    CLUSTER_READY = "ClusterReady", "The PanelCluster that serves the project is there and ready."
    PROVISIONED = "Provisioned", "The project, its users and its quota are in the stores."
    CREDENTIALS_READY = "CredentialsReady", "Every client's Secret holds credentials that open."
    RETENTION_APPLIED = "RetentionApplied", "Data is kept for as long as the spec says."
    SNAPSHOT_READY = (
        "SnapshotReady",
        "There is a place that takes copies of projects before they are deleted, or nobody asks for one.",
    )
    QUOTA_ENFORCED = (
        "QuotaEnforced",
        "Kubernetes holds the project's pods to their quota, or isolation.resourceQuota.admission does not ask for it.",
    )
    SCALING_ACTIVE = "ScalingActive", "The number of workers follows the queue."
    WAREHOUSE_USER_READY = (
        "WarehouseUserReady",
        "Whoever asks ClickHouse itself has a user that reads this project alone, or there is none for anybody.",
    )


class Reason(StrEnum):
    """Why a condition is what it is, in one word for programs; `meaning` is for people: cause, then cure."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Reason":
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    # It is as it should be.
    AS_WANTED = "AsWanted", "It is as the spec says; there is nothing to do."
    EXTERNAL = "External", "It is run by somebody else and answers; there is nothing to do."
    SHARED = "Shared", "The cluster's own pods do this for the project; there is nothing to do."
    NOT_WANTED = "NotWanted", "The spec does not ask for it; there is nothing to do."

    # It is on its way.
    RECONCILING = "Reconciling", "Objects are being brought to what the spec says; wait."
    WAITING_FOR_PODS = "WaitingForPods", "Pods are starting; wait, or look at them if it takes minutes."
    ROLLING_OUT = "RollingOut", "Pods are being replaced one after another; wait."
    WAITING_FOR_STORES = (
        "WaitingForStores",
        "A store that this needs is not ready yet; see that store's condition.",
    )
    WAITING_FOR_SCHEMA = "WaitingForSchema", "The tables of this version are not made yet; see SchemaInSync."
    MIGRATING = "Migrating", "The migration is running; wait, its Job has the log."
    VOLUME_RESIZING = "VolumeResizing", "A volume is being enlarged; wait, or look at the claim's events."
    DRAINING = "Draining", "What still waits is being written before something goes; wait."
    KEEPER_CHANGING = "KeeperChanging", "A Keeper member joins, one at a time; wait."
    PAUSED = "Paused", "The annotation openpanel.dev/paused is set; remove it to go on."
    DELETION_PROTECTED = (
        "DeletionProtected",
        "Deletion waits because openpanel.dev/deletion-protection is set; remove the annotation to let it go.",
    )

    WAITING_FOR_PROJECTS = (
        "WaitingForProjects",
        "Projects have yet to be copied or erased, for which the stores are needed; it goes when they are gone.",
    )

    # The spec cannot be followed.
    INVALID_SPEC = (
        "InvalidSpec",
        "A field is wrong in a way that the API server cannot see; correct the one named.",
    )
    HOST_CONFLICT = (
        "HostConflict",
        "Another project or service has this host; choose another, or remove it there.",
    )
    NAME_CONFLICT = (
        "NameConflict",
        "Another project or PanelCluster has this name, and ids and objects are named by it; rename one of them.",
    )
    PRIORITY_CONFLICT = (
        "PriorityConflict",
        "Pods of others have the priority class that the project's pods are counted by; give one of them another.",
    )
    SECRET_CONFLICT = (
        "SecretConflict",
        "A Secret of this name exists and is not ours; set another secretName, or delete that Secret.",
    )
    FIELD_CONFLICT = (
        "FieldConflict",
        "Somebody else owns an object that is needed; rename or delete that object.",
    )
    CHANGE_REFUSED = (
        "ChangeRefused",
        "Something that cannot change was changed while nobody watched; set it back to what the message says.",
    )

    # Something is missing or wrong outside.
    SECRET_MISSING = (
        "SecretMissing",
        "A Secret that the spec names is not there; create it, it is noticed by itself.",
    )
    SECRET_KEY_MISSING = "SecretKeyMissing", "A Secret lacks a key; add the key that the message names."
    SECRET_INVALID = (
        "SecretInvalid",
        "What a Secret says is no address of its store; write it as the message says.",
    )
    AUTHENTICATION_FAILED = (
        "AuthenticationFailed",
        "A store refuses user or password; correct the Secret that the message names.",
    )
    UNREACHABLE = (
        "Unreachable",
        "A store does not answer; check its host, its port, DNS and network policies, it is asked again by itself.",
    )
    IMAGE_UNAVAILABLE = (
        "ImageUnavailable",
        "A node cannot fetch an image; correct its name, or add the registry's credentials to images.pullSecrets.",
    )
    CRASH_LOOPING = (
        "CrashLooping",
        "A container ends again and again; read its log with kubectl logs --previous.",
    )
    OUT_OF_MEMORY = "OutOfMemory", "A container was ended for want of memory; raise its memory limit."
    UNSCHEDULABLE = (
        "Unschedulable",
        "No node takes a pod; add nodes, or lower its requests or its placement's demands.",
    )
    VOLUME_UNBOUND = (
        "VolumeUnbound",
        "A volume cannot be had; check storage.className and what that class can provide.",
    )
    VOLUME_NOT_EXPANDABLE = (
        "VolumeNotExpandable",
        "The storage class cannot enlarge volumes; set allowVolumeExpansion on it, or set the old size.",
    )
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        "A ResourceQuota allows no more; raise it, or lower replicas or resources.",
    )
    FORBIDDEN = (
        "Forbidden",
        "The operator lacks a right, or a policy refuses an object; allow what the message names.",
    )
    NAMESPACE_TERMINATING = (
        "NamespaceTerminating",
        "The namespace is being deleted; nothing new can be made in it.",
    )
    KEDA_NOT_INSTALLED = (
        "KedaNotInstalled",
        "workers.scaler is Keda and KEDA is not there; install it, or say Operator.",
    )
    KEDA_FAILS = (
        "KedaFails",
        "KEDA cannot read the queue or scale the workers; mend what its message names.",
    )
    GATEWAY_NOT_INSTALLED = (
        "GatewayNotInstalled",
        "exposure.type is Gateway and the Gateway API is not there; install its CRDs, or say Ingress.",
    )
    CERTIFICATE_UNUSED = (
        "CertificateUnused",
        "A certificate is named and exposure.type is Gateway, whose listeners have their own; leave it out, and say exposure.scheme: https.",
    )
    ROUTE_REFUSED = (
        "RouteRefused",
        "The Gateway does not take a route, in its controller's words; correct exposure.gatewayRef, hosts, or the Gateway's listeners.",
    )
    CERT_MANAGER_NOT_INSTALLED = (
        "CertManagerNotInstalled",
        "tls.issuer is given and cert-manager is not there; install it, or give tls.secretName.",
    )
    NETWORK_POLICIES_OFF = (
        "NetworkPoliciesOff",
        "isolation.networkPolicy is true and the PanelCluster's networkPolicies.enabled is false, so pods of others reach the project's; enable them there.",
    )
    QUOTA_TOO_SMALL = (
        "QuotaTooSmall",
        "The quota could hold up a rolling update of the fewest pods, so Kubernetes does not count; raise it, or lower min.",
    )
    METRICS_UNAVAILABLE = (
        "MetricsUnavailable",
        "The autoscaler has no figures; install metrics-server, pods stay as many as they are.",
    )

    # The cluster of a project.
    CLUSTER_NOT_FOUND = (
        "ClusterNotFound",
        "The PanelCluster is not there, or was deleted; create it again, the project's data is kept.",
    )
    CLUSTER_AMBIGUOUS = "ClusterAmbiguous", "There are several PanelClusters; name one in clusterRef."
    CLUSTER_NOT_READY = "ClusterNotReady", "The PanelCluster is not ready; see its conditions."

    # Schema and versions.
    MIGRATION_FAILED = (
        "MigrationFailed",
        "The migration Job failed and is tried again; its log says why, no service was rolled.",
    )
    UPGRADE_STOPPED = (
        "UpgradeStopped",
        "A service did not become ready with its new image, the others keep the old; mend it, or set the old version.",
    )
    UPGRADE_WAITING = (
        "UpgradeWaiting",
        "A newer version is there and upgrade.policy is Manual; set version to take it.",
    )

    WAITING_FOR_WINDOW = (
        "WaitingForWindow",
        "Pods are to be restarted in a maintenance window; wait until it opens, or set openpanel.dev/maintenance-now.",
    )

    # Shards, replicas and members.
    REPLICA_LAGGING = "ReplicaLagging", "A replica has not yet all data of its shard; wait."
    REPLICA_UNAVAILABLE = (
        "ReplicaUnavailable",
        "A replica does not answer, its shard goes on; look at its pod.",
    )
    SHARD_UNAVAILABLE = (
        "ShardUnavailable",
        "No replica of a shard answers, its data cannot be read; look at its pods.",
    )
    SCALE_DOWN_BLOCKED = (
        "ScaleDownBlocked",
        "A replica would take data with it; it goes when the others have it.",
    )
    SHARD_NOT_EMPTY = (
        "ShardNotEmpty",
        "A shard that is to go still has data; move it, see the page on operations.",
    )
    KEEPER_NO_QUORUM = (
        "KeeperNoQuorum",
        "Most Keeper members do not answer; nothing is changed until they do.",
    )

    # Projects in the stores.
    PROVISIONING_FAILED = (
        "ProvisioningFailed",
        "A store refused a step; the message has its words, it is tried again.",
    )
    NO_SQL_USERS = (
        "NoSqlUsers",
        "The embedded engine keeps no users made by statements, so the project has none; there is nothing to do.",
    )
    USER_REFUSED = (
        "UserRefused",
        "ClickHouse would not make the project's user; grant access management to the one that the operator uses.",
    )
    RETENTION_NEEDS_CONSENT = (
        "RetentionNeedsConsent",
        'A shorter retention would delete data; annotate openpanel.dev/allow-data-loss: "true", or set the old days.',
    )
    CLEANUP_FAILED = (
        "CleanupFailed",
        'Data cannot be cleared because a store is away; wait, or annotate openpanel.dev/skip-cleanup: "true".',
    )
    OWNED_ELSEWHERE = (
        "OwnedElsewhere",
        "Data of a project of this name are another namespace's; choose another name, or consent as the message says.",
    )
    ORGANIZATION_ELSEWHERE = (
        "OrganizationElsewhere",
        "The organization has projects of another namespace; name another one, or consent as the message says.",
    )
    NO_SNAPSHOT_PLACE = (
        "NoSnapshotPlace",
        "deletionPolicy is Snapshot and the PanelCluster names no place; set its spec.snapshots, or another policy.",
    )
    PLACE_UNUSABLE = (
        "PlaceUnusable",
        "Nothing can be copied to the place for snapshots; mend what the message names, it is tried again by itself.",
    )
    SNAPSHOTTING = "Snapshotting", "The project's data is being copied before it is deleted; wait."
    SNAPSHOT_FAILED = (
        "SnapshotFailed",
        "The copy failed, so nothing was deleted; mend what the message names, or set deletionPolicy to Retain or Delete.",
    )
    STEP_FAILED = "StepFailed", "A step failed unexpectedly; the message has the error, it is tried again."
    UNKNOWN = "Unknown", "It could not be looked at just now; nothing is changed because of that."

    # Workers, see `scaling`.
    STEADY = "Steady", "There are as many workers as the queue needs; there is nothing to do."
    SCALED_UP = "ScaledUp", "More workers were started; there is nothing to do."
    SCALED_DOWN = "ScaledDown", "Workers that were not needed were stopped; there is nothing to do."
    STABILIZING = "Stabilizing", "Fewer workers would do, but not for long enough; see workers.stabilization."
    STEPPING_DOWN = "SteppingDown", "Fewer workers would do, and some went just now; the next follow."
    BUSY = "Busy", "Fewer workers would do, but the others have work in hand; they go when it is done."
    AT_MAXIMUM = (
        "AtMaximum",
        "The queue needs more workers than workers.max; raise it up to workers.shards if the queue grows.",
    )
    IDLE = "Idle", "There is no work and no worker; the first event starts one."
    QUEUE_UNREACHABLE = (
        "QueueUnreachable",
        "The queue cannot be read, so workers stay; see the cluster's RedisReady.",
    )
    FALLBACK = (
        "Fallback",
        "The queue was unreadable for long, so workers.fallback is followed; see RedisReady.",
    )
    PINNED = "Pinned", "workers.replicas is set; remove it to follow the queue again."
    DELEGATED = "Delegated", "KEDA follows the queue; its ScaledObject has the details."


CLUSTER_CONDITIONS: Final = (
    ConditionType.READY, ConditionType.PROGRESSING, ConditionType.DEGRADED, ConditionType.PAUSED,
    ConditionType.SPEC_VALID, ConditionType.REDIS_READY, ConditionType.POSTGRES_READY,
    ConditionType.CLICKHOUSE_READY, ConditionType.KEEPER_READY, ConditionType.SCHEMA_IN_SYNC,
    ConditionType.WORKERS_READY, ConditionType.INGEST_READY, ConditionType.API_READY,
    ConditionType.DASHBOARD_READY, ConditionType.EXPOSED, ConditionType.UP_TO_DATE,
    ConditionType.SCALE_ALLOWED, ConditionType.SCALING_ACTIVE, ConditionType.SNAPSHOT_READY,
)  # fmt: skip
PROJECT_CONDITIONS: Final = (
    ConditionType.READY, ConditionType.PROGRESSING, ConditionType.DEGRADED, ConditionType.PAUSED,
    ConditionType.SPEC_VALID, ConditionType.CLUSTER_READY, ConditionType.PROVISIONED,
    ConditionType.CREDENTIALS_READY, ConditionType.RETENTION_APPLIED, ConditionType.SNAPSHOT_READY,
    ConditionType.INGEST_READY, ConditionType.WORKERS_READY, ConditionType.SCALING_ACTIVE,
    ConditionType.QUOTA_ENFORCED, ConditionType.EXPOSED, ConditionType.WAREHOUSE_USER_READY,
)  # fmt: skip

"""The API server as the operator uses it: a thin client, its errors, kinds, and the index that watches keep.

What other rooms use:

    Kube, KubeError and its kinds            calls (`client`, `errors`)
    kinds.SECRET, kinds.OWNED, …             where things are (`kinds`)
    Index, Key, Ref, Watching, Patrol        what is known of the cluster (`index`, `watching`, `objects`)

Knows no store and decides nothing.
"""

from openpanel_operator.kube.client import Connect, Kube
from openpanel_operator.kube.errors import (
    Absent,
    Conflict,
    Expired,
    Forbidden,
    KubeError,
    Refused,
    Unavailable,
    Unknown,
)
from openpanel_operator.kube.index import Index, Key
from openpanel_operator.kube.kinds import Kind
from openpanel_operator.kube.objects import Object, Ref, ref_of
from openpanel_operator.kube.patrol import Patrol
from openpanel_operator.kube.watching import Watching

__all__ = [
    "Absent",
    "Conflict",
    "Connect",
    "Expired",
    "Forbidden",
    "Index",
    "Key",
    "Kind",
    "Kube",
    "KubeError",
    "Object",
    "Patrol",
    "Ref",
    "Refused",
    "Unavailable",
    "Unknown",
    "Watching",
    "ref_of",
]

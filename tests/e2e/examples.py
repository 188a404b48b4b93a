"""The examples that run on any cluster, and what is made smaller so that all of them fit at once beside the platform.

Nothing else of a file is changed, but that each project gets a client that reads, to look at what arrived.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.e2e.conftest import EXAMPLES, ONE_POD, SMALL
from tests.e2e.kubectl import Object, documents

READER: Final = "e2e-reader"
_DEDICATED: Final = {
    "ingest": {"replicas": ONE_POD, "resources": SMALL},
    "workers": {"resources": SMALL},
}
# File → what of its project's spec is smaller.
RUN: Final[Mapping[str, Mapping[str, Any]]] = {
    "01-first-project": {},
    "02-shop": _DEDICATED,
    "06-dedicated-ingest": {**_DEDICATED, "workers": {"min": 1, "resources": SMALL}},
    "08-keda-workers": _DEDICATED,
    "09-retention": {},
    "10-rotation": {},
    "11-privacy": {},
    "12-scale-to-zero": _DEDICATED,
    "14-isolation": _DEDICATED,
    "16-conversions": {},
}
# The platform that all of them run on.
PLATFORM: Final = "03-trial-cluster"
# File → why it is not among them; each is validated by an API server and rendered in other tests.
NOT_RUN: Final[Mapping[str, str]] = {
    "04-production-cluster": "needs images of ClickHouse and three zones",
    "05-sharded-cluster": "needs images of ClickHouse and its node pool",
    "07-external-stores": "needs the three stores of somebody else",
    "13-gateway": "needs the Gateway API and a Gateway",
    "15-places-and-traces": "needs a volume with a GeoLite2 file",
    "17-own-images": "needs a registry of your own",
    "18-snapshots": "needs images of ClickHouse and an S3-compatible store",
}


# The namespace of example 14; it is deleted after everything else, when there is no operator any more.
TENANT: Final = "tenant-gamma"


def objects() -> Iterator[Object]:
    """Everything in the files that run."""
    for name, smaller in RUN.items():
        for each in documents(EXAMPLES / f"{name}.yaml"):
            if each["kind"] == "AnalyticsProject":
                each["spec"] = _merged(each["spec"], smaller)
                each["spec"]["clients"].append({"name": READER, "type": "read"})
            yield each


def projects() -> dict[str, str]:
    """Names of the projects in the files that run, each with its namespace, or "" for that of the platform."""
    return {
        each["metadata"]["name"]: each["metadata"].get("namespace", "")
        for each in objects()
        if each["kind"] == "AnalyticsProject"
    }


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> Object:
    result = dict(base)
    for key, value in change.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result

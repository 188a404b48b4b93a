"""What the API server demands of an `AnalyticsProject` beyond types and bounds: the checks of tenancy in CEL."""

from typing import Final

from openpanel.tenancy import spec, workload
from openpanel.tenancy.checks import ORDERED, VALUELESS
from openpanel.tenancy.fields import NUMBER
from openpanel.tenancy.spec import AnalyticsProjectSpec
from openpanel_operator.resources.rules import Rule, Rules

LONGEST_NAME: Final = 40  # characters; Services, Deployments and labels are named after a project
NETWORK: Final = "(isIP({0}) || (isCIDR({0}) && cidr({0}) == cidr({0}).masked()))"
_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def seconds_in(text: str) -> str:
    """CEL for how many seconds a duration such as 1d12h is."""
    parts = (
        f"int('0' + {text}.find('[0-9]+{unit}').replace('{unit}', '')) * {seconds}"
        for unit, seconds in _SECONDS.items()
    )
    return f"({' + '.join(parts)})"


def _among(values: frozenset[str]) -> str:
    return f"[{', '.join(repr(value) for value in sorted(values))}]"


NAME: Final = Rule(
    "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
    "metadata.name must be lower-case letters, digits and '-', beginning with a letter, since Services get its name",
)


def networks_rule(field: str) -> Rule:
    """Addresses and networks as `fields.network` takes them."""
    return Rule(
        f"!has(self.{field}) || self.{field}.all(each, {NETWORK.format('each')})",
        f"each of {field} must be an address or a network without host bits, such as 10.20.0.0/16",
        at=f".{field}",
    )


def _within_limit(resource: str) -> Rule:
    given = f"has(self.requests) && has(self.requests.{resource}) && has(self.limits) && has(self.limits.{resource})"
    return Rule(
        f"!({given}) || quantity(string(self.requests.{resource}))"
        f".compareTo(quantity(string(self.limits.{resource}))) <= 0",
        f"requests.{resource} may be at most limits.{resource}; lower the request or raise the limit",
        at=".requests",
    )


ORDERED_BOUNDS: Final = Rule(
    "self.min <= self.max", "min may be at most max; lower min or raise max", at=".min"
)

ROOT: Final = (NAME,)

_WORKERS: Final = (
    ORDERED_BOUNDS,
    Rule("self.min > 0 || self.scaleToZero", "min: 0 needs scaleToZero: true; or say min: 1", at=".min"),
    Rule("!self.scaleToZero || self.min == 0", "scaleToZero: true needs min: 0", at=".scaleToZero"),
    Rule(
        "!has(self.replicas) || self.replicas <= self.max",
        "replicas may be at most max; lower replicas or raise max",
        at=".replicas",
    ),
    Rule(
        "!has(self.replicas) || self.replicas > 0 || self.scaleToZero",
        "replicas: 0 needs scaleToZero: true",
        at=".replicas",
    ),
    Rule(
        "!has(self.fallback) || self.fallback <= self.max",
        "fallback may be at most max; lower fallback or raise max",
        at=".fallback",
    ),
    Rule(
        "!has(self.shards) || self.shards >= self.max",
        "shards must be at least max, since a stream is written by one worker; raise shards or lower max",
        at=".shards",
    ),
    Rule(
        "!has(oldSelf.shards) || (has(self.shards) && self.shards >= oldSelf.shards)",
        "shards can only grow: what waits in a stream that goes would never be written; keep the old number",
        at=".shards",
    ),
)

_INGEST: Final = (
    Rule(
        "self.mode == 'Dedicated' || !(has(self.replicas) || has(self.targetCpuPercent) || "
        "has(self.targetMemoryPercent) || has(self.resources))",
        "replicas, targetCpuPercent, targetMemoryPercent and resources need mode: Dedicated; or leave them out",
        at=".mode",
    ),
    Rule(
        "!has(self.tlsSecretName) || has(self.host)",
        "tlsSecretName needs host, the name that the certificate is for",
        at=".host",
        reason="FieldValueRequired",
    ),
    networks_rule("trustedSenders"),
)

_QUOTA: Final = (
    Rule(
        "!self.admission || has(self.pods) "
        "|| (has(self.requests) && (has(self.requests.cpu) || has(self.requests.memory))) "
        "|| (has(self.limits) && (has(self.limits.cpu) || has(self.limits.memory)))",
        "admission: true needs pods, requests or limits, since nothing is refused otherwise; name one, or say admission: false",
        at=".admission",
    ),
)

_ISOLATION: Final = (
    Rule(
        "!has(self.resourceQuota) || !self.resourceQuota.admission || has(self.priorityClassName)",
        "resourceQuota.admission: true needs priorityClassName, by which Kubernetes tells the project's pods from others; "
        "name a class that no other pods have, or say admission: false",
        at=".priorityClassName",
        reason="FieldValueRequired",
    ),
)

_ROTATION: Final = (
    Rule(f"{seconds_in('self.interval')} >= 3600", "interval must be at least 1h", at=".interval"),
    Rule(
        f"{seconds_in('self.overlap')} < {seconds_in('self.interval')}",
        "overlap must be shorter than interval",
        at=".overlap",
    ),
)

_CONDITION: Final = (
    Rule(
        f"!(self.operator in {_among(VALUELESS)}) || !has(self.values) || size(self.values) == 0",
        "isNull and isNotNull take no values; leave values out",
        at=".values",
    ),
    Rule(
        f"self.operator in {_among(VALUELESS)} || (has(self.values) && size(self.values) > 0)",
        "this operator needs at least one value in values",
        at=".values",
        reason="FieldValueRequired",
    ),
)

_FILTER: Final = (
    Rule(
        "self.type == 'event' || !has(self.conditions) || size(self.conditions) == 0",
        "conditions need type: event; or leave them out",
        at=".conditions",
    ),
    Rule(
        f"self.type != 'ip' || {NETWORK.format('self.value')}",
        "value must be an address such as 203.0.113.7, or a network without host bits such as 203.0.113.0/24",
        at=".value",
    ),
)

_COUNTED: Final = (
    "has(self.isolation) && has(self.isolation.resourceQuota) && self.isolation.resourceQuota.admission"
    " && has(self.isolation.resourceQuota.limits) && has(self.isolation.resourceQuota.limits.cpu)"
)


def _says_cpu_limit(part: str) -> str:
    fields = (f"self.{part}", f"self.{part}.resources", f"self.{part}.resources.limits")
    return " && ".join(f"has({field})" for field in (*fields, f"{fields[-1]}.cpu"))


_SPEC: Final = (
    Rule(
        f"!({_COUNTED}) || !has(self.ingest) || self.ingest.mode != 'Dedicated' || "
        f"({_says_cpu_limit('ingest')} && {_says_cpu_limit('workers')})",
        "limits.cpu with admission: true needs limits.cpu in ingest.resources and in workers.resources, since Kubernetes "
        "refuses pods that do not say what is counted; say both, or leave this bound out",
        at=".isolation.resourceQuota.limits",
    ),
    Rule(
        "!has(oldSelf.clusterRef) || (has(self.clusterRef) && self.clusterRef == oldSelf.clusterRef)",
        "clusterRef cannot change, since data stays where it is; make a new project for the other PanelCluster",
        at=".clusterRef",
        reason="FieldValueForbidden",
    ),
    Rule(
        "!has(self.clients) || self.clients.all(one, !has(one.secretName) || self.clients.exists_one("
        "other, has(other.secretName) && other.secretName == one.secretName))",
        "each client needs a Secret of its own; choose another secretName",
        at=".clients",
    ),
)

_NUMBERS: Final = {
    "anyOf": [
        {"properties": {"operator": {"not": {"enum": sorted(ORDERED)}}}},
        {"properties": {"values": {"items": {"pattern": f"^{NUMBER.pattern}$"}}}},
    ]
}

PROJECT_RULES: Final = Rules(
    of={
        AnalyticsProjectSpec: _SPEC,
        workload.Replicas: (ORDERED_BOUNDS,),
        workload.Resources: (_within_limit("cpu"), _within_limit("memory")),
        workload.Workers: _WORKERS,
        spec.Ingest: _INGEST,
        spec.ResourceQuota: _QUOTA,
        spec.Isolation: _ISOLATION,
        spec.Rotation: _ROTATION,
        spec.Client: (
            Rule(
                "!self.ignoreCorsAndSecret || self.type == 'write'",
                "ignoreCorsAndSecret needs type: write, since data may be sent by anyone but never read by anyone",
                at=".ignoreCorsAndSecret",
            ),
        ),
        spec.Condition: _CONDITION,
        spec.Filter: _FILTER,
    },
    keys={
        (AnalyticsProjectSpec, "clients"): "name",
        (AnalyticsProjectSpec, "events"): "name",
        (AnalyticsProjectSpec, "webhooks"): "url",
    },
    sets=frozenset({(AnalyticsProjectSpec, "domains"), (spec.Ingest, "trustedSenders")}),
    beside={spec.Condition: _NUMBERS},
)

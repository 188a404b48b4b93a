"""Specs that use every field of their kind at least once; what excludes one another is in different specs."""

from typing import Any, Final

Spec = dict[str, Any]

_RESOURCES: Final[Spec] = {
    "requests": {"cpu": "250m", "memory": "256Mi"},
    "limits": {"cpu": 1, "memory": "1Gi"},
}
_PLACEMENT: Final[Spec] = {
    "nodeSelector": {"disktype": "ssd"},
    "tolerations": [
        {"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 60}
    ],
    "topologyKey": "kubernetes.io/hostname",
    "priorityClassName": "high",
}
_WORKERS: Final[Spec] = {
    "min": 0,
    "max": 4,
    "targetDepth": 100,
    "scaleToZero": True,
    "replicas": 2,
    "scaler": "Keda",
    "maxLatency": "30s",
    "stabilization": "10m",
    "cooldown": "1h",
    "fallback": 3,
    "shards": 8,
    "resources": _RESOURCES,
}
_SERVICE: Final[Spec] = {
    "replicas": 3,
    "autoscaling": {"enabled": False, "min": 1, "max": 2, "cpu": 50, "memory": 60},
    "resources": _RESOURCES,
    "placement": _PLACEMENT,
}
_STORAGE: Final[Spec] = {"size": "50Gi", "className": "fast"}
_KEPT: Final = ("events", "sessions", "aggregates", "replays", "bots", "deadLetters")

PROJECT: Final[Spec] = {
    "clusterRef": {"name": "main", "namespace": "platform"},
    "displayName": "Shop",
    "organization": "corner-shop",
    "domains": ["https://shop.example.com"],
    "timeZone": "Europe/Berlin",
    "ingest": {
        "mode": "Dedicated",
        "replicas": {"min": 2, "max": 5},
        "targetCpuPercent": 50,
        "targetMemoryPercent": 60,
        "resources": _RESOURCES,
        "host": "collect.example.com",
        "tlsSecretName": "certificate",
        "rateLimit": {"messagesPerSecond": 10, "burst": 20},
        "trustedSenders": ["10.20.0.0/16"],
    },
    "workers": _WORKERS,
    "isolation": {
        "networkPolicy": False,
        "resourceQuota": {"pods": 10, "admission": True, **_RESOURCES},
        "priorityClassName": "low",
    },
    "clients": [
        {
            "name": "web",
            "type": "write",
            "secretName": "web-credentials",
            "rotation": {"interval": "30d", "overlap": "1d12h"},
            "ignoreCorsAndSecret": True,
        }
    ],
    "retention": dict.fromkeys(_KEPT, 30),
    "quota": {"eventsPerMonth": 1_000_000},
    "privacy": {
        "truncateIp": True,
        "honourDoNotTrack": True,
        "honourGlobalPrivacyControl": True,
        "cookieless": True,
        "allowUnsafeRevenue": True,
    },
    "filters": [
        {
            "type": "event",
            "value": "screen_view",
            "conditions": [{"name": "revenue", "operator": "gt", "values": ["1.5"]}],
        }
    ],
    "events": [{"name": "bought", "conversion": True, "icon": "shopping-cart", "colour": "#16a34a"}],
    "webhooks": [{"url": "https://hooks.example.com/a", "events": ["bought"], "secretName": "key"}],
    "deletionPolicy": "Delete",
}

MANAGED: Final[Spec] = {
    "version": "1.2.3",
    "images": {
        "registry": "registry.example.com/openpanel",
        **dict.fromkeys(
            ("api", "worker", "dashboard", "engine", "redis", "postgres", "clickhouse", "keeper"),
            "registry.example.com/image:1",
        ),
        "pullPolicy": "Always",
        "pullSecrets": ["registry"],
    },
    "clickhouse": {
        "engine": "Managed",
        "shards": 2,
        "replicas": 2,
        "shardRemoval": "Allow",
        "storage": _STORAGE,
        "resources": _RESOURCES,
        "placement": _PLACEMENT,
        "keeper": {"replicas": 5, "storage": _STORAGE, "resources": _RESOURCES},
        "settings": {"max_concurrent_queries": "100"},
    },
    "redis": {"mode": "Managed", "storage": _STORAGE, "resources": _RESOURCES, "placement": _PLACEMENT},
    "postgres": {"mode": "Managed", "storage": _STORAGE, "resources": _RESOURCES, "placement": _PLACEMENT},
    "ingest": _SERVICE,
    "api": _SERVICE,
    "dashboard": _SERVICE,
    "workers": _WORKERS,
    "placement": _PLACEMENT,
    "exposure": {
        "type": "Ingress",
        "className": "nginx",
        "hosts": {"ingest": "a.example.com", "api": "b.example.com", "dashboard": "c.example.com"},
        "tls": {"secretName": "certificate", "issuer": {"name": "letsencrypt", "kind": "Issuer"}},
        "scheme": "https",
        "annotations": {"example.com/a": "b"},
        "trustedProxies": ["10.0.0.0/8"],
        "clientIpHeader": "CF-Connecting-IP",
    },
    "geo": {"secretName": "geo", "file": "city.mmdb"},
    "observability": {
        "serviceMonitor": False,
        "labels": {"release": "prometheus"},
        "otlpEndpoint": "http://collector:4318",
        "logLevel": "debug",
    },
    "networkPolicies": {"enabled": False, "fromNamespaces": ["ingress-nginx"]},
    "upgrade": {"policy": "Manual"},
    "maintenance": {
        "timeZone": "Europe/Berlin",
        "windows": [{"days": ["Saturday", "Sunday"], "start": "02:00", "duration": "2h"}],
    },
    "snapshots": {"url": "https://s3.example.com/bucket/panel", "secretName": "bucket"},
    "deletionPolicy": "Delete",
}
EXTERNAL: Final[Spec] = {
    "clickhouse": {"engine": "External", "external": {"secretName": "clickhouse", "cluster": "analytics"}},
    "redis": {"mode": "External", "external": {"secretName": "redis"}},
    "postgres": {"mode": "External", "external": {"secretName": "postgres"}},
    "exposure": {
        "type": "Gateway",
        "gatewayRef": {"name": "public", "namespace": "gateways", "sectionName": "https"},
        "hosts": {"ingest": "a.example.com"},
    },
    "geo": {"configMapName": "geo"},
}
GEO_ON_A_VOLUME: Final[Spec] = {"geo": {"claimName": "geo"}}
CLUSTERS: Final = (MANAGED, EXTERNAL, GEO_ON_A_VOLUME)

"""The ways in from outside: an Ingress with one rule per host, or an HTTPRoute per host on somebody's Gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from openpanel_operator.desired import addresses
from openpanel_operator.desired.addresses import HTTP, PORTS, Project
from openpanel_operator.desired.labels import Component, name_of
from openpanel_operator.desired.objects import Object, Place
from openpanel_operator.desired.platform import Platform

HTTP_ROUTE: Final = "HTTPRoute"
_ISSUER_ANNOTATIONS: Final = {
    "ClusterIssuer": "cert-manager.io/cluster-issuer",
    "Issuer": "cert-manager.io/issuer",
}


@dataclass(frozen=True, slots=True)
class Way:
    """A host and the Service behind it."""

    host: str
    service: str
    component: Component


def cluster_exposure(platform: Platform) -> list[Object]:
    """The ways to the shared services."""
    hosts = platform.spec.exposure.hosts
    named = {
        Component.INGEST: hosts.ingest,
        Component.API: hosts.api,
        Component.DASHBOARD: hosts.dashboard,
    }
    ways = [
        Way(host, addresses.workload(platform.cluster, component), component)
        for component, host in named.items()
        if host
    ]
    place = platform.place(Component.EXPOSURE)
    return _exposed(platform, _cluster_name(platform), place, ways, own_certificate=None)


def project_exposure(platform: Platform, *, project: Project, place: Place) -> list[Object]:
    """The way to the project's own host: its own ingest, or the shared one."""
    ingest = project.spec.ingest
    if not ingest.host:
        return []
    dedicated = ingest.mode == "Dedicated"
    service = (
        addresses.project_workload(project, Component.INGEST)
        if dedicated
        else addresses.workload(platform.cluster, Component.INGEST)
    )
    way = Way(ingest.host, service, Component.INGEST)
    name = name_of(project.name, "public")
    return _exposed(platform, name, place, [way], own_certificate=ingest.tls_secret_name)


def _cluster_name(platform: Platform) -> str:
    return name_of(platform.cluster.name, "public")


def _exposed(
    platform: Platform, name: str, place: Place, ways: list[Way], *, own_certificate: str | None
) -> list[Object]:
    kind = platform.spec.exposure.type
    if not ways or kind == "None":
        return []
    if kind == "Ingress":
        return [_ingress(platform, name, place, ways, own_certificate)]
    if HTTP_ROUTE not in platform.kinds:
        return []
    return [_route(platform, name, place, way) for way in ways]


def _ingress(
    platform: Platform, name: str, place: Place, ways: list[Way], own_certificate: str | None
) -> Object:
    exposure = platform.spec.exposure
    certificate = own_certificate or _shared_certificate(platform, name)
    hosts = [way.host for way in ways]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": place.meta(name, annotations=_annotations(platform, own_certificate=own_certificate)),
        "spec": {
            **({"ingressClassName": exposure.class_name} if exposure.class_name else {}),
            **({"tls": [{"hosts": hosts, "secretName": certificate}]} if certificate else {}),
            "rules": [_rule(way) for way in ways],
        },
    }


def _rule(way: Way) -> Object:
    backend = {"service": {"name": way.service, "port": {"name": HTTP}}}
    return {
        "host": way.host,
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }


def _shared_certificate(platform: Platform, name: str) -> str | None:
    """The Secret that is named, or the one that the issuer fills."""
    tls = platform.spec.exposure.tls
    if tls is None:
        return None
    if tls.issuer is not None and name != _cluster_name(platform):
        return f"{name}-tls"  # a certificate names its hosts: another Ingress needs another one
    return tls.secret_name or f"{name}-tls"


def _annotations(platform: Platform, *, own_certificate: str | None) -> Mapping[str, str]:
    exposure = platform.spec.exposure
    issuer = exposure.tls and exposure.tls.issuer
    notes = {_ISSUER_ANNOTATIONS[issuer.kind]: issuer.name} if issuer and not own_certificate else {}
    return {**notes, **exposure.annotations}


def _route(platform: Platform, name: str, place: Place, way: Way) -> Object:
    exposure = platform.spec.exposure
    gateway = (
        exposure.gateway_ref.model_dump(by_alias=True, exclude_none=True) if exposure.gateway_ref else {}
    )
    own = name_of(name, way.component.value)
    backend = {"name": way.service, "port": PORTS[way.component]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": HTTP_ROUTE,
        "metadata": place.meta(own, annotations=exposure.annotations),
        "spec": {
            "parentRefs": [gateway],
            "hostnames": [way.host],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": [backend],
                }
            ],
        },
    }

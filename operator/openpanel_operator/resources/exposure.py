"""What a `PanelCluster` says of the way in: Ingress or Gateway, hosts and certificates."""

from typing import Literal, Self

from pydantic import Field, model_validator

from openpanel.tenancy import checks
from openpanel.tenancy.fields import DnsLabel, DnsSubdomain, Network
from openpanel.tenancy.part import Part
from openpanel_operator.resources import agreement
from openpanel_operator.resources.forms import AnnotationValue, Header, LabelKey


class GatewayRef(Part):
    """The Gateway that routes are attached to."""

    name: DnsSubdomain = Field(description="Name of the Gateway.")
    namespace: DnsLabel | None = Field(
        default=None, description="Namespace of the Gateway; left out: the PanelCluster's own."
    )
    section_name: DnsSubdomain | None = Field(
        default=None, description="Listener of the Gateway; left out: all that fit."
    )


class Hosts(Part):
    """Names under which the services are reached from outside."""

    ingest: DnsSubdomain | None = Field(default=None, description="Host of the shared ingest.")
    api: DnsSubdomain | None = Field(default=None, description="Host of the public API.")
    dashboard: DnsSubdomain | None = Field(default=None, description="Host of the dashboard.")


class Issuer(Part):
    """The cert-manager issuer that makes certificates."""

    name: DnsSubdomain = Field(description="Name of the issuer.")
    kind: Literal["Issuer", "ClusterIssuer"] = Field(
        default="ClusterIssuer", description="Whether it serves one namespace or all."
    )


class Tls(Part):
    """Where certificates come from."""

    secret_name: DnsSubdomain | None = Field(
        default=None, description="Secret with the certificate; with an issuer, where it is put."
    )
    issuer: Issuer | None = Field(default=None, description="cert-manager issuer that makes the certificate.")

    @model_validator(mode="after")
    def _from_somewhere(self) -> Self:
        agreement.some_of({"secretName": self.secret_name, "issuer": self.issuer}, what="tls")
        return self


class Exposure(Part):
    """How the services are reached from outside the cluster."""

    type: Literal["None", "Ingress", "Gateway"] = Field(
        default="None", description="None: Services only; Ingress; or HTTPRoutes on a Gateway."
    )
    class_name: DnsSubdomain | None = Field(
        default=None, description="Class of the Ingress; left out: the default class."
    )
    gateway_ref: GatewayRef | None = Field(
        default=None, description="Gateway that the routes are attached to."
    )
    hosts: Hosts = Field(
        default_factory=Hosts, description="Names of the services; one without a name is not exposed."
    )
    tls: Tls | None = Field(
        default=None, description="Certificates; left out: none, or whatever the Gateway has."
    )
    scheme: Literal["http", "https"] | None = Field(
        default=None, description="How browsers reach the hosts; left out: https with tls, http without."
    )
    annotations: dict[LabelKey, AnnotationValue] = Field(
        default_factory=dict, max_length=50, description="Annotations of every Ingress or HTTPRoute."
    )
    trusted_proxies: list[Network] = Field(
        default_factory=list,
        max_length=100,
        description="Networks of proxies whose forwarding headers are believed.",
    )
    client_ip_header: Header | None = Field(
        default=None,
        description="The one header that names the visitor's address; left out: X-Forwarded-For.",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        agreement.way_in_agrees(self.type, class_name=self.class_name, gateway=self.gateway_ref)
        agreement.hosts_named(self.type, hosts=self.hosts.model_dump())
        agreement.certificate_agrees(self.type, tls=self.tls)
        checks.unique(self.trusted_proxies, at="trustedProxies[{}]", what="network")
        return self

    @property
    def url_scheme(self) -> str:
        """How browsers reach the hosts."""
        return self.scheme or ("https" if self.tls else "http")

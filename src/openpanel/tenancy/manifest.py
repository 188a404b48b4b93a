"""The `AnalyticsProject` manifest: the resource around its spec, and `parse` from YAML to checked projects.

Knows no store; what a manifest does is in `ensure`.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from openpanel.tenancy import checks, documents, refusals
from openpanel.tenancy.documents import Document
from openpanel.tenancy.fields import DnsLabel
from openpanel.tenancy.part import Part
from openpanel.tenancy.refusals import ManifestRefused, Refusal
from openpanel.tenancy.spec import AnalyticsProjectSpec, Client

GROUP: Final = "openpanel.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "AnalyticsProject"
DEFAULT_ORGANIZATION: Final = "default"


class ObjectMeta(Part):
    """Name and labels of the resource."""

    name: DnsLabel = Field(description="Name of the project; it is the project's id everywhere.")
    namespace: DnsLabel | None = Field(
        default=None, description="Namespace of the resource; one machine knows none and leaves it aside."
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the resource.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Annotations of the resource.")


class AnalyticsProject(Part):
    """One tenant of the platform: who may send, how it is kept and who may read."""

    api_version: Literal["openpanel.dev/v1alpha1"] = Field(description="Group and version of the resource.")
    kind: Literal["AnalyticsProject"] = Field(description="Kind of the resource.")
    metadata: ObjectMeta = Field(description="Name and labels of the resource.")
    spec: AnalyticsProjectSpec = Field(description="What is wanted.")

    @model_validator(mode="after")
    def _own_secrets(self) -> Self:
        names = [self.secret_name(client) for client in self.spec.clients]
        checks.unique(names, at="spec.clients[{}].secretName", what="secret name")
        return self

    @property
    def name(self) -> str:
        """The project's id."""
        return self.metadata.name

    @property
    def organization(self) -> str:
        """Id of the organization that the project belongs to."""
        return self.spec.organization or DEFAULT_ORGANIZATION

    def secret_name(self, client: Client) -> str:
        """Name of the secret that holds the client's credentials."""
        return client.secret_name or f"{self.name}-{client.name}"


def parse(text: str, *, source: str = "-") -> list[AnalyticsProject]:
    """The projects of one YAML text; `ManifestRefused` with every fault if there is any."""
    return parse_all([(source, text)])


def parse_all(texts: Iterable[tuple[str, str]], *, snapshots: bool = True) -> list[AnalyticsProject]:
    """The projects of several (source, YAML text) together: all are good, or `ManifestRefused` names every fault.

    Without a place for `snapshots` no project may ask for one.
    """
    projects: list[AnalyticsProject] = []
    faults: list[Refusal] = []
    seen: dict[str, str] = {}
    for source, text in texts:
        for document in documents.read(text, source=source):
            outcome = _project(document)
            if isinstance(outcome, AnalyticsProject):
                faults += refusals.repeated(outcome.name, document=document, seen=seen)
                if outcome.spec.deletion_policy == "Snapshot" and not snapshots:
                    faults.append(refusals.without_place(document))
                projects.append(outcome)
            else:
                faults += outcome
    if faults:
        raise ManifestRefused(tuple(faults))
    return projects


def _project(document: Document) -> AnalyticsProject | list[Refusal]:
    if document.faults:
        return list(document.faults)
    try:
        return AnalyticsProject.model_validate(document.value)
    except ValidationError as error:
        faults = refusals.explain(error, document=document, root=AnalyticsProject)
        # A resource of another kind has other fields, about which there is nothing to say.
        return [fault for fault in faults if fault.path in _foreign(document.value)] or faults


def _foreign(value: object) -> frozenset[str]:
    """Where it says that it is another kind of resource."""
    own = {"apiVersion": API_VERSION, "kind": KIND}
    said = value if isinstance(value, Mapping) else {}
    return frozenset(name for name, expected in own.items() if said.get(name, expected) != expected)

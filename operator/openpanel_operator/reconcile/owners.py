"""Whose a project is in the stores, and who has a place in an organization. Pure.

A project is the namespace's that it was made in first, also after its resource went, or the API's that made it. An
organization is that of whoever has projects in it. A name alone opens nothing: what a project of that name collected
for one is given to another, and a place among the projects of an organization, which its root clients read, only with
the consent of whoever runs the PanelCluster.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from openpanel_operator.desired.labels import GROUP

# Of a PanelCluster: "team-a/shop, …", what team-a kept in the project shop may be had by another namespace.
HAND_OVER: Final = f"{GROUP}/hand-over"
# Of a PanelCluster: "team-b/shops, …", namespace team-b may have projects in the organization shops, too.
SHARE_ORGANIZATION: Final = f"{GROUP}/share-organization"
API: Final = "api"  # in the place of a namespace: made through the API


class OwnedElsewhere(Exception):
    """The stores have data of a project of this name, collected for somebody else."""

    def __init__(self, project: str, owner: str) -> None:
        super().__init__(f"{project} is of {_named(owner)}")
        self.project = project
        self.owner = owner

    def explained(self, *, cluster: str) -> str:
        """For people: cause and cure."""
        return (
            f"the stores of PanelCluster {cluster} have data of a project {self.project} of {_named(self.owner)};"
            " choose another name, or have the PanelCluster annotated"
            f" {HAND_OVER}: {self.owner or API}/{self.project}"
        )


class OrganizationElsewhere(Exception):
    """The organization is somebody else's, and its root clients would read one another's projects."""

    def __init__(self, organization: str, owners: Collection[str], *, namespace: str) -> None:
        super().__init__(f"{organization} is of {', '.join(map(_named, sorted(owners)))}")
        self.organization = organization
        self.owners = frozenset(owners)
        self.namespace = namespace

    def explained(self, *, cluster: str) -> str:
        """For people: cause and cure."""
        return (
            f"on PanelCluster {cluster} the organization {self.organization} has projects of"
            f" {', '.join(map(_named, sorted(self.owners)))} and none of this namespace; name another in"
            " spec.organization, or have the PanelCluster annotated"
            f" {SHARE_ORGANIZATION}: {self.namespace}/{self.organization}"
        )


@dataclass(frozen=True, slots=True)
class Consent:
    """What whoever runs the PanelCluster agreed to about one project."""

    handed_over: frozenset[str] = frozenset()
    """Namespaces, or `API`, whose data of a project of this name it may have."""
    organizations: frozenset[str] = frozenset()
    """Organizations of others in which its namespace may have projects."""


NO_CONSENT: Final = Consent()


def consent(annotations: Mapping[str, str], *, project: str, namespace: str) -> Consent:
    """What the PanelCluster's annotations say about this project of this namespace."""
    return Consent(
        handed_over=frozenset(owner for owner, name in _pairs(annotations, HAND_OVER) if name == project),
        organizations=frozenset(
            name for guest, name in _pairs(annotations, SHARE_ORGANIZATION) if guest == namespace
        ),
    )


def must_be_free(project: str, *, owner: str | None, namespace: str, consent: Consent) -> None:
    """Raise `OwnedElsewhere` if the project is another's; one that nobody is known to own is free."""
    if owner is None or not namespace or owner == namespace:
        return
    if (owner or API) not in consent.handed_over:
        raise OwnedElsewhere(project, owner)


def must_have_place(organization: str, *, owners: Collection[str], namespace: str, consent: Consent) -> None:
    """Raise `OrganizationElsewhere` if others have projects in the organization and this namespace has none."""
    if owners and namespace and namespace not in owners and organization not in consent.organizations:
        raise OrganizationElsewhere(organization, owners, namespace=namespace)


def _pairs(annotations: Mapping[str, str], name: str) -> list[tuple[str, str]]:
    entries = (entry.strip().partition("/") for entry in annotations.get(name, "").split(","))
    return [(before, after) for before, _, after in entries]


def _named(owner: str) -> str:
    return f"namespace {owner}" if owner else "somebody who made it through the API"

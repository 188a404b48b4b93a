"""Whose a project is in the stores: the namespace that it was made in first, also after its resource went. Pure.

A name alone opens nothing: what a project of that name collected for one namespace is given to another only with
the consent of whoever runs the PanelCluster.
"""

from collections.abc import Mapping
from typing import Final

from openpanel_operator.desired.labels import GROUP

# Of a PanelCluster: "team-a/shop, …", what team-a kept in the project shop may be had by another namespace.
HAND_OVER: Final = f"{GROUP}/hand-over"


class OwnedElsewhere(Exception):
    """The stores have data of a project of this name, collected for another namespace."""

    def __init__(self, project: str, owner: str) -> None:
        super().__init__(f"{project} is of namespace {owner}")
        self.project = project
        self.owner = owner

    def explained(self, *, cluster: str) -> str:
        """For people: cause and cure."""
        return (
            f"the stores of PanelCluster {cluster} have data of a project {self.project} of namespace {self.owner};"
            f" choose another name, or have the PanelCluster annotated {HAND_OVER}: {self.owner}/{self.project}"
        )


def handed_over(annotations: Mapping[str, str], *, project: str) -> frozenset[str]:
    """The namespaces whose project of this name may be had by others, by the PanelCluster's annotations."""
    pairs = (entry.strip().partition("/") for entry in annotations.get(HAND_OVER, "").split(","))
    return frozenset(namespace for namespace, _, name in pairs if name == project)


def must_be_free(project: str, *, owner: str | None, namespace: str, handed_over: frozenset[str]) -> None:
    """Raise `OwnedElsewhere` if the project is another's; one that nobody is known to own is free."""
    if owner and namespace and owner != namespace and owner not in handed_over:
        raise OwnedElsewhere(project, owner)

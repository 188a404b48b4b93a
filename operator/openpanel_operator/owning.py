"""The steps that make a project its namespace's in the stores, and refuse what is another's."""

from collections.abc import Iterator, Sequence

from openpanel.metadata import projects
from openpanel.tenancy import AnalyticsProject, Change, provisioning
from openpanel.tenancy.provisioning import Step, World
from openpanel_operator.reconcile import owners
from openpanel_operator.reconcile.owners import Consent


def owning(namespace: str, *, consent: Consent, steps: Sequence[Step]) -> tuple[Step, ...]:
    """These steps, with a look before all of them and a note as soon as there is a project to be owned."""

    def look(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
        owner = projects.owner_of(world.database, project=wanted.name)
        owners.must_be_free(wanted.name, owner=owner, namespace=namespace, consent=consent)
        record = projects.load(world.database, project=wanted.name)
        if record is None or record.organization != wanted.organization:
            there = projects.owners_in(world.database, organization=wanted.organization)
            owners.must_have_place(wanted.organization, owners=there, namespace=namespace, consent=consent)
        yield from ()  # a look is no change

    def own(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
        if namespace and projects.own(world.database, project=wanted.name, owner=namespace):
            yield Change("project", wanted.name, f"is of namespace {namespace}")

    made = provisioning.ensure_project
    return (look, *(each for step in steps for each in ((step, own) if step is made else (step,))))

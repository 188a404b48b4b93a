"""The steps that make a project its namespace's in the stores, and refuse what another namespace's collected."""

from collections.abc import Iterator, Sequence

from openpanel.metadata import projects
from openpanel.tenancy import AnalyticsProject, Change, provisioning
from openpanel.tenancy.provisioning import Step, World
from openpanel_operator.reconcile import owners


def owning(namespace: str, *, handed_over: frozenset[str], steps: Sequence[Step]) -> tuple[Step, ...]:
    """These steps, with a look before all of them and a note as soon as there is a project to be owned."""

    def look(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
        owner = projects.owner_of(world.database, project=wanted.name)
        owners.must_be_free(wanted.name, owner=owner, namespace=namespace, handed_over=handed_over)
        yield from ()  # a look is no change

    def own(wanted: AnalyticsProject, world: World) -> Iterator[Change]:
        if namespace and projects.own(world.database, project=wanted.name, owner=namespace):
            yield Change("project", wanted.name, f"is of namespace {namespace}")

    made = provisioning.ensure_project
    return (look, *(each for step in steps for each in ((step, own) if step is made else (step,))))

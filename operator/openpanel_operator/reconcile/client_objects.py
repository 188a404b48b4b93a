"""The Secret of a client: what a person or a program needs to send or to ask, ready to be used."""

import base64
from typing import Final

from openpanel.tenancy.spec import Client
from openpanel_operator.desired import addresses
from openpanel_operator.desired.addresses import Project
from openpanel_operator.desired.labels import Component, project_labels
from openpanel_operator.desired.ownership import project_owners
from openpanel_operator.kube import Key, Object, Ref
from openpanel_operator.kube.index import owner_of
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.reconcile import client_secrets, credentials
from openpanel_operator.reconcile.applying import Taken
from openpanel_operator.reconcile.client_secrets import Issue
from openpanel_operator.reconcile.world import World
from openpanel_operator.resources.cluster import Cluster

# What a page needs to send its views: a browser keeps no secret. Calls are collected until the script has come.
PAGE: Final = """\
<script>
  window.op = window.op || function () {{
    (window.op.q = window.op.q || []).push(Array.prototype.slice.call(arguments));
  }};
  window.op("init", {{
    apiUrl: "{ingest}",
    clientId: "{client}",
    trackScreenViews: true,
  }});
</script>
<script src="{ingest}/op1.js" defer async></script>
"""
QUESTION: Final = (
    "curl '{api}/export/events?projectId={project}' "
    "-H 'openpanel-client-id: {client}' -H \"openpanel-client-secret: $CLIENT_SECRET\"\n"
)


def secret_name(project: str, client: Client) -> str:
    """Name of the Secret that holds the client's credentials."""
    return client.secret_name or f"{project}-{client.name}"


async def look(world: World, *, namespace: str, name: str, owner: Key) -> Object | None:
    """The Secret of that name, if it is the project's; raises `Taken` if it is another's."""
    body = await credentials.look(world.kube, world.index, namespace=namespace, name=name)
    if body is not None and owner_of(body, kind=SECRET) != owner:
        body = await _look_again(world, Ref(SECRET, namespace, name))
    if body is not None and owner_of(body, kind=SECRET) != owner:
        raise Taken(Ref(SECRET, namespace, name), owner_of(body, kind=SECRET))
    return body


async def _look_again(world: World, ref: Ref) -> Object | None:
    """A Secret of another, as it is now: what is known of those may be old."""
    body = await world.kube.get(SECRET, ref.name, namespace=ref.namespace)
    if body is None:
        world.index.drop(ref)
    elif owner_of(body, kind=SECRET) is not None:
        world.index.put(body, kind=SECRET)
    return body


def secret(
    client: Client, *, project: Project, cluster: Cluster, client_id: str, issue: Issue, key: str
) -> Object:
    """The client's Secret, whole."""
    value = client_secrets.derive(key, project_uid=project.uid, client=client.name, serial=issue.serial)
    ingest, api = addresses.ingest_url(cluster, project=project), addresses.api_url(cluster)
    template = PAGE if client.type == "write" else QUESTION
    data = {
        "clientId": client_id,
        "clientSecret": value,
        "ingestUrl": ingest,
        "apiUrl": api,
        "snippet": template.format(ingest=ingest, api=api, client=client_id, project=project.name),
    }
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.name,
        "metadata": {
            "name": secret_name(project.name, client),
            "namespace": project.namespace,
            "labels": project_labels(
                project.name,
                namespace=project.namespace,
                cluster=cluster.name,
                component=Component.CLIENT,
            ),
            "annotations": issue.notes(),
            "ownerReferences": list(project_owners(project, namespace=project.namespace)),
        },
        "type": "Opaque",
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in data.items()},
    }

"""The status has every field that the definitions know, and no decision that somebody else makes by now."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from openpanel_operator.kube import Key
from openpanel_operator.kube.kinds import SECRET
from openpanel_operator.reconcile.world import Scaled
from openpanel_operator.resources.status import AnalyticsProjectStatus, PanelClusterStatus
from tests.operator.reconcile.worlds import Scene, make_cluster, make_project

WEEKLY = {"windows": [{"days": ["Saturday"], "start": "02:00", "duration": "2h"}]}
ROTATED = {"name": "web", "type": "write", "rotation": {"interval": "90d", "overlap": "48h"}}
DECIDED = {"desired", "reason", "queued", "running", "oldestSeconds", "lastScaleTime"}


async def test_passes_write_every_field_that_a_cluster_reports(scene: Scene) -> None:
    panel = await make_cluster(
        scene, clickhouse={"engine": "Managed"}, workers={"max": 8}, maintenance=WEEKLY
    )
    await scene.annotate(panel, reconcile_at="now", maintenance_now="now")
    scaled(scene, panel)
    await scene.settle(panel)
    written = set(paths(await scene.status(panel)))

    await scene.change(panel, version="2.0.0")
    await scene.settle(panel)
    written |= set(paths(await scene.status(panel)))

    scene.now += timedelta(days=5, hours=14)  # the window is open
    await scene.reconcile(panel)
    written |= set(paths(await scene.status(panel)))

    assert written == set(fields(PanelClusterStatus))


async def test_passes_write_every_field_that_a_project_reports(scene: Scene) -> None:
    secret = {"apiVersion": SECRET.api_version, "kind": SECRET.name}
    await scene.kube.create(
        {
            **secret,
            "metadata": {"name": "theirs", "namespace": scene.namespace},
            "stringData": {"url": "https://admin:word@clickhouse.example.com:8443"},
        }
    )
    external = {"engine": "External", "external": {"secretName": "theirs"}}
    panel = await make_cluster(scene, clickhouse=external)
    kept = dict.fromkeys(("events", "sessions", "aggregates", "replays", "bots", "deadLetters"), 30)
    shop = await make_project(scene, "shop", ingest={"mode": "Dedicated"}, clients=[ROTATED], retention=kept)
    await scene.annotate(shop, reconcile_at="now")
    await scene.settle(panel, shop)
    scaled(scene, shop)
    await scene.annotate(shop, rotate="now")
    await scene.settle(panel, shop)

    assert set(paths(await scene.status(shop))) == set(fields(AnalyticsProjectStatus))


async def test_last_decision_is_not_told_where_keda_decides(scene: Scene) -> None:
    panel = await make_cluster(scene, workers={"max": 8})
    await scene.settle(panel)
    scaled(scene, panel)
    await scene.settle(panel)
    assert (await scene.status(panel))["workers"].keys() >= DECIDED

    await scene.change(panel, workers={"scaler": "Keda"})
    await scene.settle(panel)

    told = (await scene.status(panel))["workers"]
    assert not told.keys() & DECIDED
    assert told["shards"] == 8


def scaled(scene: Scene, key: Key) -> None:
    """The scaler has decided something."""
    scene.world.scaled[key] = Scaled(
        desired=7, reason="ScaledUp", active=True, at=scene.now, queued=70_000, running=3, oldest_seconds=12
    )


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Every field that is there, what lists have without their numbers; of free maps the map alone."""
    if isinstance(value, Mapping) and path not in {"images", "revisions"}:
        for name, below in value.items():
            yield from paths(below, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for each in value:
            yield from paths(each, path)
    else:
        yield path


def fields(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every field that the model knows, named likewise."""
    for name, field in model.model_fields.items():
        place = f"{path}.{field.alias or name}" if path else str(field.alias or name)
        below = list(models(field.annotation))
        if not below:
            yield place
        for each in below:
            yield from fields(each, place)


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in the type of a field, or of what its list has."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in {Union, UnionType, list}:
        for each in get_args(annotation):
            yield from models(each)

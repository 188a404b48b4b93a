"""What the chart says of itself to Artifact Hub, held to what it is."""

from pathlib import Path
from typing import Any, Final, get_args

import yaml

from openpanel_operator.resources.cluster import ImagePart, Images
from openpanel_operator.resources.crds import cluster_crd, project_crd

ROOT: Final = Path(__file__).parents[3]
CHART: Final = yaml.safe_load((ROOT / "charts" / "openpanel" / "Chart.yaml").read_text("utf-8"))
LEVELS: Final = ("Basic Install", "Seamless Upgrades", "Full Lifecycle", "Deep Insights", "Auto Pilot")


def listed(name: str) -> list[dict[str, Any]]:
    """An annotation that is a list in YAML."""
    found: list[dict[str, Any]] = yaml.safe_load(CHART["annotations"][f"artifacthub.io/{name}"])
    return found


def test_images_are_those_that_the_operator_runs_by_default() -> None:
    version = CHART["appVersion"]
    wanted = {part: Images().reference(part, version=version) for part in get_args(ImagePart)}

    found = {each["name"]: each["image"] for each in listed("images")}

    assert found == {"operator": f"openpanel-operator:{version}", **wanted}


def test_kinds_are_those_of_the_definitions() -> None:
    wanted = [
        (each["spec"]["names"]["kind"], each["metadata"]["name"]) for each in (cluster_crd(), project_crd())
    ]

    assert [(each["kind"], each["name"]) for each in listed("crds")] == wanted


def test_changes_are_of_a_kind_that_is_known() -> None:
    kinds = {each["kind"] for each in listed("changes")}

    assert kinds
    assert kinds <= {"added", "changed", "deprecated", "removed", "fixed", "security"}
    assert all(each["description"].endswith(".") for each in listed("changes"))


def test_the_level_that_is_claimed_is_the_last_one_that_the_page_calls_whole() -> None:
    page = (ROOT / "docs" / "capability-levels.md").read_text("utf-8")
    whole = [
        level
        for number, level in enumerate(LEVELS, 1)
        if f"## {number}. {level.capitalize()}: all of it" in page
    ]

    assert whole == list(LEVELS[: len(whole)])
    assert CHART["annotations"]["artifacthub.io/operatorCapabilities"] == whole[-1]


def test_what_is_linked_to_is_in_the_repository() -> None:
    addresses = [each["url"] for each in listed("links")]

    assert addresses
    assert all((ROOT / address.partition("/blob/main/")[2]).is_file() for address in addresses)


def test_the_readme_names_every_image() -> None:
    text = (ROOT / "charts" / "openpanel" / "README.md").read_text("utf-8")

    for each in listed("images"):
        own = each["image"].startswith("openpanel-")
        assert f"`{each['image'].partition(':')[0] if own else each['image']}`" in text

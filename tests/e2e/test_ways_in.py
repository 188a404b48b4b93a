"""The ways to the services from outside the cluster."""

import httpx

from tests.e2e.conftest import ROOT
from tests.e2e.kubectl import Kubectl, documents, until

NODE_PORTS = ROOT / "manifests" / "kind" / "node-ports.yaml"


def test_node_ports_for_kind_lead_to_all_three_services(kube: Kubectl, panel: str) -> None:
    services = documents(NODE_PORTS)
    assert {each["spec"]["selector"]["openpanel.dev/cluster"] for each in services} == {panel}
    kube.apply(*services)
    ports = [each["spec"]["ports"][0]["nodePort"] for each in services]
    host = node_address(kube)
    for port in ports:
        assert until(lambda: answered(f"http://{host}:{port}"), lambda status: status == 200)  # noqa: B023
    kube.run("delete", "--filename", str(NODE_PORTS))


def node_address(kube: Kubectl) -> str:
    """Where a node's ports are."""
    addresses = kube.list("nodes")[0]["status"]["addresses"]
    return next(str(each["address"]) for each in addresses if each["type"] == "InternalIP")


def answered(address: str) -> int:
    """The status with which what is behind the address says that it lives; 0: nobody is there."""
    try:
        return httpx.get(f"{address}/healthz/live", timeout=5).status_code
    except httpx.TransportError:
        return 0

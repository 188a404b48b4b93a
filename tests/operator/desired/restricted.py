"""The restricted pod security standard, as a list of what a pod template breaks of it, with what this project adds."""

from collections.abc import Iterator

from openpanel_operator.desired import Object

VOLUMES = {
    "configMap",
    "emptyDir",
    "persistentVolumeClaim",
    "projected",
    "secret",
    "ephemeral",
    "downwardAPI",
}


def breaches(template: Object) -> list[str]:
    """What is not as it should be; [] for a good one."""
    return [
        *_of_pod(template["spec"]),
        *(text for each in _containers(template) for text in _of_container(each)),
    ]


def _containers(template: Object) -> list[Object]:
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


def _of_pod(spec: Object) -> Iterator[str]:
    security = spec.get("securityContext", {})
    for field in ("hostNetwork", "hostPID", "hostIPC", "hostUsers"):
        if spec.get(field):
            yield f"{field} is set"
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "may run as root"
    if security.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "no seccomp profile"
    if spec.get("automountServiceAccountToken") is not False:
        yield "has a service account token"
    for volume in spec.get("volumes", []):
        if not (volume.keys() - {"name"}) <= VOLUMES:
            yield f"volume {volume['name']} is of a forbidden type"
    if not spec.get("topologySpreadConstraints") or "podAntiAffinity" not in spec.get("affinity", {}):
        yield "does not keep apart from its fellows"


def _of_container(container: Object) -> Iterator[str]:
    name, security = container["name"], container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield f"{name} may gain privileges"
    if security.get("capabilities", {}).get("drop") != ["ALL"] or security["capabilities"].get("add"):
        yield f"{name} has capabilities"
    if security.get("readOnlyRootFilesystem") is not True:
        yield f"{name} may write to its image"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get(
        "limits", {}
    ):
        yield f"{name} asks for no resources"
    if ":" not in container["image"] or container["image"].endswith(":latest"):
        yield f"{name} has an image without a version"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield f"{name} takes a port of the host"

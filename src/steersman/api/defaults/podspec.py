"""Defaults of a pod spec, shared by Pods and by every kind that carries a pod template.

This is the hottest path of defaulting (every pod write runs through it): plain functions, no reflection.
Source: documented API defaults of k8s core/v1 (PodSpec, Container, Probe, Volume).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import quantity

if TYPE_CHECKING:
    from steersman.api.types import Object

FILE_MODE = 0o644
TOKEN_EXPIRATION_SECONDS = 3600
GRACE_PERIOD_SECONDS = 30
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_MODED_VOLUMES = ("secret", "configMap", "downwardAPI", "projected")


def put(obj: Object, name: str, value: Any) -> None:
    """Set `name` when it is absent or null (a pointer in the API's types)."""
    if obj.get(name) is None:
        obj[name] = value


def put_zero(obj: Object, name: str, value: Any) -> None:
    """Set `name` when it is absent, null or zero (a plain value in the API's types)."""
    if not obj.get(name):
        obj[name] = value


def default_pod_spec(spec: Object) -> None:
    """Complete a pod spec in place; malformed quantities are left for validation to complain about."""
    put_zero(spec, "restartPolicy", "Always")
    put(spec, "terminationGracePeriodSeconds", GRACE_PERIOD_SECONDS)
    put_zero(spec, "dnsPolicy", "ClusterFirst")
    put_zero(spec, "schedulerName", "default-scheduler")
    put(spec, "securityContext", {})
    _default_service_account(spec)
    for name in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(name) or ():
            default_container(container)
    for volume in spec.get("volumes") or ():
        default_volume(volume)
    if spec.get("resources"):
        canonical_resources(spec["resources"])
    if spec.get("overhead"):
        canonical_list(spec["overhead"])


def _default_service_account(spec: Object) -> None:
    # `serviceAccount` is the deprecated name of the same field; both are always shown.
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name
    else:
        spec.pop("serviceAccountName", None)
        spec.pop("serviceAccount", None)


def default_container(container: Object) -> None:
    put_zero(container, "terminationMessagePath", "/dev/termination-log")
    put_zero(container, "terminationMessagePolicy", "File")
    put_zero(container, "imagePullPolicy", pull_policy(container.get("image") or ""))
    resources = container.get("resources")
    if resources:
        canonical_resources(resources)
    else:
        container["resources"] = {}
    for port in container.get("ports") or ():
        put_zero(port, "protocol", "TCP")
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        if source:
            default_field_source(source)
    for name in _PROBES:
        probe = container.get(name)
        if probe is not None:
            _default_probe(probe)
    for handler in (container.get("lifecycle") or {}).values():
        if isinstance(handler, dict):
            _default_http_get(handler)


def pull_policy(image: str) -> str:
    """Return `Always` for images of tag `latest` or without tag and digest, else `IfNotPresent`."""
    if "@" in image:
        return "IfNotPresent"
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return "Always" if not colon or tag in ("", "latest") else "IfNotPresent"


def default_field_source(source: Object) -> None:
    """Complete an `env[].valueFrom` or an item of a downward API volume."""
    field = source.get("fieldRef")
    if field is not None:
        put_zero(field, "apiVersion", "v1")
    resource = source.get("resourceFieldRef")
    if resource is not None:
        resource["divisor"] = _canonical(resource.get("divisor") or "0")
    file_key = source.get("fileKeyRef")
    if file_key is not None:
        put(file_key, "optional", False)


def _default_probe(probe: Object) -> None:
    put_zero(probe, "timeoutSeconds", 1)
    put_zero(probe, "periodSeconds", 10)
    put_zero(probe, "successThreshold", 1)
    put_zero(probe, "failureThreshold", 3)
    _default_http_get(probe)
    if probe.get("grpc") is not None:
        put(probe["grpc"], "service", "")


def _default_http_get(handler: Object) -> None:
    http = handler.get("httpGet")
    if http is not None:
        put_zero(http, "path", "/")
        put_zero(http, "scheme", "HTTP")


def default_volume(volume: Object) -> None:
    sources = [name for name, source in volume.items() if name != "name" and source is not None]
    if not sources:
        volume["emptyDir"] = {}
        return
    kind = sources[0]
    source = volume[kind]
    if not isinstance(source, dict):
        return
    if kind in _MODED_VOLUMES:
        put(source, "defaultMode", FILE_MODE)
    default = _VOLUMES.get(kind)
    if default is not None:
        default(source)


def _default_empty_dir(source: Object) -> None:
    if source.get("sizeLimit") is not None:
        source["sizeLimit"] = _canonical(source["sizeLimit"])


def _default_host_path(source: Object) -> None:
    put(source, "type", "")


def _default_items(source: Object) -> None:
    for item in source.get("items") or ():
        default_field_source(item)


def _default_projected(source: Object) -> None:
    for part in source.get("sources") or ():
        token = part.get("serviceAccountToken")
        if token is not None:
            put(token, "expirationSeconds", TOKEN_EXPIRATION_SECONDS)
        _default_items(part.get("downwardAPI") or {})


def _default_ephemeral(source: Object) -> None:
    claim = (source.get("volumeClaimTemplate") or {}).get("spec")
    if claim is not None:
        default_claim_spec(claim)


def _default_image(source: Object) -> None:
    put_zero(source, "pullPolicy", pull_policy(source.get("reference") or ""))


def _default_iscsi(source: Object) -> None:
    put_zero(source, "iscsiInterface", "default")


def _default_rbd(source: Object) -> None:
    put_zero(source, "pool", "rbd")
    put_zero(source, "user", "admin")
    put_zero(source, "keyring", "/etc/ceph/keyring")


def _default_azure_disk(source: Object) -> None:
    put(source, "cachingMode", "ReadWrite")
    put(source, "kind", "Shared")
    put(source, "fsType", "ext4")
    put(source, "readOnly", False)


def _default_scale_io(source: Object) -> None:
    put_zero(source, "storageMode", "ThinProvisioned")
    put_zero(source, "fsType", "xfs")


_VOLUMES = {
    "emptyDir": _default_empty_dir,
    "hostPath": _default_host_path,
    "downwardAPI": _default_items,
    "projected": _default_projected,
    "ephemeral": _default_ephemeral,
    "image": _default_image,
    "iscsi": _default_iscsi,
    "rbd": _default_rbd,
    "azureDisk": _default_azure_disk,
    "scaleIO": _default_scale_io,
}


def default_volume_source(source: Object) -> None:
    """Complete the source of a PersistentVolume, where it lies among other fields of the spec."""
    for kind in ("hostPath", "iscsi", "rbd", "azureDisk", "scaleIO"):
        if source.get(kind) is not None:
            _VOLUMES[kind](source[kind])


def default_claim_spec(spec: Object) -> None:
    """Complete the spec of a PersistentVolumeClaim or of a claim template."""
    put(spec, "volumeMode", "Filesystem")
    resources = spec.get("resources")
    if resources:
        canonical_resources(resources)
    else:
        spec["resources"] = {}


def part(obj: Object, name: str) -> Object:
    """Return a part that is always there in the API's types (a struct, not a pointer), made when absent."""
    found = obj.get(name)
    if found is None:
        found = obj[name] = {}
    return found


def default_template(template: Object) -> None:
    """Complete a pod template."""
    part(template, "metadata")
    default_pod_spec(part(template, "spec"))


def canonical_resources(resources: Object) -> None:
    for name in ("limits", "requests"):
        if resources.get(name):
            canonical_list(resources[name])


def canonical_list(amounts: Object) -> None:
    """Write every quantity of a resource list in its one stored form."""
    for name, amount in amounts.items():
        amounts[name] = _canonical(amount)


def _canonical(amount: Any) -> Any:
    try:
        return quantity.canonical(amount)
    except (ValueError, TypeError):
        return amount

"""What pods and volumes refer to. Pure.

Source: the documented fields of Pod and PersistentVolume that name other objects, as far as a kubelet reads
what they name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.types import Object

Reference = tuple[str, str]
"""(plural, name) of something in the pod's own namespace."""

MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
_WITH_SECRET_REF = ("cephfs", "cinder", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos")
_KUBELET_SECRETS = ("nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef")
"""Secrets of a CSI volume that the node needs; the controllers' are not its business."""


def pod_references(pod: Object) -> frozenset[Reference]:
    """Everything a pod names that its kubelet has to read.

    A mirror pod refers to nothing: a node makes it itself, and would otherwise give itself any secret.
    """
    if MIRROR_ANNOTATION in meta.annotations(pod):
        return frozenset()
    return frozenset((plural, name) for plural, name in _named(pod) if name)


def _named(pod: Object) -> Iterator[Reference]:
    spec: Object = pod.get("spec") or {}
    yield "serviceaccounts", spec.get("serviceAccountName") or ""
    for entry in spec.get("imagePullSecrets") or ():
        yield "secrets", entry.get("name") or ""
    for part in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(part) or ():
            yield from _of_container(container)
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume, meta.name(pod))
    yield from _claims(pod)


def _of_container(container: Object) -> Iterator[Reference]:
    for source in container.get("envFrom") or ():
        yield "secrets", (source.get("secretRef") or {}).get("name", "")
        yield "configmaps", (source.get("configMapRef") or {}).get("name", "")
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom") or {}
        yield "secrets", (origin.get("secretKeyRef") or {}).get("name", "")
        yield "configmaps", (origin.get("configMapKeyRef") or {}).get("name", "")


def _of_volume(volume: Object, pod: str) -> Iterator[Reference]:
    yield "secrets", (volume.get("secret") or {}).get("secretName", "")
    yield "configmaps", (volume.get("configMap") or {}).get("name", "")
    yield "persistentvolumeclaims", (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
    if "ephemeral" in volume:
        yield "persistentvolumeclaims", f"{pod}-{volume.get('name', '')}"
    yield "secrets", (volume.get("azureFile") or {}).get("secretName", "")
    yield "secrets", ((volume.get("csi") or {}).get("nodePublishSecretRef") or {}).get("name", "")
    for kind in _WITH_SECRET_REF:
        yield "secrets", ((volume.get(kind) or {}).get("secretRef") or {}).get("name", "")
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield "secrets", (source.get("secret") or {}).get("name", "")
        yield "configmaps", (source.get("configMap") or {}).get("name", "")


def _claims(pod: Object) -> Iterator[Reference]:
    """Resource claims: named outright, or made from a template and then named in the status."""
    for claim in (pod.get("spec") or {}).get("resourceClaims") or ():
        yield "resourceclaims", claim.get("resourceClaimName") or ""
    status: Object = pod.get("status") or {}
    for claim in status.get("resourceClaimStatuses") or ():
        yield "resourceclaims", claim.get("resourceClaimName") or ""
    extended = status.get("extendedResourceClaimStatus") or {}
    yield "resourceclaims", extended.get("resourceClaimName") or ""


def claim_of(volume: Object) -> tuple[str, str] | None:
    """(namespace, name) of the claim a PersistentVolume is bound to; None while it is not."""
    reference = (volume.get("spec") or {}).get("claimRef") or {}
    if not reference.get("name"):
        return None
    return str(reference.get("namespace", "")), str(reference["name"])


def volume_secrets(volume: Object) -> frozenset[tuple[str, str]]:
    """(namespace, name) of the secrets a kubelet needs to mount a bound PersistentVolume."""
    spec: Object = volume.get("spec") or {}
    claim = claim_of(volume)
    if claim is None:
        return frozenset()
    found: list[tuple[str, str]] = []
    azure = spec.get("azureFile") or {}
    found.append((azure.get("secretNamespace") or claim[0], azure.get("secretName") or ""))
    driver = spec.get("csi") or {}
    given = [driver.get(name) for name in _KUBELET_SECRETS]
    given += [(spec.get(kind) or {}).get("secretRef") for kind in _WITH_SECRET_REF]
    found += [(ref.get("namespace") or claim[0], ref.get("name") or "") for ref in given if ref]
    return frozenset((namespace, name) for namespace, name in found if name)

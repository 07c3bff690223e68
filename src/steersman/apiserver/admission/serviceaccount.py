"""ServiceAccount: every pod runs as a service account and gets its token mounted.

The token comes as a projected volume `kube-api-access-xxxxx` (a bound token, the cluster's CA, the
namespace), mounted where client libraries look for it. Source: "Configure Service Accounts for Pods".
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

from steersman.api.kinds import PODS, SERVICE_ACCOUNTS
from steersman.api.names import generate_name
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes

DEFAULT = "default"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
MIRROR_ANNOTATION = "kubernetes.io/config.mirror"
TOKEN_SECONDS = 3607
"""An hour and seven seconds: how upstream marks tokens that the server may extend."""

DEFAULT_TRIES = 20
DEFAULT_PAUSE = 0.1
"""The default account of a new namespace is made by a controller; a pod created at once waits up to two
seconds."""


class ServiceAccount(AdmissionPlugin):
    name = "ServiceAccount"
    resources = (PODS,)

    async def mutate(self, attributes: Attributes) -> None:
        pod = attributes.obj
        assert pod is not None
        if MIRROR_ANNOTATION in (pod["metadata"].get("annotations") or {}):
            _check_mirror(attributes, pod)
            return
        spec = pod.setdefault("spec", {})
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = await self._account(attributes, name)
        if _wants_token(spec, account):
            mount_token(spec, volume_name(account["metadata"]["uid"]))
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [{"name": item["name"]} for item in account["imagePullSecrets"]]

    async def _account(self, attributes: Attributes, name: str) -> Object:
        tries = DEFAULT_TRIES if name == DEFAULT else 1
        for attempt in range(tries):
            account = await self.find(SERVICE_ACCOUNTS, name, attributes.namespace)
            if account is not None:
                return account
            if attempt + 1 < tries:
                await self.api.clock.sleep(DEFAULT_PAUSE)
        raise forbidden(
            attributes,
            f"error looking up service account {attributes.namespace}/{name}: "
            f'serviceaccount "{name}" not found',
        )


def _check_mirror(attributes: Attributes, pod: Object) -> None:
    spec = pod.get("spec") or {}
    if spec.get("serviceAccountName"):
        raise forbidden(attributes, "a mirror pod may not reference service accounts")
    for volume in spec.get("volumes") or ():
        if "secret" in volume:
            raise forbidden(attributes, "a mirror pod may not reference secrets")


@lru_cache(maxsize=1024)
def volume_name(account_uid: str) -> str:
    """Return the name of the token volume; one for each account, so that the pods of a template are alike."""
    return generate_name(VOLUME_PREFIX, Random(account_uid))


def _wants_token(spec: Object, account: Object) -> bool:
    for holder in (spec, account):
        wanted = holder.get("automountServiceAccountToken")
        if wanted is not None:
            return bool(wanted)
    return True


def mount_token(spec: Object, volume_name: str) -> None:
    """Mount the token in every container that has nothing at its path; add the volume when one needs it."""
    volumes = spec.get("volumes") or []
    existing = next(
        (name for item in volumes if (name := item.get("name", "")).startswith(VOLUME_PREFIX)), None
    )
    mounted = False
    for part in ("initContainers", "containers"):
        for container in spec.get(part) or ():
            mounts = container.get("volumeMounts") or []
            if any(mount.get("mountPath") == MOUNT_PATH for mount in mounts):
                continue
            mount = {"name": existing or volume_name, "readOnly": True, "mountPath": MOUNT_PATH}
            container["volumeMounts"] = [*mounts, mount]
            mounted = True
    if mounted and existing is None:
        spec["volumes"] = [*volumes, token_volume(volume_name)]


def token_volume(name: str) -> Object:
    """The projected volume with token, CA certificate and namespace."""
    namespace = {
        "path": "namespace",
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
    }
    return {
        "name": name,
        "projected": {
            "defaultMode": 0o644,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
                {
                    "configMap": {
                        "name": "kube-root-ca.crt",
                        "items": [{"key": "ca.crt", "path": "ca.crt"}],
                    }
                },
                {"downwardAPI": {"items": [namespace]}},
            ],
        },
    }

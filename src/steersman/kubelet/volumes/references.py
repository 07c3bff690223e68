"""Which objects a pod's volumes and environment read, so that their changes can be followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.kinds import CONFIG_MAPS, SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.kinds import Resource
    from steersman.api.types import Object


def live_references(pod: Object) -> set[tuple[Resource, str]]:
    """(resource, name) of every ConfigMap and Secret shown in a volume of the pod."""
    found: set[tuple[Resource, str]] = set()
    for volume in pod["spec"].get("volumes") or ():
        found.update(_of(volume, "secretName"))
        for source in (volume.get("projected") or {}).get("sources") or ():
            found.update(_of(source, "name"))
    return found


def _of(source: Object, secret_key: str) -> Iterator[tuple[Resource, str]]:
    if part := source.get("configMap"):
        yield CONFIG_MAPS, part.get("name", "")
    if part := source.get("secret"):
        yield SECRETS, part.get(secret_key, "")

"""The ConfigMap by which aggregated servers learn whom to trust: clients' CA and the front proxy.

Source: "Configure the Aggregation Layer"; k8s pkg/controlplane/controller/clusterauthenticationtrust.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from steersman.api.errors import NotFound
from steersman.api.kinds import CONFIG_MAPS
from steersman.apiserver.authn.chain import FRONT_PROXY_NAMES

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.config import APIServerConfig

NAME, NAMESPACE = "extension-apiserver-authentication", "kube-system"


def trust(config: APIServerConfig) -> dict[str, str]:
    """What the ConfigMap says. Raises OSError when a file cannot be read."""
    data = {}
    if config.client_ca:
        data["client-ca-file"] = Path(config.client_ca).read_text()
    if config.requestheader_ca:
        lists = {
            "allowed-names": FRONT_PROXY_NAMES,
            "extra-headers-prefix": ("X-Remote-Extra-",),
            "group-headers": ("X-Remote-Group",),
            "uid-headers": ("X-Remote-Uid",),
            "username-headers": ("X-Remote-User",),
        }
        data.update({f"requestheader-{name}": orjson.dumps(value).decode() for name, value in lists.items()})
        data["requestheader-client-ca-file"] = Path(config.requestheader_ca).read_text()
    return data


async def publish(api: API) -> None:
    """Make the ConfigMap, or bring it up to date; nothing when there is nothing to say."""
    data = trust(api.config)
    if not data:
        return

    def change(present: Object) -> Object:
        return {**present, "data": {**(present.get("data") or {}), **data}}

    try:
        await api.update(CONFIG_MAPS, NAME, change, NAMESPACE)
    except NotFound:
        await api.create(CONFIG_MAPS, {"metadata": {"name": NAME}, "data": data}, NAMESPACE)

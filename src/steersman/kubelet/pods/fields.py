"""The downward API: values of a pod's own fields and resources, as text.

Used by environment variables and by downwardAPI volumes.  Source: "Downward API" in the Kubernetes
documentation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

import orjson

from steersman.api import quantity
from steersman.kubelet.pods import resources, spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object

SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")


class FieldUnknown(Exception):
    """The path names nothing that the downward API can show."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a pod cannot know from its own object while it starts."""

    pod_ips: tuple[str, ...] = ()
    host_ips: tuple[str, ...] = ()


def field_value(pod: Object, path: str, addresses: Addresses) -> str:
    """The text of one field path, such as `metadata.labels['app']` or `status.podIP`.

    Raises: FieldUnknown.
    """
    if match := SUBSCRIPT.match(path):
        return str((pod["metadata"].get(match[1]) or {}).get(match[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        return format_map(pod["metadata"].get(path.partition(".")[2]) or {})
    simple = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", ""),
        "status.podIP": next(iter(addresses.pod_ips), ""),
        "status.podIPs": ",".join(addresses.pod_ips),
        "status.hostIP": next(iter(addresses.host_ips), ""),
        "status.hostIPs": ",".join(addresses.host_ips),
    }
    if path not in simple:
        raise FieldUnknown(f"unsupported fieldPath: {path}")
    return str(simple[path])


def format_map(values: Mapping[str, str]) -> str:
    """Labels or annotations as sorted `key="value"` lines without a final newline."""
    return "\n".join(f"{key}={orjson.dumps(values[key]).decode()}" for key in sorted(values))


def resource_value(pod: Object, ref: Object, allocatable: Mapping[str, str], container: str = "") -> str:
    """The text of a resourceFieldRef, in units of its divisor, rounded up.

    A missing limit reads as what the node can give (`allocatable`).
    Raises: FieldUnknown.
    """
    name = ref.get("containerName") or container
    found = spec.find_container(pod, name)
    if found is None:
        raise FieldUnknown(f"container {name} not found")
    kind, _, resource = str(ref.get("resource", "")).partition(".")
    if kind not in ("limits", "requests") or not resource:
        raise FieldUnknown(f"unsupported container resource: {ref.get('resource')}")
    if kind == "requests":
        amount = quantity.parse(resources.request(found, resource))
    else:
        given = resources.amounts(found, "limits").get(resource)
        amount = quantity.parse(given if given is not None else allocatable.get(resource, "0"))
    divisor = quantity.parse(ref.get("divisor") or "0") or Fraction(1)
    return str(ceil(amount / divisor))

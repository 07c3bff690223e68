"""The environment of a container: expansion of `$(VAR)`, values from objects and fields, service links.

Pure: the ConfigMaps and Secrets it names are fetched first (`references`) and handed in.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from steersman.kubelet.pods import fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from steersman.api.types import Object

Kind = Literal["ConfigMap", "Secret"]
VARIABLE = re.compile(r"\$(?:\$|\(([^()]*)\))")
ENV_NAME = re.compile(r"^[^=\0]+$")


class ConfigError(Exception):
    """The container cannot be configured; shown as CreateContainerConfigError."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that an environment reads; absent and not optional is an error."""

    kind: Kind
    name: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the environment takes from outside the pod."""

    objects: Mapping[tuple[str, str], Object | None] = field(default_factory=dict)
    """(kind, name) to the object, None when it does not exist"""
    services: Iterable[Object] = ()
    addresses: fields.Addresses = field(default_factory=fields.Addresses)
    allocatable: Mapping[str, str] = field(default_factory=dict)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by its value; `$$` is a literal `$`, an unknown name stays as it is written."""

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return values.get(match[1], match[0])

    return VARIABLE.sub(replace, text)


def references(container: Object) -> Iterator[Reference]:
    """Every ConfigMap and Secret that the container's environment names."""
    kinds: tuple[tuple[Kind, str, str], ...] = (
        ("ConfigMap", "configMapRef", "configMapKeyRef"),
        ("Secret", "secretRef", "secretKeyRef"),
    )
    for kind, whole, part in kinds:
        for source in container.get("envFrom") or ():
            if ref := source.get(whole):
                yield Reference(kind, ref.get("name", ""), bool(ref.get("optional")))
        for variable in container.get("env") or ():
            if ref := (variable.get("valueFrom") or {}).get(part):
                yield Reference(kind, ref.get("name", ""), bool(ref.get("optional")))


def environment(pod: Object, container: Object, around: Surroundings) -> dict[str, str]:
    """Names to values; what is written later wins, service links come first and lose to everything.

    Raises: ConfigError naming the missing object or key.
    """
    values: dict[str, str] = {}
    links = service_links(pod, around.services)
    for source in container.get("envFrom") or ():
        values.update(_whole_object(source, around))
    for variable in container.get("env") or ():
        name = variable["name"]
        if variable.get("valueFrom"):
            found = _value_from(pod, container, variable["valueFrom"], around)
            if found is not None:
                values[name] = found
        else:
            values[name] = expand(variable.get("value") or "", {**links, **values})
    return {**links, **values}


def _whole_object(source: Object, around: Surroundings) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    kind: Kind = "ConfigMap" if source.get("configMapRef") else "Secret"
    ref = source.get("configMapRef") or source.get("secretRef") or {}
    found = around.objects.get((kind, ref.get("name", "")))
    if found is None:
        if ref.get("optional"):
            return {}
        raise ConfigError(f'{kind.lower()} "{ref.get("name", "")}" not found')
    return {prefix + key: text for key, text in _data(kind, found).items() if ENV_NAME.match(prefix + key)}


def _value_from(pod: Object, container: Object, source: Object, around: Surroundings) -> str | None:
    try:
        if ref := source.get("fieldRef"):
            return fields.field_value(pod, ref["fieldPath"], around.addresses)
        if ref := source.get("resourceFieldRef"):
            return fields.resource_value(pod, ref, around.allocatable, container["name"])
    except fields.FieldUnknown as error:
        raise ConfigError(str(error)) from error
    kind: Kind = "ConfigMap" if source.get("configMapKeyRef") else "Secret"
    ref = source.get("configMapKeyRef") or source.get("secretKeyRef") or {}
    name, key = ref.get("name", ""), ref.get("key", "")
    found = around.objects.get((kind, name))
    if found is None:
        if ref.get("optional"):
            return None
        raise ConfigError(f'{kind.lower()} "{name}" not found')
    data = _data(kind, found)
    if key in data:
        return data[key]
    if ref.get("optional"):
        return None
    raise ConfigError(f"couldn't find key {key} in {kind} {pod['metadata']['namespace']}/{name}")


def _data(kind: Kind, found: Object) -> dict[str, str]:
    data = found.get("data") or {}
    if kind == "ConfigMap":
        return {key: str(text) for key, text in data.items()}
    return {key: base64.b64decode(text).decode("utf-8", "surrogateescape") for key, text in data.items()}


def service_links(pod: Object, services: Iterable[Object]) -> dict[str, str]:
    """The variables that name Services of the pod's namespace, and always those of `default/kubernetes`."""
    namespace = pod["metadata"]["namespace"]
    linked = pod["spec"].get("enableServiceLinks", True) is not False
    chosen: dict[str, Object] = {}
    for service in services:
        meta = service["metadata"]
        ip = service["spec"].get("clusterIP") or "None"
        if ip == "None" or not service["spec"].get("ports"):
            continue
        master = meta["namespace"] == "default" and meta["name"] == "kubernetes"
        if meta["namespace"] == namespace and linked:
            chosen[meta["name"]] = service
        elif master:
            chosen.setdefault(meta["name"], service)
    values: dict[str, str] = {}
    for name in sorted(chosen):
        values.update(_links(name, chosen[name]["spec"]))
    return values


def _links(name: str, service: Object) -> dict[str, str]:
    prefix = name.upper().replace("-", "_")
    ip, ports = service["clusterIP"], service["ports"]
    host = f"[{ip}]" if ":" in ip else ip
    first = ports[0]
    values = {
        f"{prefix}_SERVICE_HOST": ip,
        f"{prefix}_SERVICE_PORT": str(first["port"]),
        f"{prefix}_PORT": f"{(first.get('protocol') or 'TCP').lower()}://{host}:{first['port']}",
    }
    for port in ports:
        protocol = port.get("protocol") or "TCP"
        if port.get("name"):
            values[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
        base = f"{prefix}_PORT_{port['port']}_{protocol.upper()}"
        values[base] = f"{protocol.lower()}://{host}:{port['port']}"
        values[f"{base}_PROTO"] = protocol.lower()
        values[f"{base}_PORT"] = str(port["port"])
        values[f"{base}_ADDR"] = ip
    return values

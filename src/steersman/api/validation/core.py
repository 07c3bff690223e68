"""Checks of the core kinds around pods: configuration, identities, nodes, endpoints, events, limits.

Source: the documented API reference of core/v1; texts as API clients know them.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import cidr, fields, names, quantity
from steersman.api.fields import Path
from steersman.api.validation import placement, resources, rules
from steersman.api.validation.container import PROTOCOLS
from steersman.api.validation.podspec import pod_template

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object

MAX_DATA_BYTES = 1024 * 1024
"""Largest content of a ConfigMap or Secret."""
_SPEC, _DATA, _IMMUTABLE = Path("spec"), Path("data"), Path("immutable")
_TOKEN_ANNOTATION = "kubernetes.io/service-account.name"
_NEEDED_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def validate_config_map(config: Object) -> list[FieldError]:
    data, binary = config.get("data") or {}, config.get("binaryData") or {}
    errors: list[FieldError] = []
    for key in data:
        errors += rules.complaints(_DATA.key(key), key, names.is_config_key(key))
        if key in binary:
            errors.append(fields.invalid(_DATA.key(key), key, "duplicate of key present in binaryData"))
    for key in binary:
        errors += rules.complaints(Path("binaryData").key(key), key, names.is_config_key(key))
    size = sum(len((value or "").encode()) for value in data.values())
    size += sum(_decoded_length(value) for value in binary.values())
    if size > MAX_DATA_BYTES:
        errors.append(fields.too_long(Path(), "", MAX_DATA_BYTES))
    return errors


def _decoded_length(text: str | None) -> int:
    padding = (text or "").count("=")
    return len(text or "") * 3 // 4 - padding


def validate_config_map_update(config: Object, old: Object) -> list[FieldError]:
    return _immutable_data(config, old, ("data", "binaryData"))


def _immutable_data(obj: Object, old: Object, parts: tuple[str, ...]) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    text = "field is immutable when `immutable` is set"
    errors: list[FieldError] = []
    if not obj.get("immutable"):
        errors.append(fields.forbidden(_IMMUTABLE, text))
    for part in parts:
        if (obj.get(part) or {}) != (old.get(part) or {}):
            errors.append(fields.forbidden(Path(part), text))
    return errors


def validate_secret(secret: Object) -> list[FieldError]:
    data = secret.get("data") or {}
    errors: list[FieldError] = []
    size = 0
    for key, value in data.items():
        errors += rules.complaints(_DATA.key(key), key, names.is_config_key(key))
        try:
            size += len(base64.b64decode(value or "", validate=True))
        except (binascii.Error, ValueError):
            errors.append(fields.invalid(_DATA.key(key), "<secret contents redacted>", "illegal base64 data"))
    if size > MAX_DATA_BYTES:
        errors.append(fields.too_long(_DATA, "", MAX_DATA_BYTES))
    return errors or _secret_type(secret, data)


def _secret_type(secret: Object, data: Object) -> list[FieldError]:
    kind = secret.get("type")
    errors: list[FieldError] = []
    if kind == "kubernetes.io/service-account-token":
        annotations = (secret.get("metadata") or {}).get("annotations") or {}
        where = Path("metadata", "annotations").key(_TOKEN_ANNOTATION)
        errors += rules.required(where, annotations.get(_TOKEN_ANNOTATION))
    for key in _NEEDED_KEYS.get(str(kind), ()):
        if key not in data:
            errors.append(fields.required(_DATA.key(key)))
        elif "docker" in key and not _is_json(data[key]):
            errors.append(fields.invalid(_DATA.key(key), "<secret contents redacted>", "must be JSON"))
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        errors += [fields.required(_DATA.key("username")), fields.required(_DATA.key("password"))]
    return errors


def _is_json(value: str) -> bool:
    try:
        orjson.loads(base64.b64decode(value))
    except ValueError:
        return False
    return True


def validate_secret_update(secret: Object, old: Object) -> list[FieldError]:
    errors = rules.immutable(Path("type"), secret.get("type"), old.get("type"))
    return errors + _immutable_data(secret, old, ("data",))


def validate_node(node: Object) -> list[FieldError]:
    spec = node.get("spec") or {}
    errors = placement.taints(_SPEC.child("taints"), spec.get("taints") or [])
    networks = spec.get("podCIDRs") or []
    for index, network in enumerate(networks):
        errors += rules.complaints(_SPEC.child("podCIDRs").index(index), network, cidr.is_cidr(network))
    if len(networks) > 2 or (
        len(networks) == 2 and cidr.network_family(networks[0]) == cidr.network_family(networks[1])
    ):
        text = "may specify no more than one CIDR for each IP family"
        errors.append(fields.invalid(_SPEC.child("podCIDRs"), networks, text))
    return errors


def validate_node_update(node: Object, old: Object) -> list[FieldError]:
    """A node's pod networks and provider are given once."""
    spec, before = node.get("spec") or {}, old.get("spec") or {}
    errors: list[FieldError] = []
    if before.get("podCIDRs") and spec.get("podCIDRs") != before["podCIDRs"]:
        text = 'node updates may not change podCIDR except from "" to valid'
        errors.append(fields.forbidden(_SPEC.child("podCIDRs"), text))
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        text = 'node updates may not change providerID except from "" to valid'
        errors.append(fields.forbidden(_SPEC.child("providerID"), text))
    return errors


def validate_node_status(node: Object, old: Object) -> list[FieldError]:
    status, where = node.get("status") or {}, Path("status")
    errors: list[FieldError] = []
    for name in ("capacity", "allocatable"):
        errors += resources.resource_list(where.child(name), status.get(name))
    addresses = [(entry.get("type"), entry.get("address")) for entry in status.get("addresses") or ()]
    for index, pair in enumerate(addresses):
        if pair in addresses[:index]:
            errors.append(fields.duplicate(where.child("addresses").index(index), status["addresses"][index]))
    return errors


def validate_namespace(namespace: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, finalizer in enumerate((namespace.get("spec") or {}).get("finalizers") or ()):
        where = _SPEC.child("finalizers").index(index)
        errors += rules.complaints(where, finalizer, names.is_qualified_name(finalizer))
    return errors


def validate_service_account(account: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, reference in enumerate(account.get("imagePullSecrets") or ()):
        errors += rules.required(Path("imagePullSecrets").index(index).child("name"), reference.get("name"))
    return errors


def validate_endpoints(endpoints: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, subset in enumerate(endpoints.get("subsets") or ()):
        here = Path("subsets").index(index)
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            text = "must specify `addresses` or `notReadyAddresses`"
            errors.append(fields.required(here, text))
        for part in ("addresses", "notReadyAddresses"):
            for position, address in enumerate(subset.get(part) or ()):
                where = here.child(part).index(position).child("ip")
                errors += rules.complaints(where, address.get("ip"), cidr.is_ip(address.get("ip") or ""))
        ports = subset.get("ports") or []
        for position, port in enumerate(ports):
            errors += _endpoint_port(here.child("ports").index(position), port, len(ports) > 1)
    return errors


def _endpoint_port(path: Path, port: Object, named: bool) -> list[FieldError]:
    errors = rules.required(path.child("name"), port.get("name")) if named else []
    errors += rules.optional_name(path.child("name"), port.get("name"), names.is_dns1123_label)
    errors += rules.port_number(path.child("port"), port.get("port"))
    return errors + rules.required_one_of(path.child("protocol"), port.get("protocol"), PROTOCOLS)


def validate_event(event: Object) -> list[FieldError]:
    """An event lies in the namespace of what it is about; that of cluster-scoped objects in `default`."""
    about = event.get("involvedObject") or event.get("regarding") or {}
    own = (event.get("metadata") or {}).get("namespace")
    errors: list[FieldError] = []
    where = Path("involvedObject", "namespace")
    if not about.get("namespace"):
        if own not in ("default", "kube-system"):
            text = "does not match event.namespace"
            errors.append(fields.invalid(where, "", text))
    elif about["namespace"] != own:
        errors.append(fields.invalid(where, about["namespace"], "does not match event.namespace"))
    return errors


def validate_resource_quota(quota: Object) -> list[FieldError]:
    spec = quota.get("spec") or {}
    errors = resources.resource_list(_SPEC.child("hard"), spec.get("hard"))
    scopes = ("BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass")
    for scope in spec.get("scopes") or ():
        errors += rules.one_of(
            _SPEC.child("scopes"), scope, (*scopes, "Terminating", "VolumeAttributesClass")
        )
    return errors


def validate_resource_quota_update(quota: Object, old: Object) -> list[FieldError]:
    spec, before = quota.get("spec") or {}, old.get("spec") or {}
    where = _SPEC.child("scopes")
    return rules.immutable(where, sorted(spec.get("scopes") or ()), sorted(before.get("scopes") or ()))


def validate_limit_range(limits: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[Any] = set()
    for index, item in enumerate((limits.get("spec") or {}).get("limits") or ()):
        here, kind = _SPEC.child("limits").index(index), item.get("type")
        errors += rules.required(here.child("type"), kind)
        if kind in seen:
            errors.append(fields.duplicate(here.child("type"), kind))
        seen.add(kind)
        parts = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
        broken = [
            error for part in parts for error in resources.resource_list(here.child(part), item.get(part))
        ]
        errors += broken
        if kind == "Pod":
            for part in ("default", "defaultRequest"):
                if item.get(part):
                    text = "may not be specified when `type` is 'Pod'"
                    errors.append(fields.forbidden(here.child(part), text))
        if not broken:
            errors += _in_order(here, item)
    return errors


def _in_order(path: Path, item: Object) -> list[FieldError]:
    """min <= defaultRequest <= default <= max, for each resource."""
    errors: list[FieldError] = []
    order = [("min", item.get("min")), ("defaultRequest", item.get("defaultRequest"))]
    order += [("default", item.get("default")), ("max", item.get("max"))]
    for index, (low_name, low) in enumerate(order):
        for high_name, high in order[index + 1 :]:
            for name in sorted((low or {}).keys() & (high or {}).keys()):
                small, large = low[name], high[name]  # type: ignore[index]
                if quantity.parse(small) > quantity.parse(large):
                    text = f"{low_name} value {small} is greater than {high_name} value {large}"
                    errors.append(fields.invalid(path.child(low_name).key(name), small, text))
    return errors


def validate_replication_controller(controller: Object) -> list[FieldError]:
    spec = controller.get("spec") or {}
    errors = rules.non_negative(_SPEC.child("replicas"), spec.get("replicas"))
    errors += rules.non_negative(_SPEC.child("minReadySeconds"), spec.get("minReadySeconds"))
    selector = spec.get("selector") or {}
    errors += rules.required(_SPEC.child("selector"), selector)
    template = spec.get("template")
    errors += pod_template(_SPEC.child("template"), template)
    labels = ((template or {}).get("metadata") or {}).get("labels") or {}
    if template is not None and any(labels.get(key) != value for key, value in selector.items()):
        text = "`selector` does not match template `labels`"
        errors.append(fields.invalid(_SPEC.child("template", "metadata", "labels"), labels, text))
    return errors


def validate_pod_template(template: Object) -> list[FieldError]:
    policies = ("Always", "Never", "OnFailure")
    return pod_template(Path("template"), template.get("template"), restart_policies=policies)

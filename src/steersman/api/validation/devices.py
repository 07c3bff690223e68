"""Checks of the device kinds (resource.k8s.io): classes, claims, templates of claims, slices.

Objects have the form of v1; those of v1beta1 are brought into it first, so errors name its fields.
Source: the documented API reference of resource.k8s.io/v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.api import device_versions, fields, names
from steersman.api.fields import Path
from steersman.api.types import copied
from steersman.api.validation import placement, rules

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from steersman.api.fields import FieldError
    from steersman.api.types import Object

_SPEC = Path("spec")
MOST = 32
"""Selectors, requests, constraints and configurations of a claim or class; alternatives are fewer."""
MOST_ALTERNATIVES = 8
MOST_DEVICES = 128
MOST_PARAMETERS = 10 * 1024
"""Bytes of a driver's parameters."""
_MODES = ("All", "ExactCount")
_VALUES = ("bool", "bools", "int", "ints", "string", "strings", "version", "versions")
_NODES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")


def validate_class(found: Object) -> list[FieldError]:
    spec = found.get("spec") or {}
    errors = _selectors(_SPEC.child("selectors"), spec.get("selectors") or [])
    configs, where = spec.get("config") or [], _SPEC.child("config")
    errors += _at_most(where, configs, MOST)
    for i, config in enumerate(configs):
        errors += _config(where.index(i), config)
    return errors


def validate_claim(claim: Object) -> list[FieldError]:
    return _claim_spec(_SPEC, claim.get("spec") or {})


def validate_template(template: Object) -> list[FieldError]:
    return _claim_spec(_SPEC.child("spec"), (template.get("spec") or {}).get("spec") or {})


def validate_spec_fixed(obj: Object, old: Object) -> list[FieldError]:
    """What is asked for never changes."""
    return rules.immutable(_SPEC, obj.get("spec"), old.get("spec"))


def validate_slice(found: Object) -> list[FieldError]:
    spec = found.get("spec") or {}
    pool = spec.get("pool") or {}
    where = _SPEC.child("pool")
    errors = rules.required_name(_SPEC.child("driver"), spec.get("driver"), names.is_dns1123_subdomain)
    errors += rules.required(where.child("name"), pool.get("name"))
    for part in (pool.get("name") or "").split("/") if pool.get("name") else ():
        errors += rules.complaints(where.child("name"), pool["name"], names.is_dns1123_subdomain(part))
    count = pool.get("resourceSliceCount") or 0
    if count <= 0:
        errors.append(fields.invalid(where.child("resourceSliceCount"), count, "must be greater than zero"))
    errors += rules.non_negative(where.child("generation"), pool.get("generation"))
    errors += _nodes(spec)
    devices, where = spec.get("devices") or [], _SPEC.child("devices")
    errors += _at_most(where, devices, MOST_DEVICES)
    errors += _unique_names(where, devices)
    for i, device in enumerate(devices):
        errors += _device(where.index(i), device)
    return errors


def validate_slice_update(found: Object, old: Object) -> list[FieldError]:
    """A slice stays with its driver, its pool and its node."""
    spec, before = found.get("spec") or {}, old.get("spec") or {}
    errors: list[FieldError] = []
    for name in ("driver", "nodeName", "allNodes"):
        errors += rules.immutable(_SPEC.child(name), spec.get(name), before.get(name))
    pool, earlier = spec.get("pool") or {}, before.get("pool") or {}
    return errors + rules.immutable(_SPEC.child("pool", "name"), pool.get("name"), earlier.get("name"))


def as_v1(
    convert: Callable[[Object], Object], check: Callable[[Object], list[FieldError]]
) -> Callable[[Object], list[FieldError]]:
    """Return a check of v1beta1 objects made of one of v1 objects."""
    return lambda obj: check(convert(copied(obj)))


claim_v1beta1 = as_v1(device_versions.claim_to_v1, validate_claim)
template_v1beta1 = as_v1(device_versions.template_to_v1, validate_template)
slice_v1beta1 = as_v1(device_versions.slice_to_v1, validate_slice)


def _claim_spec(path: Path, spec: Object) -> list[FieldError]:
    devices, path = spec.get("devices") or {}, path.child("devices")
    requests = devices.get("requests") or []
    errors = _at_most(path.child("requests"), requests, MOST)
    errors += _unique_names(path.child("requests"), requests)
    for i, request in enumerate(requests):
        errors += _request(path.child("requests").index(i), request)
    known = _request_names(requests)
    for i, constraint in enumerate(devices.get("constraints") or []):
        where = path.child("constraints").index(i)
        errors += _known_requests(where.child("requests"), constraint.get("requests") or [], known)
        if constraint.get("matchAttribute") is None and constraint.get("distinctAttribute") is None:
            errors.append(fields.required(where.child("matchAttribute")))
        errors += _attribute_name(where.child("matchAttribute"), constraint.get("matchAttribute"))
    for i, config in enumerate(devices.get("config") or []):
        where = path.child("config").index(i)
        errors += _known_requests(where.child("requests"), config.get("requests") or [], known)
        errors += _config(where, config)
    for part in ("constraints", "config"):
        errors += _at_most(path.child(part), devices.get(part) or [], MOST)
    return errors


def _request_names(requests: Sequence[Object]) -> set[str]:
    """Return what constraints may refer to: `request` and `request/alternative`."""
    known = set()
    for request in requests:
        name = request.get("name", "")
        known.add(name)
        known |= {f"{name}/{one.get('name', '')}" for one in request.get("firstAvailable") or ()}
    return known


def _request(path: Path, request: Object) -> list[FieldError]:
    errors = rules.required_name(path.child("name"), request.get("name"), names.is_dns1123_label)
    exactly, alternatives = request.get("exactly"), request.get("firstAvailable")
    if exactly is not None and alternatives:
        text = "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set"
        errors.append(fields.invalid(path, None, text))
    elif exactly is None and not alternatives:
        errors.append(fields.required(path, "exactly one of `exactly` or `firstAvailable` is required"))
    if exactly is not None:
        errors += _wanted(path.child("exactly"), exactly)
    where = path.child("firstAvailable")
    errors += _at_most(where, alternatives or [], MOST_ALTERNATIVES)
    errors += _unique_names(where, alternatives or [])
    for i, one in enumerate(alternatives or []):
        errors += rules.required_name(where.index(i).child("name"), one.get("name"), names.is_dns1123_label)
        errors += _wanted(where.index(i), one)
    return errors


def _wanted(path: Path, wanted: Object) -> list[FieldError]:
    where = path.child("deviceClassName")
    errors = rules.required_name(where, wanted.get("deviceClassName"), names.is_dns1123_subdomain)
    errors += _selectors(path.child("selectors"), wanted.get("selectors") or [])
    mode, count = wanted.get("allocationMode") or "ExactCount", wanted.get("count")
    errors += rules.one_of(path.child("allocationMode"), mode, _MODES)
    if mode == "All" and count:
        text = "must not be specified when allocationMode is 'All'"
        errors.append(fields.invalid(path.child("count"), count, text))
    if mode == "ExactCount" and count is not None and count <= 0:
        errors.append(fields.invalid(path.child("count"), count, "must be greater than zero"))
    return errors


def _selectors(path: Path, selectors: Sequence[Object]) -> list[FieldError]:
    errors = _at_most(path, selectors, MOST)
    for i, selector in enumerate(selectors):
        cel = selector.get("cel")
        if cel is None:
            errors.append(fields.required(path.index(i).child("cel")))
        else:
            errors += rules.required(path.index(i).child("cel", "expression"), cel.get("expression"))
    return errors


def _config(path: Path, config: Object) -> list[FieldError]:
    opaque, path = config.get("opaque"), path.child("opaque")
    if opaque is None:
        return [fields.required(path)]
    errors = rules.required_name(path.child("driver"), opaque.get("driver"), names.is_dns1123_subdomain)
    parameters, where = opaque.get("parameters"), path.child("parameters")
    if parameters is None:
        errors.append(fields.required(where))
    elif not isinstance(parameters, dict):
        errors.append(fields.invalid(where, parameters, "must be a valid JSON object"))
    elif len(orjson.dumps(parameters)) > MOST_PARAMETERS:
        errors.append(fields.too_long(where, fields.OMITTED, MOST_PARAMETERS))
    return errors


def _nodes(spec: Object) -> list[FieldError]:
    given = [name for name in _NODES if spec.get(name)]
    choices = ", ".join(f"`{name}`" for name in _NODES)
    errors: list[FieldError] = []
    if not given:
        errors.append(fields.required(_SPEC, f"exactly one of {choices} is required"))
    if len(given) > 1:
        text = f"exactly one of {choices} is required, but multiple fields are set"
        errors.append(fields.invalid(_SPEC, "{" + ", ".join(given) + "}", text))
    if spec.get("nodeSelector"):
        errors += placement.node_selector(_SPEC.child("nodeSelector"), spec["nodeSelector"])
    where = _SPEC.child("nodeName")
    return errors + rules.optional_name(where, spec.get("nodeName"), names.is_dns1123_subdomain)


def _device(path: Path, device: Object) -> list[FieldError]:
    errors = rules.required_name(path.child("name"), device.get("name"), names.is_dns1123_label)
    for key, value in (device.get("attributes") or {}).items():
        where = path.child("attributes").key(key)
        errors += _attribute_name(where, key)
        given = [name for name in _VALUES if value.get(name) is not None]
        if len(given) != 1:
            text = "exactly one value must be specified"
            errors.append(fields.invalid(where, value, text) if given else fields.required(where, text))
    for key in device.get("capacity") or {}:
        errors += _attribute_name(path.child("capacity").key(key), key)
    return errors


def _attribute_name(path: Path, name: str | None) -> list[FieldError]:
    """Check `name` or `domain/name`; absent is fine."""
    if not name:
        return []
    domain, slash, last = name.rpartition("/")
    errors = rules.complaints(path, last, names.is_c_identifier(last)) if last else [fields.required(path)]
    return errors + (rules.complaints(path, domain, names.is_dns1123_subdomain(domain)) if slash else [])


def _known_requests(path: Path, given: Sequence[str], known: Collection[str]) -> list[FieldError]:
    text = "must be the name of a request in the claim or the name of a request and a subrequest"
    text += " separated by '/'"
    return [fields.invalid(path.index(i), one, text) for i, one in enumerate(given) if one not in known]


def _unique_names(path: Path, items: Sequence[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for i, item in enumerate(items):
        name = item.get("name") or ""
        if name and name in seen:
            errors.append(fields.duplicate(path.index(i).child("name"), name))
        seen.add(name)
    return errors


def _at_most(path: Path, items: Sequence[Object], limit: int) -> list[FieldError]:
    return [fields.too_many(path, len(items), limit)] if len(items) > limit else []

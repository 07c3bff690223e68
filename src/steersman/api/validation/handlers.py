"""Checks of probes and lifecycle hooks: what a kubelet asks or runs in a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import fields, names
from steersman.api.validation import rules

if TYPE_CHECKING:
    from steersman.api.fields import FieldError, Path
    from steersman.api.types import Object

_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def probes(path: Path, container: Object, pod_grace: int | None) -> list[FieldError]:
    """Check the probes of a container.  `pod_grace`: terminationGracePeriodSeconds of the pod."""
    errors: list[FieldError] = []
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        here = path.child(name)
        errors += _probe(here, probe)
        grace = probe.get("terminationGracePeriodSeconds")
        if name == "readinessProbe":
            if grace is not None:
                text = "must not be set for readinessProbes"
                errors.append(fields.invalid(here.child("terminationGracePeriodSeconds"), grace, text))
        elif probe.get("successThreshold") not in (None, 1):
            errors.append(
                fields.invalid(here.child("successThreshold"), probe["successThreshold"], "must be 1")
            )
        if grace is not None and grace <= 0:
            errors.append(
                fields.invalid(here.child("terminationGracePeriodSeconds"), grace, rules.NOT_POSITIVE)
            )
    return errors


def _probe(path: Path, probe: Object) -> list[FieldError]:
    errors = _one_handler(path, probe, _PROBE_HANDLERS)
    for name in _NUMBERS:
        errors += rules.non_negative(path.child(name), probe.get(name))
    return errors


def lifecycle(path: Path, found: Object | None) -> list[FieldError]:
    """Check postStart and preStop."""
    errors: list[FieldError] = []
    for name in ("postStart", "preStop"):
        handler = (found or {}).get(name)
        if handler is not None:
            errors += _one_handler(path.child(name), handler, _HOOK_HANDLERS)
    return errors


def _one_handler(path: Path, handler: Object, allowed: tuple[str, ...]) -> list[FieldError]:
    present = [name for name in allowed if handler.get(name) is not None]
    if not present:
        return [fields.required(path, "must specify a handler type")]
    errors: list[FieldError] = []
    for name in present[1:]:
        errors.append(fields.forbidden(path.child(name), "may not specify more than 1 handler type"))
    check = _HANDLERS[present[0]]
    return errors + check(path.child(present[0]), handler[present[0]])


def _exec(path: Path, action: Object) -> list[FieldError]:
    return rules.required(path.child("command"), action.get("command"))


def _http_get(path: Path, action: Object) -> list[FieldError]:
    errors = rules.required(path.child("path"), action.get("path"))
    errors += rules.port_or_name(path.child("port"), action.get("port"))
    errors += rules.one_of(path.child("scheme"), action.get("scheme"), ("HTTP", "HTTPS"))
    for index, header in enumerate(action.get("httpHeaders") or ()):
        name = header.get("name") or ""
        here = path.child("httpHeaders").index(index).child("name")
        errors += rules.complaints(here, name, names.is_http_header(name))
    return errors


def _tcp_socket(path: Path, action: Object) -> list[FieldError]:
    return rules.port_or_name(path.child("port"), action.get("port"))


def _grpc(path: Path, action: Object) -> list[FieldError]:
    return rules.port_number(path.child("port"), action.get("port"))


def _sleep(path: Path, action: Object) -> list[FieldError]:
    return rules.non_negative(path.child("seconds"), action.get("seconds"))


_HANDLERS = {"exec": _exec, "httpGet": _http_get, "tcpSocket": _tcp_socket, "grpc": _grpc, "sleep": _sleep}

"""The audit.k8s.io/v1 Event of a request at a stage. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steersman.api import times
from steersman.apiserver.audit.policy import Level

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.audit.policy import Decision
    from steersman.apiserver.authn import User
    from steersman.apiserver.http.values import Request

_NO_ADDRESS = "127.0.0.1"


@dataclass(slots=True)
class Record:
    """One audited request on its way; times in seconds since the epoch."""

    id: str
    request: Request
    user: User | None
    decision: Decision
    received: float
    annotations: dict[str, str] = field(default_factory=dict)


def event(
    record: Record,
    stage: str,
    now: float,
    *,
    status: Object | None = None,
    sent: Any = None,
    answered: Any = None,
) -> Object:
    """Return the event; `sent` and `answered` are the decoded bodies, where the level asks for them."""
    request, level = record.request, record.decision.level
    made: Object = {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": {1: "Metadata", 2: "Request", 3: "RequestResponse"}[level],
        "auditID": record.id,
        "stage": stage,
        "requestURI": (request.raw_path or request.path)
        + (f"?{request.query.text}" if request.query.text else ""),
        "verb": request.info.verb,
        "user": _user(record.user),
    }
    if record.user is not None and request.user is not None and request.user is not record.user:
        made["impersonatedUser"] = _user(request.user)
    made["sourceIPs"] = _sources(request)
    if agent := request.headers.get("User-Agent"):
        made["userAgent"] = agent
    if request.info.is_resource:
        made["objectRef"] = _reference(request, answered if answered is not None else sent)
    if status is not None:
        made["responseStatus"] = status
    if sent is not None and level >= Level.REQUEST:
        made["requestObject"] = _shown(sent, record)
    if answered is not None and level >= Level.REQUEST_RESPONSE:
        made["responseObject"] = _shown(answered, record)
    made["requestReceivedTimestamp"] = times.rfc3339_micro(record.received)
    made["stageTimestamp"] = times.rfc3339_micro(now)
    if record.annotations:
        made["annotations"] = record.annotations
    return made


def status_of(code: int, body: Any = None) -> Object:
    """Return `responseStatus`: the Status of an error, else the code alone."""
    if isinstance(body, dict) and body.get("kind") == "Status":
        kept = {name: body[name] for name in ("status", "message", "reason", "details") if body.get(name)}
        return {"metadata": {}, **kept, "code": code}
    return {"metadata": {}, "code": code}


def _user(user: User | None) -> Object:
    if user is None:
        return {}
    shown: Object = {"username": user.name}
    if user.uid:
        shown["uid"] = user.uid
    if user.groups:
        shown["groups"] = list(user.groups)
    if user.extra:
        shown["extra"] = {name: list(values) for name, values in user.extra.items()}
    return shown


def _sources(request: Request) -> list[str]:
    forwarded = request.headers.get("X-Forwarded-For", "")
    addresses = [part.strip() for part in forwarded.split(",") if part.strip()]
    if real := request.headers.get("X-Real-Ip", "").strip():
        addresses.append(real)
    addresses.append(request.peer.address or _NO_ADDRESS)
    return list(dict.fromkeys(addresses))


def _reference(request: Request, obj: Any) -> Object:
    info = request.info
    reference: Object = {"resource": info.resource}
    if info.namespace:
        reference["namespace"] = info.namespace
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    if not isinstance(metadata, dict):
        metadata = {}
    if name := info.name or (metadata.get("name") if info.verb == "create" else ""):
        reference["name"] = name
    if uid := metadata.get("uid"):
        reference["uid"] = uid
    if info.group:
        reference["apiGroup"] = info.group
    reference["apiVersion"] = info.version
    if info.verb in ("update", "patch") and metadata.get("resourceVersion"):
        reference["resourceVersion"] = metadata["resourceVersion"]
    if info.subresource:
        reference["subresource"] = info.subresource
    return reference


def _shown(obj: Any, record: Record) -> Any:
    if not record.decision.omit_managed_fields or not isinstance(obj, dict):
        return obj
    shown = _without(obj)
    if isinstance(shown.get("items"), list):
        shown["items"] = [_without(item) if isinstance(item, dict) else item for item in shown["items"]]
    return shown


def _without(obj: Object) -> Object:
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return dict(obj)
    return {**obj, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}

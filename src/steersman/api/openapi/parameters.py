"""The parameters of the API's operations, as OpenAPI documents list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.api.types import Object

_QUERY: dict[str, tuple[str, str]] = {
    "allowWatchBookmarks": ("boolean", "Ask for events of type BOOKMARK while watching."),
    "continue": ("string", "Go on with a list where the server's continue token points."),
    "dryRun": ("string", "When All, everything is done except keeping the result."),
    "fieldManager": ("string", "The name of the actor that makes the change."),
    "fieldSelector": ("string", "Restrict the objects by their fields. Defaults to everything."),
    "fieldValidation": (
        "string",
        "How unknown and duplicate fields are treated: Ignore drops them, Warn adds a warning for each, "
        "Strict refuses the request.",
    ),
    "force": ("boolean", "Take fields over from other managers; for apply patches only."),
    "gracePeriodSeconds": ("integer", "Seconds before the object is deleted; zero deletes at once."),
    "labelSelector": ("string", "Restrict the objects by their labels. Defaults to everything."),
    "limit": ("integer", "The most objects one answer may have; it then has a continue token."),
    "orphanDependents": ("boolean", "Deprecated in favour of propagationPolicy."),
    "pretty": ("string", "If 'true', the output is indented."),
    "propagationPolicy": ("string", "What happens to dependents: Orphan, Background or Foreground."),
    "resourceVersion": ("string", "The version the answer must be at, or not older than."),
    "resourceVersionMatch": ("string", "How resourceVersion is applied to a list: Exact or NotOlderThan."),
    "sendInitialEvents": ("boolean", "Start a watch with the present state as ADDED events."),
    "timeoutSeconds": ("integer", "End the list or watch after this time, whatever it does."),
    "watch": ("boolean", "Answer with a stream of changes instead of a list."),
}

LIST = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
    "pretty",
)
READ = ("pretty",)
WRITE = ("dryRun", "fieldManager", "fieldValidation", "pretty")
PATCH = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")
DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy", "pretty")
DELETE_COLLECTION = (
    "continue",
    "dryRun",
    "fieldSelector",
    "gracePeriodSeconds",
    "labelSelector",
    "limit",
    "orphanDependents",
    "propagationPolicy",
    "resourceVersion",
    "resourceVersionMatch",
    "timeoutSeconds",
    "pretty",
)


def query(name: str, *, v3: bool) -> Object:
    """One query parameter."""
    kind, text = _QUERY[name]
    shape: Object = {"type": kind} if not v3 else {"schema": {"type": kind, "uniqueItems": True}}
    if not v3:
        shape["uniqueItems"] = True
    return {"name": name, "in": "query", "description": text, **shape}


def in_path(name: str, text: str, *, v3: bool) -> Object:
    """One parameter of the path."""
    shape: Object = {"schema": {"type": "string"}} if v3 else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "description": text, **shape}

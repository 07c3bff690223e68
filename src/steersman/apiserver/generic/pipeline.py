"""The steps between a body and a strategy that belong to the kind's schema: decoding, defaults, field ownership."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import defaults, schema
from steersman.api.errors import BadRequest
from steersman.api.patch import apply

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.generic.write import Write


def decode(write: Write, obj: Object, raw: bytes | None = None) -> Object:
    """Bring a body into the form of its kind, in place; `raw` is its text, for finding duplicate fields.

    What the kind does not know is dropped, refused or warned about as `fieldValidation` says.
    Raises: BadRequest.
    """
    resource, mode = write.view.resource, write.options.field_validation
    kind = schema.schema_for(resource)
    problems = schema.duplicate_fields(raw, obj) if raw is not None and mode != "Ignore" else []
    try:
        problems += schema.decode(kind, obj)
    except schema.DecodeError as error:
        raise schema.cannot_handle(resource.kind, resource.version, error) from None
    if not isinstance(obj.get("metadata", {}), dict):
        raise BadRequest("metadata must be an object")
    if problems and mode == "Strict":
        raise schema.cannot_handle(resource.kind, resource.version, schema.strict_text(problems))
    if problems and mode == "Warn":
        write.warnings.extend(problems)
    return obj


def default(write: Write, obj: Object) -> None:
    """Fill in what the API promises to be there."""
    defaults.default(write.view.resource, obj)


def own_fields(write: Write, obj: Object, old: Object | None, now: float) -> None:
    """Note in managedFields what this write changed, and for whom."""
    if write.applies:
        return
    resource = write.view.resource
    apply.track(
        old,
        obj,
        schema.schema_for(resource),
        write.options.field_manager,
        resource.api_version,
        now,
        write.subresource,
        has_status=write.view.strategy.has_status,
    )

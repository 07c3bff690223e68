"""PATCH: JSON patch, merge patch, strategic merge patch and server-side apply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api.errors import BadRequest, Invalid, UnsupportedMediaType
from steersman.api.fields import forbidden, required
from steersman.api.patch import apply, json_patch, merge, strategic
from steersman.apiserver.generic.options import Named
from steersman.apiserver.generic.pipeline import decode, decode_changed
from steersman.apiserver.generic.update import update
from steersman.apiserver.handlers.body import media_type, parse, repeated_keys
from steersman.apiserver.handlers.write import options_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.schema import Schema
    from steersman.api.types import Object
    from steersman.apiserver.generic.write import Write
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Response

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
ACCEPTED = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)
ACCEPTED_CUSTOM = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
"""Custom resources have no patch strategies."""


async def patch(target: Target) -> Response:
    """Answer PATCH on an object or on a sub-resource that is written like one."""
    media = media_type(target.request)
    accepted = ACCEPTED_CUSTOM if target.view.resource.custom else ACCEPTED
    if media not in accepted:
        raise UnsupportedMediaType.of(accepted)
    text = await target.request.body()
    document = parse(text, yaml=media == APPLY_PATCH)
    write = target.write(options_of(target, "PatchOptions"))
    if media == APPLY_PATCH:
        _check_keys(write, text)
        return await _apply(target, write, document)
    if write.options.force:
        error = forbidden("force", "may not be specified for non-apply patch")
        raise Invalid.of(Named("PatchOptions"), "", [error])
    change = patched(media, document, target.view.schema)

    write.retries = not _names_version(document)

    def changed(old: Object) -> Object:
        return decode_changed(write, change(old), old, document)

    item, created = await update(write, changed, pure=True)
    return target.answer(item, 201 if created else 200)


def patched(media: str, document: Any, kind: Schema) -> Callable[[Object], Object]:
    """Return the function from an object to the patched one. Raises: BadRequest."""
    if media == JSON_PATCH:
        if not isinstance(document, list):
            raise BadRequest("a JSON patch must be a list of operations")
        return lambda old: _object(json_patch.apply(old, document))
    if not isinstance(document, dict):
        raise BadRequest("the patch must be an object")
    if media == MERGE_PATCH:
        return lambda old: _object(merge.apply(old, document))
    if media == STRATEGIC_PATCH:
        return lambda old: strategic.apply(old, document, kind)
    raise UnsupportedMediaType.of(ACCEPTED)


def _object(value: Any) -> Object:
    if not isinstance(value, dict) or not isinstance(value.get("metadata"), dict):
        raise BadRequest("the patched document is not an object with metadata")
    return value


def _names_version(document: Any) -> bool:
    """Say whether a patch insists on a resourceVersion."""
    if isinstance(document, list):
        return any(
            isinstance(step, dict)
            and step.get("path") == "/metadata/resourceVersion"
            and step.get("op") != "remove"
            for step in document
        )
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and bool(metadata.get("resourceVersion"))


def _check_keys(write: Write, text: bytes) -> None:
    """Refuse keys that an applied configuration sets twice, or warn of them. Raises: BadRequest."""
    mode = write.options.field_validation
    repeated = repeated_keys(text) if mode != "Ignore" else []
    if repeated and mode == "Strict":
        raise BadRequest(f"error strict decoding YAML: {', '.join(repeated)}")
    write.warnings.extend(repeated)


async def _apply(target: Target, write: Write, document: Any) -> Response:
    if not isinstance(document, dict):
        raise BadRequest("the applied configuration must be an object")
    if not target.request.query.get("fieldManager"):
        error = required("fieldManager", "is required for apply patch")
        raise Invalid.of(Named("PatchOptions"), "", [error])
    resource = target.view.resource
    kind = target.view.schema
    if resource.custom:
        document = decode(write, document)
    write.applies, write.retries = True, not _names_version(document)

    def applied(live: Object | None) -> Object:
        return apply.apply(
            live,
            document,
            kind,
            write.options.field_manager,
            resource.api_version,
            write.api.clock.time(),
            subresource=target.info.subresource,
            force=write.options.force,
            has_status=write.view.strategy.has_status,
            typed=not resource.custom,
        )

    def absent() -> Object:
        fresh = applied(None)
        fresh.setdefault("metadata", {})["name"] = write.name
        return fresh

    item, created = await update(
        write, applied, on_absent=None if target.info.subresource else absent, pure=True
    )
    return target.answer(item, 201 if created else 200)

"""The steps between a body and a strategy that belong to the kind's schema: decoding, defaults, field
ownership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import schema
from steersman.api.errors import BadRequest
from steersman.api.patch import apply

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.errors import ApiError
    from steersman.api.types import Object
    from steersman.apiserver.generic.write import Write


def decode(
    write: Write, obj: Object, repeats: Callable[[], list[str]] | None = None, *, patch: Any = None
) -> Object:
    """Bring a body into the form of its kind, in place; `repeats` tells what its text sets twice.

    What the kind does not know is dropped, refused or warned about as `fieldValidation` says. `patch` is the
    patch that led to the object, which then bears the blame. Raises: BadRequest, Invalid for a patch.
    """
    mode = write.options.field_validation
    problems = repeats() if repeats is not None and mode != "Ignore" else []
    try:
        problems += write.view.read_body(obj)
    except schema.DecodeError as error:
        raise _refused(write, error, patch) from None
    if not isinstance(obj.get("metadata", {}), dict):
        raise BadRequest("metadata must be an object")
    if problems and mode == "Strict":
        raise _refused(write, schema.strict_text(problems), patch)
    if problems and mode == "Warn":
        write.warnings.extend(problems)
    return obj


def _refused(write: Write, why: object, patch: Any) -> ApiError:
    if patch is not None:
        return schema.patch_refused(patch, why)
    resource = write.view.resource
    return schema.cannot_handle(resource.kind, resource.version, why)


def decode_changed(write: Write, obj: Object, old: Object, patch: Any) -> Object:
    """Do the same for a patched object: only the members that differ from the stored ones need looking at.

    Raises: BadRequest, Invalid.
    """
    if not old.keys() <= obj.keys():  # what was taken away may be something every object has
        return decode(write, obj, patch=patch)
    changed = {
        name: value
        for name, value in obj.items()
        # As text: to Python true equals 1.
        if name not in old or orjson.dumps(old[name]) != orjson.dumps(value)
    }
    names = tuple(changed)
    decode(write, changed, patch=patch)
    for name in names:
        if name in changed:
            obj[name] = changed[name]
        else:
            del obj[name]
    return obj


def default(write: Write, obj: Object) -> None:
    """Fill in what the API promises to be there."""
    write.view.fill(obj)


def single_owners(write: Write, obj: Object) -> None:
    """Keep one of owner references that are the same in everything, and warn of the others."""
    references = obj["metadata"].get("ownerReferences")
    if not isinstance(references, list) or len(references) < 2:
        return
    kept: list[Any] = []
    repeated: list[Any] = []
    for reference in references:
        (repeated if reference in kept else kept).append(reference)
    if repeated:
        obj["metadata"]["ownerReferences"] = kept
        uids = ", ".join(str(reference.get("uid")) for reference in repeated)
        write.warnings.append(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in "
            "1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s)"
            f" observed: {uids}"
        )


def own_fields(write: Write, obj: Object, old: Object | None, now: float) -> None:
    """Note in managedFields what this write changed, and for whom."""
    if write.applies:
        return
    apply.track(
        old,
        obj,
        write.view.schema,
        write.options.field_manager,
        write.view.resource.api_version,
        now,
        write.subresource,
        has_status=write.view.strategy.has_status,
    )

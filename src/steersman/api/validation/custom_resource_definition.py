"""CustomResourceDefinitions: names, versions, sub-resources, columns, selectable fields, conversion.

Schemas are checked by `custom_schema` (and `structural_schema`); the CEL rules in them, which need the
expression compiler, by `steersman.api.cel.definition`. Source: the CustomResourceDefinition reference; k8s
apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import fields, names
from steersman.api.fields import Path
from steersman.api.validation import custom_schema
from steersman.api.validation.approval import ANNOTATION, approval, protected
from steersman.api.validation.rules import one_of, required_one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steersman.api.fields import FieldError
    from steersman.api.types import Object

_SPEC, _STATUS = Path("spec"), Path("status")
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
REVIEW_VERSIONS = ("v1", "v1beta1")
SELECTABLE_MAX = 8


def validate_definition(definition: Object) -> list[FieldError]:
    """Check a definition as it stands."""
    spec: Object = definition.get("spec") or {}
    return [
        *_name(definition, spec),
        *_spec(spec),
        *_stored_versions(definition, spec),
        *_approval(definition, spec),
    ]


def validate_definition_update(definition: Object, old: Object) -> list[FieldError]:
    """Check what may not change: the group for ever, scope and main names once they are established."""
    spec, before = definition.get("spec") or {}, old.get("spec") or {}
    found = []
    conditions = (old.get("status") or {}).get("conditions") or ()
    established = any(one["type"] == "Established" and one["status"] == "True" for one in conditions)
    fixed: list[tuple[str, ...]] = [("group",), ("names", "plural")]
    if established:
        fixed += [("scope",), ("names", "kind")]
    for place in fixed:
        now, then = _at(spec, place), _at(before, place)
        if now != then:
            found.append(fields.invalid(_SPEC.child(*place), now, "field is immutable"))
    return found


def validate_definition_status(definition: Object, _old: Object) -> list[FieldError]:
    """Check a write to the status sub-resource."""
    spec: Object = definition.get("spec") or {}
    accepted = (definition.get("status") or {}).get("acceptedNames") or {}
    return [
        *_names(_STATUS.child("acceptedNames"), accepted),
        *_stored_versions(definition, spec),
    ]


def _at(value: Any, place: tuple[str, ...]) -> Any:
    for name in place:
        value = (value or {}).get(name)
    return value


def _name(definition: Object, spec: Object) -> Iterator[FieldError]:
    name = (definition.get("metadata") or {}).get("name") or ""
    if name != f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}":
        yield fields.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')


def _spec(spec: Object) -> Iterator[FieldError]:
    group = spec.get("group") or ""
    if not group:
        yield fields.required(_SPEC.child("group"))
    elif complaints := names.is_dns1123_subdomain(group):
        yield fields.invalid(_SPEC.child("group"), group, ",".join(complaints))
    elif "." not in group:
        yield fields.invalid(_SPEC.child("group"), group, "should be a domain with at least one dot")
    yield from required_one_of(_SPEC.child("scope"), spec.get("scope") or "", ("Cluster", "Namespaced"))
    if spec.get("preserveUnknownFields"):
        text = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
            "spec.versions[*].schema instead"
        )
        yield fields.invalid(_SPEC.child("preserveUnknownFields"), True, text)
    yield from _versions(spec)
    wanted = spec.get("names") or {}
    for name in ("plural", "singular", "kind", "listKind"):
        if not wanted.get(name):
            yield fields.required(_SPEC.child("names", name))
    yield from _names(_SPEC.child("names"), wanted)
    yield from _conversion(_SPEC.child("conversion"), spec.get("conversion") or {})


def _versions(spec: Object) -> Iterator[FieldError]:
    versions = spec.get("versions") or []
    where = _SPEC.child("versions")
    for index, version in enumerate(versions):
        yield from _version(where.index(index), version)
    shown = [version.get("name") for version in versions]
    if len(set(shown)) != len(shown):
        yield fields.invalid(where, versions, "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield fields.invalid(where, versions, "must have exactly one version marked as storage version")


def _version(path: Path, version: Object) -> Iterator[FieldError]:
    name = version.get("name") or ""
    if complaints := names.is_dns1035_label(name):
        yield fields.invalid(path.child("name"), name, ",".join(complaints))
    for text in _warning(version):
        yield fields.invalid(path.child("deprecationWarning"), version.get("deprecationWarning"), text)
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    subresources = version.get("subresources") or {}
    here = path.child("schema", "openAPIV3Schema")
    if schema is None:
        yield fields.required(here)
    else:
        yield from custom_schema.validate_schema(here, schema, has_status="status" in subresources)
    if subresources.get("scale") is not None:
        yield from _scale(path.child("subresources", "scale"), subresources["scale"])
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        yield from _column(path.child("additionalPrinterColumns").index(index), column)
    yield from _selectable(path.child("selectableFields"), version.get("selectableFields") or [], schema)


def _warning(version: Object) -> Iterator[str]:
    text = version.get("deprecationWarning")
    if text is None:
        return
    if not version.get("deprecated"):
        yield "can only be set for deprecated versions"
    if len(text) > 256:
        yield "must be <= 256 characters long"
    if not text:
        yield "must not be an empty string"
    if not text.isprintable():
        yield "must only contain printable UTF-8 characters"


def _names(path: Path, wanted: Object) -> Iterator[FieldError]:
    for name in ("plural", "singular"):
        yield from _label(path.child(name), wanted.get(name) or "")
    mixed = "may have mixed case, but should otherwise match: "
    for name in ("kind", "listKind"):
        value = wanted.get(name) or ""
        complaints = names.is_dns1035_label(value.lower()) if value else []
        if complaints:
            yield fields.invalid(path.child(name), value, mixed + ",".join(complaints))
    for name in ("shortNames", "categories"):
        for index, value in enumerate(wanted.get(name) or ()):
            yield from _label(path.child(name).index(index), value, empty=True)
    if wanted.get("kind") and wanted.get("kind") == wanted.get("listKind"):
        yield fields.invalid(
            path.child("listKind"), wanted["listKind"], "kind and listKind may not be the same"
        )


def _label(path: Path, value: str, *, empty: bool = False) -> Iterator[FieldError]:
    if (value or empty) and (complaints := names.is_dns1035_label(value)):
        yield fields.invalid(path, value, ",".join(complaints))


def _scale(path: Path, scale: Object) -> Iterator[FieldError]:
    rules: tuple[tuple[str, tuple[str, ...], str], ...] = (
        ("specReplicasPath", (".spec.",), ".spec"),
        ("statusReplicasPath", (".status.",), ".status"),
        ("labelSelectorPath", (".spec.", ".status."), "either .spec or .status"),
    )
    for name, starts, told in rules:
        value = scale.get(name) or ""
        here = path.child(name)
        if not value:
            if name != "labelSelectorPath":
                yield fields.required(here)
        elif not value.startswith("."):
            yield fields.invalid(here, value, "must be a simple json path starting with .")
        elif not value.startswith(starts):
            yield fields.invalid(here, value, f"should be a json path under {told}")


def _column(path: Path, column: Object) -> Iterator[FieldError]:
    if not column.get("name"):
        yield fields.required(path.child("name"))
    type_, format_ = column.get("type") or "", column.get("format") or ""
    text = f"must be one of {','.join(COLUMN_TYPES)}"
    if not type_:
        yield fields.required(path.child("type"), text)
    elif type_ not in COLUMN_TYPES:
        yield fields.invalid(path.child("type"), type_, text)
    if format_ and format_ not in COLUMN_FORMATS:
        yield fields.invalid(path.child("format"), format_, f"must be one of {','.join(COLUMN_FORMATS)}")
    if not column.get("jsonPath"):
        yield fields.required(path.child("JSONPath"))
    elif not column["jsonPath"].startswith("."):
        text = "must be a simple json path starting with ."
        yield fields.invalid(path.child("jsonPath"), column["jsonPath"], text)


def _selectable(path: Path, selectable: list[Object], schema: Object | None) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, entry in enumerate(selectable):
        here, wanted = path.index(index).child("jsonPath"), entry.get("jsonPath") or ""
        if not wanted:
            yield fields.required(here)
            continue
        found = custom_schema.at(schema or {}, wanted)
        if found is None:
            yield fields.invalid(here, wanted, "is an invalid path: does not refer to a valid field")
            continue
        if wanted.startswith(".metadata."):
            yield fields.invalid(here, wanted, "must not point to fields in metadata")
        if found.get("type") not in ("string", "boolean", "integer"):
            text = (
                "must point to a field of type string, boolean or integer. Enum string fields and strings "
                "with formats are allowed."
            )
            yield fields.invalid(here, wanted, text)
        if wanted in seen:
            yield fields.duplicate(here, wanted)
        seen.add(wanted)
    if len(seen) > SELECTABLE_MAX:
        yield fields.too_many(path, len(seen), SELECTABLE_MAX)


def _conversion(path: Path, conversion: Object) -> Iterator[FieldError]:
    strategy, webhook = conversion.get("strategy") or "", conversion.get("webhook")
    yield from one_of(path.child("strategy"), strategy, ("None", "Webhook"))
    here = path.child("webhook")
    if strategy == "None" and webhook is not None:
        text = "should not be set when strategy is not set to Webhook"
        yield fields.forbidden(here, text)
    if strategy != "Webhook":
        return
    client = (webhook or {}).get("clientConfig")
    if not client:
        yield fields.required(here.child("clientConfig"), "required when strategy is set to Webhook")
    elif bool(client.get("url")) == bool(client.get("service")):
        yield fields.required(here.child("clientConfig"), "exactly one of url or service is required")
    else:
        yield from _client(here.child("clientConfig"), client)
    yield from _reviews(here.child("conversionReviewVersions"), webhook or {})


def _client(path: Path, client: Object) -> Iterator[FieldError]:
    url, service = client.get("url"), client.get("service")
    if url is not None and not url.startswith("https://"):
        yield fields.invalid(
            path.child("url"),
            url,
            "'https' is the only allowed URL scheme; desired format: https://host[/path]",
        )
    for name in ("name", "namespace"):
        if service is not None and not service.get(name):
            yield fields.required(path.child("service", name), f"service {name} is required")


def _reviews(path: Path, webhook: Object) -> Iterator[FieldError]:
    versions = webhook.get("conversionReviewVersions") or []
    if not versions:
        yield fields.required(path)
        return
    check: Callable[[str], list[str]] = names.is_dns1035_label
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield fields.invalid(path.index(index), version, "duplicate version")
        for text in check(version):
            yield fields.invalid(path.index(index), version, text)
    if not set(versions) & set(REVIEW_VERSIONS):
        text = f"must include at least one of {', '.join(REVIEW_VERSIONS)}"
        yield fields.invalid(path, versions, text)


def _stored_versions(definition: Object, spec: Object) -> Iterator[FieldError]:
    path = _STATUS.child("storedVersions")
    known = (definition.get("status") or {}).get("storedVersions") or []
    if not known:
        yield fields.invalid(path, known, "must have at least one stored version")
        return
    present = {version.get("name"): version for version in spec.get("versions") or ()}
    for name, version in present.items():
        if version.get("storage") and name not in known:
            yield fields.invalid(path, known, f"must have the storage version {name}")
    for index, name in enumerate(known):
        if name not in present:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {name} and "
                f"removes {name} from status.storedVersions"
            )
            yield fields.invalid(path.index(index), name, text)


def _approval(definition: Object, spec: Object) -> Iterator[FieldError]:
    if not protected(spec.get("group") or ""):
        return
    state, text = approval(definition)
    path = Path("metadata", "annotations").key(ANNOTATION)
    if state == "missing":
        yield fields.required(path, text)
    elif state == "invalid":
        value = (definition["metadata"].get("annotations") or {}).get(ANNOTATION)
        yield fields.invalid(path, value, text)

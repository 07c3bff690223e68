"""Strategic merge patch: a merge patch that knows lists.

Lists whose field has the patch strategy `merge` are merged: lists of objects by their merge key, lists of
plain values as sets. Directives in the patch say more (k8s.io/apimachinery/pkg/util/strategicpatch):

    $patch: replace | delete | merge             for an object, or for one element of a keyed list
    $retainKeys: [a, b]                          drop all other keys of the object
    $deleteFromPrimitiveList/finalizers: [x]     remove plain values
    $setElementOrder/containers: [{name: a}]     the order of the merged list

Elements only the server has keep their place relative to their neighbours as far as the given order allows.
A patch that contradicts itself is a BadRequest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.errors import BadRequest
from steersman.api.types import Object, copied

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.schema.model import Schema

PATCH = "$patch"
RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList/"
SET_ORDER = "$setElementOrder/"


def apply(doc: Object, patch: Any, schema: Schema | None) -> Object:
    """The document with the patch merged in. Raises BadRequest when the patch makes no sense."""
    if not isinstance(patch, dict):
        raise BadRequest("a strategic merge patch must be a JSON object")
    return _merge_map(copied(doc), copied(patch), schema)


def _merge_map(target: Object, patch: Object, schema: Schema | None) -> Object:
    """Merge into `target`; both arguments belong to us and may be used up."""
    directive = patch.pop(PATCH, None)
    if directive == "replace":
        taken: Object = _taken(patch)
        return taken
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise BadRequest(f"unknown patch type found: {directive} in a strategic merge patch")
    _retain_keys(target, patch)
    for key in [key for key in patch if key.startswith(SET_ORDER)]:
        _merge_in_order(target, patch, key.removeprefix(SET_ORDER), patch.pop(key), schema)
    for key in [key for key in patch if key.startswith(DELETE_FROM)]:
        _delete_from(target, key.removeprefix(DELETE_FROM), patch.pop(key))
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif key in target:
            target[key] = _merge_value(target[key], value, schema.child(key) if schema else None)
        else:
            target[key] = _taken(value)
    return target


def _retain_keys(target: Object, patch: Object) -> None:
    retained = patch.pop(RETAIN_KEYS, None)
    if retained is None:
        return
    if not isinstance(retained, list):
        raise BadRequest("invalid patch format of retainKeys: it must be a list of keys")
    stray = [key for key, value in patch.items() if value is not None and key not in retained]
    if any(not key.startswith("$") for key in stray):
        raise BadRequest(
            f"invalid patch format of retainKeys: {', '.join(stray)} not among the retained keys"
        )
    for key in [key for key in target if key not in retained]:
        del target[key]


def _delete_from(target: Object, key: str, gone: Any) -> None:
    if not isinstance(gone, list):
        raise BadRequest(f"invalid patch format of {DELETE_FROM}{key}: it must be a list")
    current = target.get(key)
    if isinstance(current, list):
        target[key] = [item for item in current if item not in gone]


def _merge_value(current: Any, value: Any, schema: Schema | None) -> Any:
    if isinstance(current, dict) and isinstance(value, dict):
        if schema is not None and "replace" in schema.strategies:
            return _taken(value)
        return _merge_map(current, value, schema)
    if isinstance(current, list) and isinstance(value, list) and schema and "merge" in schema.strategies:
        return _merge_list(current, value, schema)
    return _taken(value)


def _merge_list(current: list[Any], patch: list[Any], schema: Schema) -> list[Any]:
    """Merge a list and put it in order: patched elements as in the patch, others where they were."""
    merged, patch = _merge_elements(current, patch, schema)
    return _in_order(merged, patch, current, _identity(schema, merged, patch, current))


def _merge_elements(current: list[Any], patch: list[Any], schema: Schema) -> tuple[list[Any], list[Any]]:
    """The merged elements in no particular order, and the patch without its directives."""
    sample = [*patch, *current]
    if not any(isinstance(item, dict) for item in sample):
        if any(isinstance(item, list) for item in sample):
            raise BadRequest("lists of lists are not supported by strategic merge patches")
        return list(dict.fromkeys([*current, *patch])), patch
    key = _merge_key(schema)
    if not all(isinstance(item, dict) for item in sample):
        raise BadRequest(f"the elements of a list merged by {key!r} must all be objects")
    current, patch = _special_elements(current, patch, key)
    places = {_key_of(item, key): i for i, item in enumerate(current) if key in item}
    merged = list(current)
    for item in patch:
        value = _key_of(item, key)
        if value in places:
            place = places[value]
            merged[place] = _merge_map(copied(merged[place]), item, schema.item)
        else:
            places[value] = len(merged)
            merged.append(_taken(item))
    return merged, patch


def _merge_key(schema: Schema) -> str:
    if not schema.merge_key:
        raise BadRequest("cannot merge a list of objects without a merge key")
    return schema.merge_key


def _key_of(item: Object, key: str) -> Any:
    if key not in item:
        text = " ".join(f"{name}:{orjson.dumps(value).decode()}" for name, value in sorted(item.items()))
        raise BadRequest(f"map: map[{text}] does not contain declared merge key: {key}")
    value = item[key]
    return value if not isinstance(value, (dict, list)) else repr(value)


def _special_elements(
    current: list[Object], patch: list[Object], key: str
) -> tuple[list[Object], list[Object]]:
    """Carry out `$patch: delete` and `$patch: replace` elements; `(what is left, the other elements)`."""
    plain: list[Object] = []
    gone: set[Any] = set()
    replace = False
    for item in patch:
        directive = item.get(PATCH)
        if directive is None or (directive == "merge" and len(item) > 1):
            plain.append({name: value for name, value in item.items() if name != PATCH})
        elif directive == "delete":
            gone.add(_key_of(item, key))
        elif directive == "replace":
            replace = True
        else:
            raise BadRequest(f"unknown patch type found: {directive} in an element of a list")
    if replace:
        return [], plain
    if gone:
        current = [item for item in current if key not in item or _key_of(item, key) not in gone]
    return current, plain


def _merge_in_order(target: Object, patch: Object, name: str, order: Any, schema: Schema | None) -> None:
    """Merge the list `name` and put it into the order a `$setElementOrder` directive gives."""
    child = schema.child(name) if schema else None
    if not isinstance(order, list) or child is None:
        raise BadRequest(f"invalid patch format of setElementOrder for {name}")
    current, wanted = target.get(name), patch.pop(name, None)
    current_list = current if isinstance(current, list) else []
    patch_list = wanted if isinstance(wanted, list) else []
    if not current_list and not patch_list:
        return
    _check_order(patch_list, order, child)
    merged = current_list
    if patch_list:
        merged, _ = _merge_elements(current_list, patch_list, child)
    target[name] = _in_order(merged, order, current_list, _identity(child, merged, order, current_list))


def _check_order(patch: list[Any], order: list[Any], schema: Schema) -> None:
    """The elements of the patch must come in the order the directive states."""
    identity = _identity(schema, patch, order)
    places = {identity(item): i for i, item in enumerate(order)}
    last = -1
    for item in patch:
        if isinstance(item, dict) and item.get(PATCH) in ("delete", "replace"):
            continue
        place = places.get(identity(item), -1)
        if place < last or place < 0:
            raise BadRequest(
                f"The order in patch list:\n{patch}\n doesn't match setElementOrder list:\n{order}"
            )
        last = place


def _identity(schema: Schema, *lists: list[Any]) -> Callable[[Any], Any]:
    """What makes an element itself: its merge key, or its value."""
    if not any(isinstance(item, dict) for items in lists for item in items):
        return lambda item: item
    key = _merge_key(schema)
    return lambda item: _key_of(item, key) if isinstance(item, dict) else item


def _in_order(
    merged: list[Any], order: list[Any], before: list[Any], identity: Callable[[Any], Any]
) -> list[Any]:
    """Elements named in `order` in that order; the others keep their order of `before` and slip in
    between."""
    rank = {identity(item): i for i, item in reversed(list(enumerate(order)))}
    was = {identity(item): i for i, item in reversed(list(enumerate(before)))}
    named = sorted((item for item in merged if identity(item) in rank), key=lambda item: rank[identity(item)])
    others = [item for item in merged if identity(item) not in rank]
    others.sort(key=lambda item: was.get(identity(item), len(was)))
    result: list[Any] = []
    i = 0
    for item in named:
        place = was.get(identity(item))
        while place is not None and i < len(others) and was.get(identity(others[i]), place) < place:
            result.append(others[i])
            i += 1
        result.append(item)
    return result + others[i:]


def _taken(value: Any) -> Any:
    """A value of the patch that the document does not have yet: without directives and nulls."""
    if isinstance(value, dict):
        return {
            key: _taken(item)
            for key, item in value.items()
            if item is not None
            and key not in (PATCH, RETAIN_KEYS)
            and not key.startswith((DELETE_FROM, SET_ORDER))
        }
    if isinstance(value, list):
        return [
            _taken(item)
            for item in value
            if not (isinstance(item, dict) and item.get(PATCH) in ("delete", "replace"))
        ]
    return value

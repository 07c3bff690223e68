"""Walk objects by their schema: which fields a value has, and what differs between two.

Lists are owned by element when their list type is `map` or `set`, and as a whole otherwise; maps and structs
are owned member by member unless they are atomic. This is sigs.k8s.io/structured-merge-diff's model, computed
in one pass straight into the form managedFields has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from steersman.api.patch.apply.fieldset import LEAF, Fields, paths, printed
from steersman.api.schema import model
from steersman.api.schema.model import Schema

if TYPE_CHECKING:
    from steersman.api.types import Object

DEDUCED = Schema(model.ANY)
DEDUCED.preserve = True
"""What a value below an unknown field is taken for: maps by member, lists as a whole."""


class Ambiguous(ValueError):
    """A list whose elements cannot be told apart; the text begins with its path once that is known."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(f"{path}: {why}" if path else why)
        self._why, self._path = why, path

    def below(self, element: str) -> Ambiguous:
        """Return the same error, one element further from the root."""
        return Ambiguous(self._why, printed(element) + self._path)


def is_granular(schema: Schema, value: Any) -> bool:
    """Is this value owned in parts?"""
    if isinstance(value, dict):
        return not schema.atomic and (schema.kind is not model.ANY or schema.preserve)
    return isinstance(value, list) and schema.kind is model.LIST and schema.list_type != "atomic"


def child_of(schema: Schema, key: str) -> Schema:
    """The schema of a member, known or not."""
    return schema.fields.get(key) or schema.item or DEDUCED


def element_of(schema: Schema, item: Any) -> str:
    """The path element of a list's element: `k:{"name":"c"}`, or `v:"x"` in a set.

    Raises Ambiguous when an element of a keyed list has none of its keys.
    """
    if schema.list_type != "map" or not isinstance(item, dict):
        return "v:" + orjson.dumps(item).decode()
    keys: Object = {}
    for key in sorted(schema.map_keys):
        value = item.get(key)
        if (value is None or value == "") and schema.item is not None:
            field = schema.item.fields.get(key)
            if field is not None and field.default is not None:
                value = field.default
        if value is not None:
            keys[key] = value
    if not keys:
        raise Ambiguous(
            f'associative list with keys has an element that omits key field "{", ".join(schema.map_keys)}" '
            "(and doesn't have default value)"
        )
    return "k:" + orjson.dumps(keys).decode()


def field_set(schema: Schema, value: Any) -> Fields:
    """The fields a configuration states, as a manager that applies it comes to own them (a root).

    Raises Ambiguous when a list has two elements of one key, or one without any.
    """
    result: Fields = {}
    if isinstance(value, dict):
        declared = schema.fields
        for key, item in value.items():
            node = _stated(child_of(schema, key), item, "f:" + key)
            if key not in declared and node:
                node = {".": LEAF, **node}
            result["f:" + key] = node
    else:
        for item in value:
            element = element_of(schema, item)
            if element in result:
                raise Ambiguous(f"duplicate entries for key {next(paths({element: LEAF}))}")
            node = _stated(schema.item or DEDUCED, item, element)
            result[element] = {".": LEAF, **node} if node else node
    return result


def _stated(schema: Schema, value: Any, element: str) -> Fields:
    try:
        return field_set(schema, value) if is_granular(schema, value) else LEAF
    except Ambiguous as error:
        raise error.below(element) from None


def added(schema: Schema, value: Any) -> Fields:
    """The node of a value that was not there before: everything in it, and each container itself."""
    if type(value) is dict:
        if not value or schema.atomic or (schema.kind is model.ANY and not schema.preserve):
            return LEAF
        node: Fields = {".": LEAF}
        fields, other = schema.fields, schema.item or DEDUCED
        for key, item in value.items():
            if type(item) is dict or type(item) is list:
                node["f:" + key] = added(fields.get(key) or other, item)
            else:
                node["f:" + key] = LEAF
        return node
    if type(value) is list and value and schema.list_type != "atomic" and schema.kind is model.LIST:
        node = {".": LEAF}
        below = schema.item or DEDUCED
        for item in value:
            node[element_of(schema, item)] = added(below, item)
        return node
    return LEAF


def compare(schema: Schema, old: Any, new: Any) -> tuple[Fields, Fields]:
    """`(changed or added, removed)` between two granular values of one schema, as two roots."""
    if isinstance(new, list):
        return _compare_lists(schema, old, new)
    changed: Fields = {}
    removed: Fields = {}
    for key, item in new.items():
        if key not in old:
            changed["f:" + key] = added(child_of(schema, key), item)
            continue
        was = old[key]
        if was is not item and was != item:
            _compare_values(child_of(schema, key), was, item, "f:" + key, changed, removed)
    for key, was in old.items():
        if key not in new:
            removed["f:" + key] = added(child_of(schema, key), was)
    return changed, removed


def _compare_lists(schema: Schema, old: list[Any], new: list[Any]) -> tuple[Fields, Fields]:
    before = {element_of(schema, item): item for item in old}
    after = {element_of(schema, item): item for item in new}
    below = schema.item or DEDUCED
    changed: Fields = {}
    removed: Fields = {}
    for key, item in after.items():
        if key not in before:
            changed[key] = added(below, item)
        elif before[key] != item:
            _compare_values(below, before[key], item, key, changed, removed)
    for key, was in before.items():
        if key not in after:
            removed[key] = added(below, was)
    return changed, removed


def _compare_values(schema: Schema, was: Any, item: Any, key: str, changed: Fields, removed: Fields) -> None:
    """Compare two different values and note the outcome under `key`."""
    if was is None and is_granular(schema, item) and item:
        node = added(schema, item)
        changed[key] = {name: child for name, child in node.items() if name != "."}
    elif type(was) is type(item) and is_granular(schema, item):
        more, less = compare(schema, was, item)
        if more:
            changed[key] = more
        if less:
            removed[key] = less
    else:
        changed[key] = LEAF
        if is_granular(schema, was) and was:
            removed[key] = {name: node for name, node in added(schema, was).items() if name != "."}


def skeleton(schema: Schema) -> Object:
    """What an object of a built-in type has before anybody sets anything: its plain struct members, empty."""
    result: Object = {}
    for key, child in schema.fields.items():
        if key in schema.always or key == "metadata":
            result[key] = skeleton(child) if child.kind is model.OBJECT else None
        elif key in schema.required:
            result[key] = skeleton(child) if child.kind is model.OBJECT and not child.atomic else None
    return result


def with_named_fields(schema: Schema, fields: Fields) -> Fields:
    """The set with every declared field on the way to a member made a member too."""
    result: Fields = {}
    for key, node in fields.items():
        if key == ".":
            continue
        below, declared = _step(schema, key)
        children = with_named_fields(below, node)
        member = declared or not node or "." in node
        result[key] = ({".": LEAF, **children} if member else children) if children else LEAF
    return result


def _step(schema: Schema, element: str) -> tuple[Schema, bool]:
    """The schema below a path element, and whether the element is a declared field."""
    if element.startswith("f:"):
        name = element[2:]
        return child_of(schema, name), name in schema.fields
    return schema.item or DEDUCED, False


def without(schema: Schema, value: Any, gone: Fields) -> Any:
    """The value without the members of a set; each goes with all below it. The argument is not changed."""
    if isinstance(value, dict):
        result = dict(value)
        for element, node in gone.items():
            key = element[2:]
            if not element.startswith("f:") or key not in result:
                continue
            if not node or "." in node:
                del result[key]
            else:
                result[key] = without(child_of(schema, key), result[key], node)
        return result
    if isinstance(value, list) and is_granular(schema, value):
        return _without_elements(schema, value, gone)
    return value


def _without_elements(schema: Schema, items: list[Any], gone: Fields) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        node = gone.get(element_of(schema, item))
        if node is None:
            kept.append(item)
        elif node and "." not in node:
            kept.append(without(schema.item or DEDUCED, item, node))
    return kept


def merged(schema: Schema, live: Any, config: Any) -> Any:
    """The live value with a configuration merged in; shares parts with both."""
    if not is_granular(schema, config) or type(live) is not type(config):
        return config
    if isinstance(config, list):
        return _merged_lists(schema, live, config)
    result = dict(live)
    for key, item in config.items():
        result[key] = merged(child_of(schema, key), live[key], item) if key in live else item
    return result


def _merged_lists(schema: Schema, live: list[Any], config: list[Any]) -> list[Any]:
    """Elements of the configuration in its order; those only the live list has stay near their neighbours."""
    elements = [element_of(schema, item) for item in live]
    places = {element: i for i, element in enumerate(elements)}
    wanted = [element_of(schema, item) for item in config]
    named = set(wanted)
    below = schema.item or DEDUCED
    result: list[Any] = []
    at = 0

    def pass_unnamed(end: int) -> None:
        nonlocal at
        while at < end:
            if elements[at] not in named:
                result.append(live[at])
            at += 1

    for element, item in zip(wanted, config, strict=True):
        place = places.get(element)
        if place is None:
            end = next((i for i in range(at, len(live)) if elements[i] in named), len(live))
            pass_unnamed(end)
            result.append(item)
        else:
            pass_unnamed(place)
            result.append(merged(below, live[place], item))
    pass_unnamed(len(live))
    return result

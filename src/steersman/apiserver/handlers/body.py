"""Bodies: from bytes to an object of the kind the path is about."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import schema
from steersman.api.errors import BadRequest, UnsupportedMediaType

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object
    from steersman.apiserver.http.values import Request

    Repeats = Callable[[], list[str]]

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
ACCEPTED = (JSON, YAML, PROTOBUF)


def media_type(request: Request) -> str:
    """Return the Content-Type without parameters, lower case; JSON when there is none."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower() or JSON


async def read_object(request: Request) -> Object:
    """Return the body as an object. Raises: BadRequest, UnsupportedMediaType, RequestEntityTooLarge."""
    return (await read_with_repeats(request))[0]


async def read_with_repeats(request: Request) -> tuple[Object, Repeats | None]:
    """Return the body as an object, and what tells the keys that its text sets twice.

    That is to be asked while the object is as it was read. Raises: BadRequest, UnsupportedMediaType,
    RequestEntityTooLarge.
    """
    media = media_type(request)
    if media not in ACCEPTED:
        raise UnsupportedMediaType.of(ACCEPTED)
    body = await request.body()
    if media == PROTOBUF:
        return _parse_protobuf(body), None
    obj = parse(body, yaml=media == YAML)
    if not isinstance(obj, dict):
        raise BadRequest("the body of the request is not an object")
    return obj, partial(schema.duplicate_fields, body, obj) if media == JSON else partial(repeated_keys, body)


def parse(data: bytes, *, yaml: bool = False) -> Any:
    """Decode JSON (or YAML, of which JSON is a part). Raises: BadRequest."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if not yaml:
            raise BadRequest(
                f"the object provided is unrecognized: couldn't parse the body: {error}"
            ) from None
    return _parse_yaml(data)


def _parse_protobuf(data: bytes) -> Object:
    from steersman.api import protobuf

    try:
        return protobuf.decode(data)
    except protobuf.ProtobufError as error:
        raise BadRequest(f"the object provided is unrecognized: {error}") from None


def _parse_yaml(data: bytes) -> Any:
    import yaml

    try:
        document = yaml.load(data, Loader=_loader())
        if _size(document, {}) > max(len(data) * 10, 10_000):
            raise ValueError("aliases make the document many times larger than it is")
        # By way of JSON: keys become text, and what JSON cannot say is refused.
        return orjson.loads(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise BadRequest(
            f"the object provided is unrecognized: error converting YAML to JSON: {text}"
        ) from None


def repeated_keys(data: bytes) -> list[str]:
    """Return the keys that a YAML document sets twice, as `line 3: key "a" already set in map`; those of JSON
    as `duplicate field "a"`."""
    import yaml

    if data.lstrip().startswith(b"{"):
        with suppress(orjson.JSONDecodeError):  # it is YAML of the same look
            return schema.duplicate_fields(data, orjson.loads(data))
    found: list[str] = []
    waiting = [yaml.compose(data, Loader=_loader())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if key.value in seen:
                    text = orjson.dumps(str(key.value)).decode()
                    found.append(f"line {key.start_mark.line + 1}: key {text} already set in map")
                seen.add(str(key.value))
                waiting.append(value)
    return sorted(found)


def _size(value: Any, known: dict[int, int]) -> int:
    """Count the values of a document with all aliases written out, looking at each shared part once."""
    if not isinstance(value, (dict, list)):
        return 1
    size = known.get(id(value))
    if size is None:
        known[id(value)] = 1
        parts = value.values() if isinstance(value, dict) else value
        size = known[id(value)] = 1 + sum(_size(part, known) for part in parts)
    return size


_LOADER: Any = None


def _loader() -> Any:
    """A safe loader for the JSON subset of types: dates stay text."""
    global _LOADER
    if _LOADER is None:
        import yaml

        base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        resolvers = {
            first: [
                (tag, pattern)
                for tag, pattern in pairs
                if not tag.endswith((":timestamp", ":merge", ":value"))
            ]
            for first, pairs in base.yaml_implicit_resolvers.items()
        }
        _LOADER = type("Loader", (base,), {"yaml_implicit_resolvers": resolvers})
    return _LOADER


def check_type(obj: Object, api_version: str, kind: str) -> None:
    """Fill in kind and apiVersion, or raise BadRequest when they are not those of the path."""
    given_version, given_kind = obj.get("apiVersion") or api_version, obj.get("kind") or kind
    if given_kind != kind:
        raise BadRequest(
            f'{given_kind} in version "{_version(str(given_version))}" cannot be handled as a {kind}: '
            f"the kind in the data ({given_kind}) does not match the expected kind ({kind})"
        )
    if given_version != api_version:
        raise BadRequest(
            f"the API version in the data ({given_version}) does not match the expected API version "
            f"({api_version})"
        )
    obj["apiVersion"], obj["kind"] = api_version, kind


def _version(api_version: str) -> str:
    return api_version.rpartition("/")[2]

"""How objects become bytes and back: encoded once when written, passed on by GET, LIST and WATCH ever after.

Three forms of the same object:

    stored   {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a",...},...}   no resourceVersion
    body     "metadata":{"resourceVersion":"7","name":"a",...},...}            no opening brace, no head
    whole    {"kind":"Pod","apiVersion":"v1", + body                           what a client gets

The revision of a write is known only when it is committed, so it is spliced in at a fixed place: metadata is
always the first member behind the head. Leaving the head off makes a list one join of bodies (`,{` between
items, which carry no kind, as the items of typed lists do not) and serves every version of a kind that shares
its stored form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object

_METADATA = b'"metadata":{'
_REVISION = b'"metadata":{"resourceVersion":"%d",'


def encode(resource: Resource, obj: Object) -> bytes:
    """Return the stored form; `obj` is left as it is. Its metadata has at least a name."""
    metadata = obj["metadata"]
    if "resourceVersion" in metadata:
        metadata = {key: value for key, value in metadata.items() if key != "resourceVersion"}
    head: Object = {"apiVersion": _stored_api_version(resource), "kind": resource.kind, "metadata": metadata}
    for key, value in obj.items():
        if key not in head:
            head[key] = value
    return orjson.dumps(head)


def _stored_api_version(resource: Resource) -> str:
    if resource.stored_group:
        return f"{resource.stored_group}/{resource.stored_version}"
    return resource.stored_version


def body(stored: bytes, revision: int) -> bytes:
    """Return the body of a stored value that was written at `revision`."""
    start = stored.index(_METADATA) + len(_METADATA)
    return _REVISION % revision + stored[start:]


def at_revision(data: bytes, old: int, new: int) -> bytes:
    """Return a body with another resourceVersion."""
    return _REVISION % new + data[len(_REVISION % old) :]


def head(resource: Resource) -> bytes:
    """Return what goes before a body to make the whole object in a version."""
    return b'{"kind":"%b","apiVersion":"%b",' % (resource.kind.encode(), resource.api_version.encode())


def decode_body(resource: Resource, data: bytes) -> Object:
    """Return a fresh object, with kind, apiVersion and resourceVersion."""
    obj: Object = {"kind": resource.kind, "apiVersion": resource.api_version}
    obj.update(orjson.loads(b"{" + data))
    return obj

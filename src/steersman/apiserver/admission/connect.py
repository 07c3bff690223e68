"""Admission of connections: exec, attach, port-forward and proxy are asked about as CONNECT.

The object of such a request is made of its query: PodExecOptions, PodProxyOptions and the like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.apiserver.generic.options import WriteOptions

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Query

CONNECTIONS = frozenset({"exec", "attach", "portforward", "proxy"})
_FLAGS = ("stdin", "stdout", "stderr", "tty")
_TEXTS = ("container", "path")


async def admit(target: Target) -> None:
    """Have the plug-ins judge a connection before it is made. Raises: ApiError."""
    info = target.info
    row = target.view.resource.subresource(info.subresource)
    if row is None or not target.api.plugins:
        return
    obj: Object = {"kind": row.kind, "apiVersion": "v1", **options_of(target.request.query)}
    if info.subresource == "proxy":
        obj["path"] = "/" + info.rest
    write = target.write(WriteOptions())
    attributes = write.attributes("CONNECT", obj, None)
    await write.mutate(attributes)
    await write.validate(attributes)


def options_of(query: Query) -> Object:
    """The options in a query, typed as the API types them."""
    found: dict[str, Any] = {name: True for name in _FLAGS if query.flag(name)}
    found.update({name: query.get(name) for name in _TEXTS if query.get(name)})
    if query.all("command"):
        found["command"] = query.all("command")
    ports = [int(port) for port in query.all("ports") if port.isdecimal()]
    if ports:
        found["ports"] = ports
    return found

"""Where a streaming request goes: which container of a pod is meant, and the kubelet's path and query. Pure.

Messages are those users of kubectl know. Source: the documented parameters of the pod sub-resources; the
kubelet's paths are in docs/seams.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from steersman.api import meta
from steersman.api.errors import BadRequest, ServiceUnavailable

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.http.values import Query

KUBELET_PORT = 10250
_ADDRESS_TYPES = ("InternalIP", "ExternalIP", "Hostname")
_LOG_PARAMETERS = (
    "follow",
    "previous",
    "sinceSeconds",
    "sinceTime",
    "timestamps",
    "tailLines",
    "limitBytes",
    "stream",
)


def container_names(pod: Object, part: str) -> list[str]:
    return [item["name"] for item in (pod.get("spec") or {}).get(part) or ()]


def choose_container(pod: Object, wanted: str) -> str:
    """The container meant: the one named, or the only one. Raises BadRequest."""
    name = meta.name(pod)
    ordinary, init = container_names(pod, "containers"), container_names(pod, "initContainers")
    ephemeral = container_names(pod, "ephemeralContainers")
    if wanted:
        if wanted not in (*ordinary, *init, *ephemeral):
            raise BadRequest(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(ordinary) == 1 and not init and not ephemeral:
        return ordinary[0]
    if not ordinary:
        raise BadRequest(f"a container name must be specified for pod {name}")
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(ordinary)}]"
    if init:
        text += f" or one of the init containers: [{' '.join(init)}]"
    if ephemeral:
        text += f" or one of the ephemeral containers: [{' '.join(ephemeral)}]"
    raise BadRequest(text)


def node_name(pod: Object) -> str:
    """The node a pod runs on. Raises BadRequest while it has none."""
    name = (pod.get("spec") or {}).get("nodeName") or ""
    if not name:
        raise BadRequest(f"pod {meta.name(pod)} does not have a host assigned")
    return str(name)


def kubelet_url(node: Object) -> str:
    """`https://<address>:<port>` of a node's kubelet. Raises ServiceUnavailable when it has no address."""
    status = node.get("status") or {}
    addresses = {item.get("type"): item.get("address") for item in status.get("addresses") or ()}
    address = next((addresses[kind] for kind in _ADDRESS_TYPES if addresses.get(kind)), None)
    if address is None:
        raise ServiceUnavailable(f"no preferred addresses found; known addresses: {list(addresses.values())}")
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port") or KUBELET_PORT
    host = f"[{address}]" if ":" in address else address
    return f"https://{host}:{port}"


def _path(verb: str, pod: Object, *rest: str) -> str:
    parts = (verb, meta.namespace(pod), meta.name(pod), *rest)
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def session_path(verb: str, pod: Object, container: str, query: Query) -> str:
    """Path and query at the kubelet of an exec or attach session. Raises BadRequest."""
    tty = query.flag("tty")
    wanted = [
        ("input", query.flag("stdin")),
        ("output", query.flag("stdout")),
        ("error", query.flag("stderr") and not tty),
    ]
    parameters = [(name, "1") for name, on in wanted if on]
    if not parameters:
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    if tty:
        parameters.append(("tty", "1"))
    if verb == "exec":
        command = query.all("command")
        if not command:
            raise BadRequest("you must specify at least one command for the container")
        parameters += [("command", word) for word in command]
    return f"{_path(verb, pod, container)}?{urlencode(parameters)}"


def port_forward_path(pod: Object, query: Query) -> str:
    parameters = urlencode([("port", port) for port in query.all("ports")])
    return _path("portForward", pod) + (f"?{parameters}" if parameters else "")


def log_path(pod: Object, container: str, query: Query) -> str:
    """Path and query at the kubelet of a log request. Raises BadRequest for values that cannot be."""
    check_log_query(query)
    parameters = [(name, query.get(name)) for name in _LOG_PARAMETERS if query.get(name)]
    path = _path("containerLogs", pod, container)
    return f"{path}?{urlencode(parameters)}" if parameters else path


def check_log_query(query: Query) -> None:
    """Raise BadRequest for parameters that contradict each other or are no numbers."""
    if query.get("sinceSeconds") and query.get("sinceTime"):
        raise BadRequest("at most one of `sinceTime` or `sinceSeconds` may be specified")
    for name, minimum in (("tailLines", 0), ("sinceSeconds", 1), ("limitBytes", 1)):
        text = query.get(name)
        if text and (not text.lstrip("-").isdigit() or int(text) < minimum):
            raise BadRequest(f"{name}: Invalid value: {text!r}: must be greater than or equal to {minimum}")

"""Talking to kubelets: which one, with which credentials, and what their refusals mean to the user."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

import orjson

from steersman.api.errors import ApiError, BadRequest, InternalError
from steersman.api.kinds import NODES, PODS
from steersman.apiserver.streaming.location import kubelet_url, node_name
from steersman.client.upgrade import UpgradeFailed, error_text, open_upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.handlers.target import Target
    from steersman.client.upgrade import Upgraded

_CONTEXTS: WeakKeyDictionary[API, ssl.SSLContext] = WeakKeyDictionary()
_FOLLOWED: WeakSet[API] = WeakSet()
"""Servers whose files are looked at already."""


def kubelet_tls(api: API) -> ssl.SSLContext:
    """The TLS settings towards kubelets: our client certificate, their CA. Read when they have changed."""
    context = _CONTEXTS.get(api)
    if context is None:
        config = api.config
        context = ssl.create_default_context(cafile=config.kubelet_ca or None)
        if config.kubelet_cert:
            context.load_cert_chain(config.kubelet_cert, config.kubelet_key)
        if not config.kubelet_ca:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if api not in _FOLLOWED:
            _FOLLOWED.add(api)
            files = (config.kubelet_cert, config.kubelet_key, config.kubelet_ca)
            api.files.follow(files, lambda: _CONTEXTS.pop(api, None))
        _CONTEXTS[api] = context
    return context


async def target_pod(target: Target) -> Object:
    """The pod a request is about. Raises NotFound."""
    return await target.api.get(PODS, target.info.name, target.info.namespace)


async def kubelet_of(api: API, pod: Object) -> str:
    """The URL of the kubelet that runs a pod. Raises BadRequest, NotFound, ServiceUnavailable."""
    return kubelet_url(await api.get(NODES, node_name(pod)))


async def dial(api: API, method: str, url: str, headers: Iterable[tuple[str, str]]) -> Upgraded:
    """Open an upgraded connection to a kubelet. Raises ApiError when it cannot be had."""
    try:
        answer = await open_upgrade(method, url, headers, tls=kubelet_tls(api))
    except UpgradeFailed as error:
        raise InternalError.of(f"error dialing backend: {error}") from error
    if answer.status == 101:
        return answer
    try:
        body = await error_text(answer)
    finally:
        answer.close()
    raise refusal(answer.status, body)


def refusal(status: int, body: bytes) -> ApiError:
    """The error for an answer that is not an upgrade: a Status as it is, text as its message."""
    parsed = parse_status(body)
    if parsed is not None:
        return ApiError.from_status(parsed, status)
    text = body.decode("utf-8", "replace").strip() or f"unexpected answer {status}"
    return InternalError.of(f"unable to upgrade connection: {text}")


def plain_refusal(status: int, body: bytes) -> ApiError:
    """The error for a plain request the kubelet refused; its 400 carries a message for the user."""
    parsed = parse_status(body)
    if parsed is not None:
        return ApiError.from_status(parsed, status)
    text = body.decode("utf-8", "replace").strip()
    if status == 400:
        return BadRequest(text)
    if status == 500:
        return InternalError.of(text.removeprefix("Internal error occurred: "))
    return ApiError.from_status({"message": text or "the server rejected our request"}, status)


def parse_status(body: bytes) -> Object | None:
    """A Status in a body; None when it is something else."""
    if not body.startswith(b"{"):
        return None
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) and parsed.get("kind") == "Status" else None

"""Who may ask the kubelet what: client certificates or TokenReview, then system:masters or
SubjectAccessReview.

Answers of the API server are remembered: identities and permissions two minutes, refusals half a minute
(upstream's defaults are of that size). The sub-resource of `nodes` that a path belongs to decides what is
asked. Source: "Kubelet authentication/authorization".
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from steersman.api.errors import ApiError, Forbidden, InternalError, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from steersman.api.types import Object
    from steersman.client.rest import Client

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
REMEMBER_YES = 120.0
REMEMBER_NO = 30.0
MAX_REMEMBERED = 1024

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_SUBRESOURCES = {"stats": "stats", "metrics": "metrics", "logs": "log", "spec": "spec"}
_JSON = {"Content-Type": "application/json"}
_TOKEN_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
_ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Identity:
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


def identity_of_certificate(certificate: Mapping[str, Any] | None) -> Identity | None:
    """The identity in a verified certificate as the TLS library describes it."""
    if not certificate:
        return None
    fields = [pair for relative in certificate.get("subject", ()) for pair in relative]
    name = next((value for key, value in fields if key == "commonName"), "")
    groups = tuple(value for key, value in fields if key == "organizationName")
    return Identity(name, (*groups, AUTHENTICATED)) if name else None


def subresource_of(path: str) -> str:
    """The sub-resource of `nodes` that guards a path."""
    return _SUBRESOURCES.get(path.strip("/").split("/")[0], "proxy")


def access_review(identity: Identity, method: str, path: str, node: str) -> Object:
    """The SubjectAccessReview that asks for one request."""
    attributes = {
        "verb": _VERBS.get(method, method.lower()),
        "group": "",
        "version": "v1",
        "resource": "nodes",
        "subresource": subresource_of(path),
        "name": node,
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": identity.name, "groups": list(identity.groups), "resourceAttributes": attributes},
    }


class Gatekeeper:
    """Decides on every request of the kubelet's server."""

    def __init__(self, client: Client, node: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._node = node
        self._monotonic = monotonic
        self._remembered: dict[object, tuple[float, Any]] = {}

    async def admit(self, request: web.Request) -> Identity:
        """The identity of who asks. Raises Unauthorized or Forbidden."""
        identity = await self._identify(request)
        if identity is None:
            raise Unauthorized()
        if MASTERS not in identity.groups:
            await self._authorize(identity, request.method, request.path)
        return identity

    async def _identify(self, request: web.Request) -> Identity | None:
        transport = request.transport
        certificate = transport.get_extra_info("peercert") if transport is not None else None
        identity = identity_of_certificate(certificate)
        if identity is not None:
            return identity
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        return await self._review_token(token.strip())

    async def _review_token(self, token: str) -> Identity | None:
        known, remembered = self._recall(("token", token))
        if known:
            return cast("Identity | None", remembered)
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
        status = await self._ask(_TOKEN_REVIEWS, body)
        identity: Identity | None = None
        if status.get("authenticated"):
            user = status.get("user") or {}
            identity = Identity(
                user.get("username", ""), tuple(user.get("groups") or ()), user.get("uid", "")
            )
        self._remember(("token", token), identity, REMEMBER_YES if identity else REMEMBER_NO)
        return identity

    async def _authorize(self, identity: Identity, method: str, path: str) -> None:
        review = access_review(identity, method, path, self._node)
        attributes = review["spec"]["resourceAttributes"]
        key = ("access", identity, attributes["verb"], attributes["subresource"])
        known, allowed = self._recall(key)
        if not known:
            allowed = bool((await self._ask(_ACCESS_REVIEWS, review)).get("allowed"))
            self._remember(key, allowed, REMEMBER_YES if allowed else REMEMBER_NO)
        if not allowed:
            raise Forbidden(
                f"Forbidden (user={identity.name}, verb={attributes['verb']}, resource=nodes, "
                f"subresource={attributes['subresource']})"
            )

    async def _ask(self, path: str, review: Object) -> Object:
        from steersman.client.transport import ConnectionFailed

        try:
            answer = await self._client.request("POST", path, body=review, headers=_JSON)
        except (ApiError, ConnectionFailed) as error:
            raise InternalError.of(f"the API server could not be asked: {error}") from error
        body: Object = answer.json()
        if answer.status >= 400:
            raise InternalError.of(f"the API server could not be asked: {body.get('message', answer.status)}")
        return body.get("status") or {}

    def _recall(self, key: object) -> tuple[bool, Any]:
        entry = self._remembered.get(key)
        if entry is None or entry[0] < self._monotonic():
            return False, None
        return True, entry[1]

    def _remember(self, key: object, value: Any, seconds: float) -> None:
        if len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = (self._monotonic() + seconds, value)

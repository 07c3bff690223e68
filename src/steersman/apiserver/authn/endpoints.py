"""Endpoints about identity: TokenReview, SelfSubjectReview and the `token` sub-resource of service accounts.

Nothing here is stored: a POST is a question, and its answer is the object with `status` filled in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from steersman.api import schema
from steersman.api.errors import BadRequest, InternalError
from steersman.api.kinds import SELF_SUBJECT_REVIEWS, TOKEN_REVIEWS
from steersman.api.times import rfc3339
from steersman.apiserver.authn.bearer import BearerAuthenticator
from steersman.apiserver.authn.chain import token_issuer
from steersman.apiserver.endpoint import Endpoint
from steersman.apiserver.generic.options import WriteOptions
from steersman.apiserver.handlers.body import check_type, read_object
from steersman.apiserver.handlers.question import answered, read_question

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.authn import User
    from steersman.apiserver.authn.serviceaccount.issuer import TokenIssuer
    from steersman.apiserver.handlers.target import Target
    from steersman.apiserver.http.values import Response

_ISSUERS: WeakKeyDictionary[API, TokenIssuer | None] = WeakKeyDictionary()
"""One issuer a server: it keeps the parsed key."""


def user_info(user: User) -> Object:
    """A user as TokenReview and SelfSubjectReview show it."""
    info: Object = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info


async def token_review(target: Target) -> Response:
    obj = await read_question(target)
    spec = obj["spec"]
    token = spec.get("token") or ""
    if not token:
        raise BadRequest("token is required for TokenReview in authentication")
    audiences = tuple(str(audience) for audience in spec.get("audiences") or ())
    obj["status"] = await review(target.api, token, audiences)
    return answered(obj)


async def review(api: API, token: str, audiences: tuple[str, ...]) -> Object:
    """The status of a TokenReview."""
    for authenticator in api.authenticators:
        if isinstance(authenticator, BearerAuthenticator):
            known = await authenticator.identify(token, audiences)
            if known is not None:
                status: Object = {"authenticated": True, "user": user_info(known.user)}
                return status | ({"audiences": list(known.audiences)} if known.audiences else {})
    return {"user": {}, "error": "invalid bearer token"}


async def self_subject_review(target: Target) -> Response:
    obj = await read_question(target)
    del obj["spec"]
    user = target.request.user
    assert user is not None
    obj["metadata"] = {"creationTimestamp": rfc3339(target.api.clock.time())}
    obj["status"] = {"userInfo": user_info(user)}
    return answered(obj)


async def service_account_token(target: Target) -> Response:
    issuer = issuer_of(target.api)
    if issuer is None:
        raise InternalError.of("this server has no key to sign service-account tokens with")
    request = await read_object(target.request)
    check_type(request, "authentication.k8s.io/v1", "TokenRequest")
    try:
        schema.decode(schema.schema_for(target.view.resource, "token"), request)
    except schema.DecodeError as error:
        raise schema.cannot_handle("TokenRequest", "v1", error) from None
    write = target.write(WriteOptions())
    attributes = write.attributes("CREATE", request, None)
    await write.mutate(attributes)
    await write.validate(attributes)
    return answered(await issuer.issue(target.info.namespace, target.info.name, request))


def issuer_of(api: API) -> TokenIssuer | None:
    """The server's token issuer, made on first use; None when it has no key."""
    if api not in _ISSUERS:
        _ISSUERS[api] = token_issuer(api)
    return _ISSUERS[api]


ENDPOINTS = (
    Endpoint(TOKEN_REVIEWS.group, TOKEN_REVIEWS.plural, "", token_review),
    Endpoint(SELF_SUBJECT_REVIEWS.group, SELF_SUBJECT_REVIEWS.plural, "", self_subject_review),
    Endpoint("", "serviceaccounts", "token", service_account_token),
)

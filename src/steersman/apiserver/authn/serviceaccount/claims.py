"""What a service-account token says. Pure: claims from objects, and objects' identities from claims.

    {"iss": ..., "sub": "system:serviceaccount:<ns>:<name>", "aud": [...], "exp", "iat", "nbf", "jti",
     "kubernetes.io": {"namespace": ..., "serviceaccount": {"name", "uid"},
                       "pod"|"secret": {...}, "node": {...}, "warnafter": ...}}

Source: the documented claims of bound service-account tokens; legacy tokens are those kept in Secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.apiserver.authn import User

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steersman.api.types import Object

DEFAULT_ISSUER = "https://kubernetes.default.svc.cluster.local"
LEGACY_ISSUER = "kubernetes/serviceaccount"
PRIVATE = "kubernetes.io"
_LEGACY = "kubernetes.io/serviceaccount/"
USER_PREFIX = "system:serviceaccount:"
GROUP_ALL = "system:serviceaccounts"

_EXTRA = "authentication.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Reference:
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Claims:
    """A token's content as far as it decides who somebody is."""

    namespace: str
    account: Reference
    pod: Reference | None = None
    secret: Reference | None = None
    node: Reference | None = None
    token_id: str = ""
    legacy: bool = False


def make_claims(
    *,
    issuer: str,
    account: Object,
    audiences: Sequence[str],
    now: int,
    lifetime: int,
    token_id: str,
    bound: Mapping[str, Reference],
    warn_after: int = 0,
) -> dict[str, Any]:
    """Claims of a new token. `lifetime` in seconds; `bound`: "pod", "secret" or "node" to what the token
    hangs on; `warn_after`: seconds from which on its use is warned of, 0 for never."""
    metadata = account["metadata"]
    private: dict[str, Any] = {
        "namespace": metadata["namespace"],
        "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
    }
    for kind, reference in bound.items():
        private[kind] = {"name": reference.name} | ({"uid": reference.uid} if reference.uid else {})
    if warn_after:
        private["warnafter"] = now + warn_after
    return {
        "aud": list(audiences),
        "exp": now + lifetime,
        "iat": now,
        "iss": issuer,
        "jti": token_id,
        PRIVATE: private,
        "nbf": now,
        "sub": user_name(metadata["namespace"], metadata["name"]),
    }


def parse_claims(claims: Mapping[str, Any]) -> Claims | None:
    """The claims of a verified token; None when they do not belong together."""
    private = claims.get(PRIVATE)
    if isinstance(private, dict):
        parsed = _parse_bound(private, str(claims.get("jti", "")))
    elif f"{_LEGACY}namespace" in claims:
        parsed = _parse_legacy(claims)
    else:
        return None
    if parsed is None or claims.get("sub") != user_name(parsed.namespace, parsed.account.name):
        return None
    return parsed


def _parse_bound(private: Mapping[str, Any], token_id: str) -> Claims | None:
    account = _reference(private.get("serviceaccount"))
    if account is None:
        return None
    return Claims(
        namespace=str(private.get("namespace", "")),
        account=account,
        pod=_reference(private.get("pod")),
        secret=_reference(private.get("secret")),
        node=_reference(private.get("node")),
        token_id=token_id,
    )


def _parse_legacy(claims: Mapping[str, Any]) -> Claims:
    return Claims(
        namespace=str(claims[f"{_LEGACY}namespace"]),
        account=Reference(
            str(claims.get(f"{_LEGACY}service-account.name", "")),
            str(claims.get(f"{_LEGACY}service-account.uid", "")),
        ),
        secret=Reference(str(claims.get(f"{_LEGACY}secret.name", ""))),
        legacy=True,
    )


def _reference(value: object) -> Reference | None:
    if not isinstance(value, dict) or not value.get("name"):
        return None
    return Reference(str(value["name"]), str(value.get("uid", "")))


def user_name(namespace: str, name: str) -> str:
    return f"{USER_PREFIX}{namespace}:{name}"


def split_user_name(user: str) -> tuple[str, str] | None:
    """(namespace, name) of a service account's user name; None for other users."""
    if not user.startswith(USER_PREFIX):
        return None
    namespace, colon, name = user.removeprefix(USER_PREFIX).partition(":")
    return (namespace, name) if colon and namespace and name and ":" not in name else None


def account_groups(namespace: str) -> tuple[str, ...]:
    return GROUP_ALL, f"{GROUP_ALL}:{namespace}"


def user_of(claims: Claims) -> User:
    """The identity of a verified token (without system:authenticated)."""
    extra: dict[str, list[str]] = {}
    for kind, reference in (("pod", claims.pod), ("node", claims.node)):
        if reference is not None:
            extra[f"{_EXTRA}{kind}-name"] = [reference.name]
            if reference.uid:
                extra[f"{_EXTRA}{kind}-uid"] = [reference.uid]
    if claims.token_id:
        extra[f"{_EXTRA}credential-id"] = [f"JTI={claims.token_id}"]
    return User(
        name=user_name(claims.namespace, claims.account.name),
        uid=claims.account.uid,
        groups=account_groups(claims.namespace),
        extra=extra,
    )

"""TokenRequest: makes the tokens of service accounts (sub-resource `token`), and the OpenID discovery
document.

Source: the documented TokenRequest API (authentication.k8s.io/v1): at least ten minutes, an hour by default,
no more than the issuer allows; bound to a Pod, Secret or Node on request.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steersman.api.errors import BadRequest, Conflict, Invalid, NotFound
from steersman.api.fields import FieldError
from steersman.api.times import rfc3339
from steersman.apiserver.authn.serviceaccount.claims import Reference, make_claims

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object
    from steersman.apiserver.authn.serviceaccount.authenticator import Getter
    from steersman.apiserver.authn.serviceaccount.keys import KeyRing

MIN_SECONDS = 600
MAX_SECONDS = 1 << 32
DEFAULT_SECONDS = 3600
MARKED_SECONDS = 3607
"""What the admission plug-in ServiceAccount writes into pods; no user would."""
EXTENDED_SECONDS = 365 * 86400
"""How long such a token lives all the same: old clients read their token once and never again. The node is
told an hour and renews it."""
_BOUND_KINDS = {("v1", "Pod"): "pod", ("v1", "Secret"): "secret", ("v1", "Node"): "node"}


@dataclass(frozen=True)
class _Named:
    group: str
    plural: str
    kind: str


_TOKEN_REQUEST = _Named("authentication.k8s.io", "tokenrequests", "TokenRequest")


class TokenIssuer:
    """Signs tokens with the ring's signing key."""

    def __init__(
        self,
        keys: KeyRing,
        get: Getter,
        *,
        issuer: str,
        audiences: tuple[str, ...],
        now: Callable[[], float] = time.time,
        max_seconds: int = MAX_SECONDS,
        extends: bool = False,
    ) -> None:
        """`extends`: pods' tokens of `MARKED_SECONDS` live `EXTENDED_SECONDS`, see there."""
        self._extends = extends
        self._keys = keys
        self._get = get
        self._issuer = issuer
        self._audiences = audiences
        self._now = now
        self._max = max_seconds

    async def issue(self, namespace: str, name: str, request: Object) -> Object:
        """Answer a TokenRequest for a service account: the request with `status` filled in.

        Raises NotFound (account or bound object), Invalid, Conflict (the bound object has another uid).
        """
        spec: Object = request.get("spec") or {}
        if request.get("kind") not in (None, "", "TokenRequest"):
            raise BadRequest(f'expected a TokenRequest, got "{request.get("kind")}"')
        seconds = self._lifetime(name, spec)
        account = await self._get("serviceaccounts", namespace, name)
        if account is None:
            raise _not_found("serviceaccounts", name)
        bound = await self._bound(namespace, account, spec.get("boundObjectRef"))
        audiences = [str(item) for item in spec.get("audiences") or self._audiences]
        now = int(self._now())
        extended = (
            self._extends
            and seconds == MARKED_SECONDS
            and "pod" in bound
            and set(audiences) <= set(self._audiences)
        )
        claims = make_claims(
            issuer=self._issuer,
            account=account,
            audiences=audiences,
            now=now,
            lifetime=EXTENDED_SECONDS if extended else seconds,
            warn_after=seconds if extended else 0,
            token_id=str(uuid.uuid4()),
            bound=bound,
        )
        answered_spec = {**spec, "audiences": audiences, "expirationSeconds": seconds}
        answered_spec.setdefault("boundObjectRef", None)
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "creationTimestamp": rfc3339(now),
                **_uid_free(request.get("metadata")),
            },
            "spec": answered_spec,
            "status": {"token": self.sign(claims), "expirationTimestamp": rfc3339(now + seconds)},
        }

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT with these claims."""
        import jwt

        key = self._keys.signing()
        return jwt.encode(claims, key.material, algorithm=key.algorithm, headers={"kid": key.key_id})

    def discovery(self) -> Object:
        """The document at /.well-known/openid-configuration."""
        return {
            "issuer": self._issuer,
            "jwks_uri": f"{self._issuer}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted(
                {key.algorithm for key in self._keys.verifying().values()}
            ),
        }

    def jwks(self) -> Object:
        """The document at /openid/v1/jwks."""
        return self._keys.jwks()

    def _lifetime(self, name: str, spec: Object) -> int:
        wanted = spec.get("expirationSeconds")
        if wanted is None:
            return min(DEFAULT_SECONDS, self._max)
        problem = ""
        if not isinstance(wanted, int) or wanted < MIN_SECONDS:
            problem = "may not specify a duration less than 10 minutes"
        elif wanted > MAX_SECONDS:
            problem = "may not specify a duration larger than 2^32 seconds"
        if problem:
            error = FieldError("FieldValueInvalid", "spec.expirationSeconds", wanted, problem)
            raise Invalid.of(_TOKEN_REQUEST, name, [error])
        return min(int(wanted), self._max)

    async def _bound(self, namespace: str, account: Object, ref: Object | None) -> dict[str, Reference]:
        if not ref:
            return {}
        kind = _BOUND_KINDS.get((ref.get("apiVersion", ""), ref.get("kind", "")))
        if kind is None:
            raise BadRequest(f'cannot bind token for serviceaccount to type "{ref.get("kind", "")}"')
        name = ref.get("name", "")
        plural = f"{kind}s"
        obj = await self._get(plural, "" if kind == "node" else namespace, name)
        if obj is None:
            raise _not_found(plural, name)
        uid = obj["metadata"].get("uid", "")
        if ref.get("uid") and ref["uid"] != uid:
            raise Conflict(
                f'Operation cannot be fulfilled on {plural} "{name}": the UID in the bound object reference '
                f"({ref['uid']}) does not match the UID in record. The object might have been deleted and "
                "then recreated",
                {"name": name, "kind": plural},
            )
        bound = {kind: Reference(name, uid)}
        if kind == "pod":
            self._check_pod(obj, account)
            bound |= await self._node_of(obj)
        return bound

    def _check_pod(self, pod: Object, account: Object) -> None:
        used = (pod.get("spec") or {}).get("serviceAccountName") or "default"
        if used != account["metadata"]["name"]:
            raise BadRequest(
                f'cannot bind token for serviceaccount "{account["metadata"]["name"]}" to pod running with '
                "different serviceaccount name."
            )

    async def _node_of(self, pod: Object) -> dict[str, Reference]:
        name = (pod.get("spec") or {}).get("nodeName")
        if not name:
            return {}
        node = await self._get("nodes", "", name)
        uid = node["metadata"].get("uid", "") if node else ""
        return {"node": Reference(name, uid)}


def _not_found(plural: str, name: str) -> NotFound:
    return NotFound(f'{plural} "{name}" not found', {"name": name, "kind": plural})


def _uid_free(metadata: Object | None) -> Object:
    return {key: value for key, value in (metadata or {}).items() if key in ("labels", "annotations")}

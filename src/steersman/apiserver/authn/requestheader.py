"""The front proxy: a trusted proxy names the user in headers, and proves itself with a client certificate.

    X-Remote-User, X-Remote-Uid, X-Remote-Group (repeated), X-Remote-Extra-<key> (repeated, key
    percent-encoded)

The certificate must come from the front-proxy CA and bear one of the allowed names. Without such a
certificate the headers mean nothing. Source: "Authenticating proxy".
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from steersman.apiserver.authn import User, authenticated
from steersman.apiserver.authn.headers import header_values, prefixed_values
from steersman.apiserver.authn.x509 import MAX_KNOWN, CertificateAuthority, common_name, parse_leaf

if TYPE_CHECKING:
    from collections.abc import Collection

    from steersman.apiserver.http.values import Request

EXTRA_PREFIX = "x-remote-extra-"


class RequestHeaderAuthenticator:
    """`allowed_names` empty: every certificate of the authority may speak for others."""

    def __init__(self, authority: CertificateAuthority, allowed_names: Collection[str] = ()) -> None:
        self._authority = authority
        self._allowed = frozenset(allowed_names)
        self._known: dict[bytes, bool] = {}

    def forget(self) -> None:
        """Examine every certificate anew: the authorities have changed."""
        self._authority.forget()
        self._known.clear()

    async def authenticate(self, request: Request) -> User | None:
        certificate = request.peer.certificate
        if certificate is None:
            return None
        name = request.headers.get("X-Remote-User", "")
        if not name or not self._trusted(certificate):
            return None
        extra: dict[str, list[str]] = {}
        for key, value in prefixed_values(request.headers, EXTRA_PREFIX):
            extra.setdefault(unquote(key), []).append(value)
        user = User(
            name=name,
            uid=request.headers.get("X-Remote-Uid", ""),
            groups=tuple(header_values(request.headers, "X-Remote-Group")),
            extra=extra,
        )
        return authenticated(user)

    def _trusted(self, certificate: bytes) -> bool:
        known = self._known.get(certificate)
        if known is None:
            leaf = parse_leaf(certificate)
            allowed = not self._allowed or common_name(leaf) in self._allowed
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[certificate] = allowed and self._authority.issued(leaf)
        return known

"""Headers that may come more than once, out of the case-insensitive mapping a request carries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def header_values(headers: Mapping[str, str], name: str) -> list[str]:
    """Every value of a header, in order."""
    getall: Any = getattr(headers, "getall", None)
    if getall is not None:
        return list(getall(name, ()))
    value = headers.get(name)
    return [] if value is None else [value]


def prefixed_values(headers: Mapping[str, str], prefix: str) -> Iterator[tuple[str, str]]:
    """(rest of the name, value) of every header that begins with a lower-case prefix."""
    for name, value in headers.items():
        lower = name.lower()
        if lower.startswith(prefix):
            yield lower[len(prefix) :], value


def bearer_token(headers: Mapping[str, str]) -> str:
    """The bearer token of a request; empty when there is none.

    A WebSocket client that cannot set headers (a browser) hands it over as the sub-protocol
    `base64url.bearer.authorization.k8s.io.<token>`.
    """
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    if "Sec-WebSocket-Protocol" in headers:
        return _subprotocol_token(headers)
    return ""


_SUBPROTOCOL = "base64url.bearer.authorization.k8s.io."


def _subprotocol_token(headers: Mapping[str, str]) -> str:
    import base64
    import binascii

    for line in header_values(headers, "Sec-WebSocket-Protocol"):
        for offer in line.split(","):
            name = offer.strip()
            if name.startswith(_SUBPROTOCOL):
                encoded = name.removeprefix(_SUBPROTOCOL)
                try:
                    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
                except (binascii.Error, UnicodeDecodeError):
                    return ""
    return ""

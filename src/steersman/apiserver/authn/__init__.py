"""Who is asking: authenticators turn a request into a `User`.

The chain asks each authenticator in turn. One that finds no credentials of its kind returns None and the
next is asked; one that finds bad credentials raises `Unauthorized`; when nobody answers the request is
anonymous. `make_authenticators` builds the visible, ordered tuple at start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from steersman.apiserver.api import API
    from steersman.apiserver.http.values import Request

ANONYMOUS = "system:anonymous"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
MASTERS = "system:masters"


@dataclass(frozen=True, slots=True)
class User:
    """An identity as every later step sees it."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Authenticator(Protocol):
    """Recognises one kind of credentials."""

    async def authenticate(self, request: Request) -> User | None:
        """Return the user, None when there are no credentials of this kind; raise Unauthorized for bad
        ones."""
        ...


def make_authenticators(api: API) -> tuple[Authenticator, ...]:
    """Build the authenticators in the order they are asked. Empty: everybody is system:masters."""
    return ()

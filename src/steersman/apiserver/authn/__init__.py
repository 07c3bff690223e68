"""Who is asking: authenticators turn a request into a `User`.

The chain asks each authenticator in turn. One that finds no credentials of its kind returns None and the
next is asked; one that finds bad credentials raises `Unauthorized`; when nobody answers the request is
anonymous. `make_authenticators` builds the visible, ordered tuple at start.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def authenticated(user: User) -> User:
    """The user as a member of system:authenticated, which everybody with valid credentials is."""
    if AUTHENTICATED in user.groups or user.name == ANONYMOUS:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def make_authenticators(api: API) -> tuple[Authenticator, ...]:
    """Build the authenticators in the order they are asked. Empty: everybody is system:masters.

    Raises OSError or ValueError when a configured file cannot be read.
    """
    from steersman.apiserver.authn.chain import build

    return build(api)

"""May they: authorizers decide on the attributes of a request.

The chain asks each authorizer in turn: ALLOW and DENY end the question, NO_OPINION passes it on; when nobody
allows, the answer is 403 with the reasons collected on the way. `make_authorizers` builds the visible,
ordered tuple.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.authn import User


@dataclass(slots=True)
class Attributes:
    """What is asked, as RBAC rules name it; `path` alone matters when `is_resource` is false.

    Nobody changes one; it is not frozen because that doubles the time of making one for every request.
    """

    user: User
    verb: str
    is_resource: bool
    path: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    field_selector: str = ""
    label_selector: str = ""


class Verdict(enum.Enum):
    """An authorizer's answer."""

    ALLOW = "allow"
    DENY = "deny"
    NO_OPINION = "no opinion"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict with the reason a user is shown (may be empty)."""

    verdict: Verdict
    reason: str = ""


class Authorizer(Protocol):
    """Decides, from memory: it is asked for every request."""

    async def authorize(self, attributes: Attributes) -> Decision:
        """Answer for one request."""
        ...


def make_authorizers(api: API) -> tuple[Authorizer, ...]:
    """Build the authorizers in the order they are asked. Empty: everything is allowed.

    Raises ValueError for an unknown mode.
    """
    from steersman.apiserver.authz.chain import build

    return build(api)


def bootstrap_objects() -> Iterable[Object]:
    """Return the objects the server makes sure of at start: default roles and bindings, complete
    manifests."""
    from steersman.apiserver.authz.policy import bootstrap_policy

    return bootstrap_policy()

"""Impersonation: acting as somebody else, when RBAC grants the verb `impersonate` on every part of that
identity.

    Impersonate-User, Impersonate-Uid, Impersonate-Group (repeated), Impersonate-Extra-<key> (repeated)

Source: "Authenticating", user impersonation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from steersman.api.errors import InternalError
from steersman.apiserver.authn import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User
from steersman.apiserver.authn.headers import header_values, prefixed_values
from steersman.apiserver.authn.serviceaccount.claims import account_groups, split_user_name
from steersman.apiserver.authz import Attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXTRA_PREFIX = "impersonate-extra-"
_AUTHN_GROUP = "authentication.k8s.io"


def wants_impersonation(headers: Mapping[str, str]) -> bool:
    """Whether any header of impersonation is there (cheap: asked for every request)."""
    return any(name[:12].lower() == "impersonate-" for name in headers)


def impersonated_user(headers: Mapping[str, str]) -> User:
    """Whom the headers name. Raises InternalError when they name groups, uid or extras without a user."""
    name = headers.get("Impersonate-User", "")
    groups = tuple(header_values(headers, "Impersonate-Group"))
    extra: dict[str, list[str]] = {}
    for key, value in prefixed_values(headers, _EXTRA_PREFIX):
        extra.setdefault(unquote(key), []).append(value)
    if not name:
        raise InternalError.of(
            "requested impersonation of groups, a UID or extras without impersonating a user"
        )
    account = split_user_name(name)
    if account is not None and not groups:
        groups = account_groups(account[0])
    if name == ANONYMOUS:
        groups = groups if UNAUTHENTICATED in groups else (*groups, UNAUTHENTICATED)
    elif AUTHENTICATED not in groups and UNAUTHENTICATED not in groups:
        groups = (*groups, AUTHENTICATED)
    return User(name=name, uid=headers.get("Impersonate-Uid", ""), groups=groups, extra=extra)


def needed_permissions(real: User, headers: Mapping[str, str]) -> list[Attributes]:
    """What the real user must be allowed, one question for each part of the identity."""
    target = impersonated_user(headers)

    def ask(
        resource: str, name: str, *, group: str = "", namespace: str = "", subresource: str = ""
    ) -> Attributes:
        return Attributes(
            user=real,
            verb="impersonate",
            is_resource=True,
            group=group,
            version="v1",
            resource=resource,
            subresource=subresource,
            namespace=namespace,
            name=name,
        )

    account = split_user_name(target.name)
    if account is not None:
        questions = [ask("serviceaccounts", account[1], namespace=account[0])]
    else:
        questions = [ask("users", target.name)]
    questions += [ask("groups", group) for group in header_values(headers, "Impersonate-Group")]
    if target.uid:
        questions.append(ask("uids", target.uid, group=_AUTHN_GROUP))
    for key, values in target.extra.items():
        questions += [ask("userextras", value, group=_AUTHN_GROUP, subresource=key) for value in values]
    return questions

"""Users from the claims of a verified ID token. Pure.

Source: "Authenticating", OpenID Connect tokens and claim mappings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.apiserver.authn import User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.apiserver.authn.configuration import Issuer, Mapped, Rule

Claims = dict[str, Any]


class ClaimError(ValueError):
    """The claims make no user; the text says why."""


def user_of(issuer: Issuer, claims: Claims) -> User:
    """Raises: ClaimError."""
    for name, value in issuer.required:
        if claims.get(name) != value:
            raise ClaimError(f"the claim {name} must be {value!r}")
    _hold(issuer.claim_rules, {"claims": claims})
    name = _value(issuer.username, claims)
    if not isinstance(name, str) or not name:
        raise ClaimError("the claims name no user")
    _check_email(issuer, claims)
    uid = _value(issuer.uid, claims) if issuer.uid else ""
    if not isinstance(uid, str):
        raise ClaimError("the uid is not a string")
    groups = _texts(_value(issuer.groups, claims)) if issuer.groups else ()
    user = User(
        name=issuer.username.prefix + name,
        uid=uid,
        groups=tuple(issuer.groups.prefix + group for group in groups),
        extra={key: list(texts) for key, text in issuer.extra if (texts := _texts(_computed(text, claims)))},
    )
    shown = {"username": user.name, "uid": user.uid, "groups": list(user.groups), "extra": dict(user.extra)}
    _hold(issuer.user_rules, {"user": shown})
    return user


def _check_email(issuer: Issuer, claims: Claims) -> None:
    """A name taken from the claim email must not be one that the issuer has not verified."""
    if issuer.username.claim == "email" and claims.get("email_verified", True) is not True:
        raise ClaimError("the e-mail address is not verified")


def _value(mapped: Mapped, claims: Claims) -> Any:
    if mapped.expression:
        return _computed(mapped.expression, claims)
    return claims.get(mapped.claim)


def _computed(expression: str, claims: Claims) -> Any:
    return _evaluated(expression, {"claims": claims})


def _texts(value: Any) -> tuple[str, ...]:
    """One or several strings; empty ones are left out. Raises: ClaimError."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ClaimError("a claim is neither a string nor a list of strings")
    return tuple(text for text in value if text)


def _hold(rules: tuple[Rule, ...], values: Mapping[str, Any]) -> None:
    for rule in rules:
        if _evaluated(rule.expression, values) is not True:
            raise ClaimError(rule.message or f"the rule {rule.expression!r} does not hold")


def _evaluated(expression: str, values: Mapping[str, Any]) -> Any:
    from steersman.api.cel.environment import evaluate, program

    try:
        return evaluate(program(expression, tuple(values)), values)
    except ValueError as error:
        raise ClaimError(f"the expression {expression!r} has no value: {error}") from error

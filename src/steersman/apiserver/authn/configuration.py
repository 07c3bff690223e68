"""Who may say who somebody is: from flags, or from an AuthenticationConfiguration file.

Source: the documented apiserver.config.k8s.io/v1 AuthenticationConfiguration, and the flags --oidc-*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steersman.apiserver.config import APIServerConfig

API_GROUP = "apiserver.config.k8s.io/"
ANY_ALGORITHM = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512")


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where something comes from: a claim with a prefix, or a CEL expression over `claims`."""

    claim: str = ""
    prefix: str = ""
    expression: str = ""

    def __bool__(self) -> bool:
        return bool(self.claim or self.expression)


@dataclass(frozen=True, slots=True)
class Rule:
    """An expression that must be true, and what to say when it is not."""

    expression: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer of ID tokens."""

    url: str
    audiences: tuple[str, ...]
    username: Mapped
    groups: Mapped = Mapped()
    uid: Mapped = Mapped()
    extra: tuple[tuple[str, str], ...] = ()
    """(key, expression)."""
    discovery_url: str = ""
    authority: str = ""
    """CA of the issuer's server, PEM; "" for the system's."""
    required: tuple[tuple[str, str], ...] = ()
    """(claim, value)."""
    claim_rules: tuple[Rule, ...] = ()
    """Over `claims`."""
    user_rules: tuple[Rule, ...] = ()
    """Over `user`."""
    algorithms: tuple[str, ...] = ANY_ALGORITHM


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is told about authentication beyond its own keys."""

    issuers: tuple[Issuer, ...] = ()
    anonymous: bool = True
    anonymous_paths: tuple[str, ...] = field(default=())


def authentication_settings(config: APIServerConfig) -> Settings:
    """Raises: OSError, ValueError."""
    issuers = (_of_flags(config),) if config.oidc_issuer_url else ()
    flags = Settings(issuers, config.anonymous, config.anonymous_paths)
    if not config.authentication_config:
        return flags
    if issuers:
        raise ValueError("an authentication configuration and the --oidc flags exclude each other")
    import yaml

    path = Path(config.authentication_config)
    try:
        return parse(yaml.safe_load(path.read_text()), flags)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: something is not of the form it should have: {error}") from error


def _of_flags(config: APIServerConfig) -> Issuer:
    url, prefix = config.oidc_issuer_url, config.oidc_username_prefix
    if not url.startswith("https://"):
        raise ValueError("the URL of an OIDC issuer must begin with https://")
    if not config.oidc_client_id:
        raise ValueError("an OIDC issuer needs a client id")
    if not prefix and config.oidc_username_claim != "email":
        prefix = f"{url}#"
    pairs = [text.partition("=") for text in config.oidc_required_claims]
    return Issuer(
        url=url,
        audiences=(config.oidc_client_id,),
        username=Mapped(config.oidc_username_claim, "" if prefix == "-" else prefix),
        groups=Mapped(config.oidc_groups_claim, config.oidc_groups_prefix),
        authority=Path(config.oidc_ca_file).read_text() if config.oidc_ca_file else "",
        required=tuple((name, value) for name, _, value in pairs),
        algorithms=config.oidc_signing_algs,
    )


def parse(document: Any, flags: Settings = Settings()) -> Settings:
    """The settings of a configuration document. Raises: ValueError."""
    if not isinstance(document, dict) or document.get("kind") != "AuthenticationConfiguration":
        raise ValueError("not an AuthenticationConfiguration")
    if not str(document.get("apiVersion", "")).startswith(API_GROUP):
        raise ValueError(f"apiVersion {document.get('apiVersion')!r} is not known: use {API_GROUP}v1")
    issuers = tuple(_issuer(entry, f"jwt[{index}]") for index, entry in enumerate(document.get("jwt") or ()))
    urls = [issuer.url for issuer in issuers]
    if len(set(urls)) != len(urls):
        raise ValueError("jwt: every issuer must be given once")
    anonymous = document.get("anonymous")
    if anonymous is None:
        return Settings(issuers, flags.anonymous, flags.anonymous_paths)
    paths = tuple(str(condition.get("path", "")) for condition in anonymous.get("conditions") or ())
    if paths and not anonymous.get("enabled"):
        raise ValueError("anonymous.conditions: may not be given when anonymous is not enabled")
    return Settings(issuers, bool(anonymous.get("enabled")), paths)


def _issuer(entry: Any, where: str) -> Issuer:
    given: dict[str, Any] = entry.get("issuer") or {}
    url, audiences = str(given.get("url", "")), tuple(given.get("audiences") or ())
    if not url.startswith("https://"):
        raise ValueError(f"{where}.issuer.url: must begin with https://")
    if not audiences:
        raise ValueError(f"{where}.issuer.audiences: Required value: at least one audience")
    mappings: dict[str, Any] = entry.get("claimMappings") or {}
    username = _mapped(mappings.get("username"), f"{where}.claimMappings.username")
    if not username:
        raise ValueError(f"{where}.claimMappings.username: claim or expression is required")
    extra = tuple((str(one["key"]), str(one["valueExpression"])) for one in mappings.get("extra") or ())
    rules = list(entry.get("claimValidationRules") or ())
    made = Issuer(
        url=url,
        audiences=audiences,
        username=username,
        groups=_mapped(mappings.get("groups"), f"{where}.claimMappings.groups"),
        uid=_mapped(mappings.get("uid"), f"{where}.claimMappings.uid", prefixed=False),
        extra=extra,
        discovery_url=str(given.get("discoveryURL") or ""),
        authority=str(given.get("certificateAuthority") or ""),
        required=tuple(
            (rule["claim"], str(rule.get("requiredValue", ""))) for rule in rules if rule.get("claim")
        ),
        claim_rules=tuple(_rule(rule) for rule in rules if rule.get("expression")),
        user_rules=tuple(_rule(rule) for rule in entry.get("userValidationRules") or ()),
    )
    _check_expressions(made, where)
    return made


def _rule(given: dict[str, Any]) -> Rule:
    return Rule(str(given.get("expression", "")), str(given.get("message") or ""))


def _mapped(given: Any, where: str, *, prefixed: bool = True) -> Mapped:
    if not given:
        return Mapped()
    claim, expression = given.get("claim") or "", given.get("expression") or ""
    if bool(claim) == bool(expression):
        raise ValueError(f"{where}: exactly one of claim and expression must be given")
    if claim and prefixed and given.get("prefix") is None:
        raise ValueError(f'{where}.prefix: Required value: "" when there is to be none')
    return Mapped(claim, given.get("prefix") or "", expression)


def _check_expressions(issuer: Issuer, where: str) -> None:
    over_claims = [mapped.expression for mapped in (issuer.username, issuer.groups, issuer.uid)]
    over_claims += [expression for _, expression in issuer.extra]
    over_claims += [rule.expression for rule in issuer.claim_rules]
    checks = [(text, "claims") for text in over_claims if text]
    checks += [(rule.expression, "user") for rule in issuer.user_rules]
    if not checks:
        return
    from steersman.api.cel.environment import program

    for text, variable in checks:
        try:
            program(text, (variable,))
        except ValueError as error:
            raise ValueError(f"{where}: the expression {text!r} cannot be compiled: {error}") from error

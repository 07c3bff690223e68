"""Which authorizers a server asks: from its flags, or from an AuthorizationConfiguration file.

Source: the documented apiserver.config.k8s.io/v1 AuthorizationConfiguration, and the flags
--authorization-mode and --authorization-webhook-config-file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steersman.runtime.durations import seconds_of

if TYPE_CHECKING:
    from steersman.apiserver.config import APIServerConfig

KNOWN = ("AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook")
API_GROUP = "apiserver.config.k8s.io/"


@dataclass(frozen=True, slots=True)
class Mode:
    """One authorizer; all but `type` is for webhooks."""

    type: str
    name: str = "default"
    kubeconfig: str = ""
    allowed_ttl: float = 300.0
    denied_ttl: float = 30.0
    """Seconds that answers are remembered."""
    timeout: float = 30.0
    """Seconds an answer may take."""
    failure_denies: bool = False
    """Whether no answer means no; otherwise it means no opinion."""
    conditions: tuple[str, ...] = ()
    """CEL expressions over `request`; the webhook is asked only when all are true."""


def modes_of(config: APIServerConfig) -> tuple[Mode, ...]:
    """What the settings of a server name. Raises: OSError, ValueError."""
    if config.authorization_config:
        return read(Path(config.authorization_config))
    names = [name.strip() for name in config.authorization.split(",") if name.strip()]
    modes = tuple(Mode(name, kubeconfig=config.authorization_webhook_config_file) for name in names)
    _check(modes)
    return modes


def read(path: Path) -> tuple[Mode, ...]:
    """Raises: OSError; ValueError naming the file."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text())
        modes = parse(document)
        _check(modes)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: something is not of the form it should have: {error}") from error
    return modes


def parse(document: Any) -> tuple[Mode, ...]:
    """The authorizers of a configuration document, in its order. Raises: ValueError."""
    if not isinstance(document, dict) or document.get("kind") != "AuthorizationConfiguration":
        raise ValueError("not an AuthorizationConfiguration")
    if not str(document.get("apiVersion", "")).startswith(API_GROUP):
        raise ValueError(f"apiVersion {document.get('apiVersion')!r} is not known: use {API_GROUP}v1")
    given = document.get("authorizers") or []
    if not given:
        raise ValueError("authorizers: at least one authorization mode must be defined")
    modes = tuple(_mode(entry, f"authorizers[{index}]") for index, entry in enumerate(given))
    names = [mode.name for mode in modes]
    if len(set(names)) != len(names):
        raise ValueError("authorizers: every name must be used once")
    return modes


def _mode(entry: Any, where: str) -> Mode:
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: expected a mapping")
    kind, name = entry.get("type", ""), entry.get("name", "")
    if not name:
        raise ValueError(f"{where}.name: Required value")
    if kind != "Webhook":
        if entry.get("webhook"):
            raise ValueError(f"{where}.webhook: may only be given when type is Webhook")
        return Mode(kind, name)
    webhook = entry.get("webhook")
    if not isinstance(webhook, dict):
        raise ValueError(f"{where}.webhook: Required value")
    return _webhook(webhook, name, f"{where}.webhook")


def _webhook(given: dict[str, Any], name: str, where: str) -> Mode:
    info = given.get("connectionInfo") or {}
    if info.get("type") != "KubeConfigFile" or not info.get("kubeConfigFile"):
        raise ValueError(
            f"{where}.connectionInfo: type must be KubeConfigFile, and kubeConfigFile name a file"
        )
    policy = given.get("failurePolicy")
    if policy not in ("NoOpinion", "Deny"):
        raise ValueError(f"{where}.failurePolicy: must be NoOpinion or Deny, not {policy!r}")
    for field in ("subjectAccessReviewVersion", "matchConditionSubjectAccessReviewVersion"):
        if given.get(field, "v1") != "v1":
            raise ValueError(f"{where}.{field}: must be v1")
    timeout = seconds_of(given.get("timeout", "30s"))
    if not 0 < timeout <= 30:
        raise ValueError(f"{where}.timeout: must be above 0 and at most 30s")
    conditions = tuple(
        str(condition.get("expression", "")) for condition in given.get("matchConditions") or ()
    )
    _check_conditions(conditions, where)
    return Mode(
        "Webhook",
        name,
        kubeconfig=str(info["kubeConfigFile"]),
        allowed_ttl=seconds_of(given.get("authorizedTTL", "5m")),
        denied_ttl=seconds_of(given.get("unauthorizedTTL", "30s")),
        timeout=timeout,
        failure_denies=policy == "Deny",
        conditions=conditions,
    )


def _check_conditions(conditions: tuple[str, ...], where: str) -> None:
    if not conditions:
        return
    from steersman.api.cel.environment import program

    for index, expression in enumerate(conditions):
        try:
            program(expression, ("request",))
        except ValueError as error:
            raise ValueError(f"{where}.matchConditions[{index}].expression: {error}") from error


def _check(modes: tuple[Mode, ...]) -> None:
    """Raises: ValueError."""
    types = [mode.type for mode in modes]
    if not types:
        raise ValueError(f"at least one authorization mode is needed, of {', '.join(KNOWN)}")
    for kind in types:
        if kind not in KNOWN:
            raise ValueError(f"unknown authorization mode {kind!r}: use {', '.join(KNOWN)}")
        if kind != "Webhook" and types.count(kind) > 1:
            raise ValueError(f"the authorization mode {kind} is given more than once")
    if any(mode.type == "Webhook" and not mode.kubeconfig for mode in modes):
        raise ValueError("the authorization mode Webhook needs --authorization-webhook-config-file")

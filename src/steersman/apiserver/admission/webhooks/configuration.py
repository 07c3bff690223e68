"""Webhook configurations as the plug-ins use them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steersman.apiserver.admission.conditions import Conditions
from steersman.apiserver.admission.matching import Matcher

if TYPE_CHECKING:
    from steersman.api.types import Object

DEFAULT_TIMEOUT = 10
"""Seconds."""


@dataclass(frozen=True, eq=False)
class Hook:
    """One webhook of one configuration."""

    configuration: str
    name: str
    client_config: Object = field(repr=False)
    matcher: Matcher = field(repr=False)
    conditions: Conditions = field(repr=False)
    ignores_failure: bool
    """failurePolicy Ignore."""
    dry_runs: bool
    """Has no side effects on a dry run."""
    timeout: int
    """Seconds."""
    versions: tuple[str, ...]
    """AdmissionReview versions it understands, by its preference."""
    reinvoked: bool = False
    """reinvocationPolicy IfNeeded."""


def hooks(configurations: list[Object]) -> tuple[Hook, ...]:
    """The webhooks of all configurations in the order they are asked."""
    return tuple(
        _hook(str(one["metadata"]["name"]), webhook)
        for one in configurations
        for webhook in one.get("webhooks") or ()
    )


def _hook(configuration: str, webhook: Object) -> Hook:
    return Hook(
        configuration=configuration,
        name=str(webhook.get("name", "")),
        client_config=webhook.get("clientConfig") or {},
        matcher=Matcher(
            webhook.get("rules") or (),
            namespace_selector=webhook.get("namespaceSelector"),
            object_selector=webhook.get("objectSelector"),
            match_policy=webhook.get("matchPolicy") or "Equivalent",
        ),
        conditions=Conditions(webhook.get("matchConditions") or ()),
        ignores_failure=webhook.get("failurePolicy") == "Ignore",
        dry_runs=webhook.get("sideEffects") in ("None", "NoneOnDryRun"),
        timeout=int(webhook.get("timeoutSeconds") or DEFAULT_TIMEOUT),
        versions=tuple(webhook.get("admissionReviewVersions") or ("v1",)),
        reinvoked=webhook.get("reinvocationPolicy") == "IfNeeded",
    )

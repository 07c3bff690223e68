"""Checks of kinds by which the API is extended and governed.

Webhooks, admission policies, API services, flow control; definitions of custom resources have a module of
their own.

Source: the documented API reference of apiextensions.k8s.io, admissionregistration.k8s.io,
apiregistration.k8s.io and flowcontrol.apiserver.k8s.io.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import fields, names
from steersman.api.fields import Path
from steersman.api.validation import rules

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object

_SPEC = Path("spec")
_MAX_TIMEOUT_SECONDS = 30
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_FAILURE_POLICIES = ("Fail", "Ignore")
_MATCH_POLICIES = ("Equivalent", "Exact")


def validate_webhooks(configuration: Object) -> list[FieldError]:
    """Check a validating or mutating webhook configuration."""
    webhooks = configuration.get("webhooks") or []
    errors = rules.unique(Path("webhooks"), [webhook.get("name") for webhook in webhooks])
    for index, webhook in enumerate(webhooks):
        errors += _webhook(Path("webhooks").index(index), webhook)
    return errors


def _webhook(path: Path, webhook: Object) -> list[FieldError]:
    errors = _qualified(path.child("name"), webhook.get("name") or "")
    side_effects = webhook.get("sideEffects")
    errors += rules.required_one_of(path.child("sideEffects"), side_effects, ("None", "NoneOnDryRun"))
    reviews, where = webhook.get("admissionReviewVersions") or [], path.child("admissionReviewVersions")
    if not reviews:
        errors.append(fields.required(where, "must specify one of v1, v1beta1"))
    elif not {"v1", "v1beta1"} & set(reviews):
        errors.append(fields.invalid(where, reviews, "must include at least one of v1, v1beta1"))
    seconds = webhook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= _MAX_TIMEOUT_SECONDS:
        text = f"the timeout value must be between 1 and {_MAX_TIMEOUT_SECONDS} seconds"
        errors.append(fields.invalid(path.child("timeoutSeconds"), seconds, text))
    for index, rule in enumerate(webhook.get("rules") or ()):
        errors += _match_rule(path.child("rules").index(index), rule)
    policy = webhook.get("reinvocationPolicy")
    errors += rules.one_of(path.child("reinvocationPolicy"), policy, ("IfNeeded", "Never"))
    errors += _matching(path, webhook)
    return errors + _client(path.child("clientConfig"), webhook.get("clientConfig") or {})


def _qualified(path: Path, name: str) -> list[FieldError]:
    if not name:
        return [fields.required(path)]
    errors = rules.complaints(path, name, names.is_dns1123_subdomain(name))
    if name.count(".") < 2:
        text = "should be a domain with at least three segments separated by dots"
        errors.append(fields.invalid(path, name, text))
    return errors


def _matching(path: Path, found: Object) -> list[FieldError]:
    errors = rules.one_of(path.child("failurePolicy"), found.get("failurePolicy"), _FAILURE_POLICIES)
    errors += rules.one_of(path.child("matchPolicy"), found.get("matchPolicy"), _MATCH_POLICIES)
    for name in ("namespaceSelector", "objectSelector"):
        errors += rules.label_selector(path.child(name), found.get(name))
    return errors


def _match_rule(path: Path, rule: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for name in ("operations", "apiGroups", "apiVersions", "resources"):
        values = rule.get(name) or []
        if not values:
            errors.append(fields.required(path.child(name)))
        elif "*" in values and len(values) > 1 and name != "resources":
            text = "if '*' is present, must not specify other values"
            errors.append(fields.invalid(path.child(name), values, text))
    for index, operation in enumerate(rule.get("operations") or ()):
        errors += rules.one_of(path.child("operations").index(index), operation, _OPERATIONS)
    return errors + rules.one_of(path.child("scope"), rule.get("scope"), _SCOPES)


def _client(path: Path, client: Object) -> list[FieldError]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [fields.required(path, "exactly one of url or service is required")]
    if url is not None:
        if url.startswith("https://") and len(url) > len("https://"):
            return []
        return [fields.invalid(path.child("url"), url, "'https' is the only allowed URL scheme")]
    where, found = path.child("service"), service or {}
    errors = rules.required(where.child("name"), found.get("name"), "service name is required")
    text = "service namespace is required"
    errors += rules.required(where.child("namespace"), found.get("namespace"), text)
    if found.get("port") is not None:
        errors += rules.port_number(where.child("port"), found["port"])
    return errors


def validate_admission_policy(policy: Object) -> list[FieldError]:
    """Check a validating or mutating admission policy but for its expressions."""
    spec = policy.get("spec") or {}
    constraints, where = spec.get("matchConstraints"), _SPEC.child("matchConstraints")
    if constraints is None:
        return [fields.required(where)]
    errors = rules.one_of(_SPEC.child("failurePolicy"), spec.get("failurePolicy"), _FAILURE_POLICIES)
    errors += _matching(where, constraints)
    if not constraints.get("resourceRules"):
        errors.append(fields.required(where.child("resourceRules")))
    for index, rule in enumerate(constraints.get("resourceRules") or ()):
        errors += _match_rule(where.child("resourceRules").index(index), rule)
    for index, validation in enumerate(spec.get("validations") or ()):
        here = _SPEC.child("validations").index(index).child("expression")
        errors += rules.required(here, validation.get("expression"), "expression is not specified")
    kind = spec.get("paramKind")
    if kind is not None:
        for name in ("apiVersion", "kind"):
            errors += rules.required(_SPEC.child("paramKind", name), kind.get(name))
    return errors


def validate_policy_binding(binding: Object) -> list[FieldError]:
    """Check the binding of a validating or mutating admission policy."""
    spec = binding.get("spec") or {}
    errors = rules.required(_SPEC.child("policyName"), spec.get("policyName"))
    actions, where = spec.get("validationActions") or [], _SPEC.child("validationActions")
    for index, action in enumerate(actions):
        errors += rules.one_of(where.index(index), action, ("Audit", "Deny", "Warn"))
    errors += rules.unique(where, actions)
    if "Deny" in actions and "Warn" in actions:
        text = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the "
        )
        errors.append(fields.invalid(where, actions, f"{text}API response and headers serves no purpose)"))
    reference = spec.get("paramRef")
    if reference is not None and bool(reference.get("name")) == (reference.get("selector") is not None):
        text = "one of name or selector must be specified"
        errors.append(fields.required(_SPEC.child("paramRef"), text))
    return errors


def validate_validating_binding(binding: Object) -> list[FieldError]:
    """Bindings of validating policies must say what to do."""
    errors = validate_policy_binding(binding)
    actions = (binding.get("spec") or {}).get("validationActions")
    return errors + rules.required(_SPEC.child("validationActions"), actions)


def validate_api_service(api_service: Object) -> list[FieldError]:
    spec = api_service.get("spec") or {}
    group, version = spec.get("group") or "", spec.get("version") or ""
    own, wanted = (api_service.get("metadata") or {}).get("name"), f"{version}.{group}"
    errors: list[FieldError] = []
    if own != wanted:
        text = f'must be `spec.version+"."+spec.group`: "{wanted}"'
        errors.append(fields.invalid(Path("metadata", "name"), own, text))
    errors += rules.required_name(_SPEC.child("version"), version, names.is_dns1035_label)
    for name, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        value = spec.get(name) or 0
        if not 0 < value <= most:
            text = f"must be positive and less than {most}"
            errors.append(fields.invalid(_SPEC.child(name), value, text))
    service, where = spec.get("service"), _SPEC.child("service")
    if service is None:
        return errors
    for name in ("name", "namespace"):
        errors += rules.required(where.child(name), service.get(name))
    if spec.get("insecureSkipTLSVerify") and spec.get("caBundle"):
        text = "may not be true if caBundle is present"
        errors.append(fields.invalid(_SPEC.child("insecureSkipTLSVerify"), True, text))
    return errors


def validate_flow_schema(schema: Object) -> list[FieldError]:
    spec = schema.get("spec") or {}
    precedence, where = spec.get("matchingPrecedence") or 0, _SPEC.child("matchingPrecedence")
    errors: list[FieldError] = []
    if not 1 <= precedence <= 10000:
        text = "must be a value between 1 and 10000"
        errors.append(fields.invalid(where, precedence, text))
    level = (spec.get("priorityLevelConfiguration") or {}).get("name")
    errors += rules.required(_SPEC.child("priorityLevelConfiguration", "name"), level)
    method = spec.get("distinguisherMethod")
    if method is not None:
        here = _SPEC.child("distinguisherMethod", "type")
        errors += rules.required_one_of(here, method.get("type"), ("ByNamespace", "ByUser"))
    for index, rule in enumerate(spec.get("rules") or ()):
        here = _SPEC.child("rules").index(index)
        text = "subjects must contain at least one value"
        errors += rules.required(here.child("subjects"), rule.get("subjects"), text)
    return errors


def validate_priority_level(level: Object) -> list[FieldError]:
    spec = level.get("spec") or {}
    kind = spec.get("type")
    errors = rules.required_one_of(_SPEC.child("type"), kind, ("Exempt", "Limited"))
    limited, where = spec.get("limited"), _SPEC.child("limited")
    if kind == "Exempt":
        if limited is not None:
            errors.append(fields.forbidden(where, "must be nil if the type is not Limited"))
        return errors
    if limited is None:
        return [*errors, fields.required(where, "must not be empty when type is Limited")]
    shares = limited.get("nominalConcurrencyShares")
    errors += rules.non_negative(where.child("nominalConcurrencyShares"), shares)
    response, here = limited.get("limitResponse") or {}, where.child("limitResponse")
    errors += rules.required_one_of(here.child("type"), response.get("type"), ("Queue", "Reject"))
    queuing = response.get("queuing")
    if response.get("type") == "Queue" and queuing is None:
        text = "must not be empty if queuing is enabled"
        errors.append(fields.required(here.child("queuing"), text))
    elif response.get("type") == "Reject" and queuing is not None:
        text = "must be nil if limited.limitResponse.type is not Limited"
        errors.append(fields.forbidden(here.child("queuing"), text))
    elif queuing is not None:
        for name in ("queues", "handSize", "queueLengthLimit"):
            errors += rules.positive(here.child("queuing", name), queuing.get(name))
        if (queuing.get("handSize") or 0) > (queuing.get("queues") or 0):
            text = f"should not be greater than queues ({queuing.get('queues')})"
            errors.append(fields.invalid(here.child("queuing", "handSize"), queuing.get("handSize"), text))
    return errors

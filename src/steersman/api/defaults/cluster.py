"""Defaults around workloads: networking, storage, autoscaling, RBAC, scheduling, admission, API groups.

Source: documented API defaults of the groups' v1 (autoscaling: v1 and v2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api.defaults.podspec import part, put, put_zero

if TYPE_CHECKING:
    from steersman.api.types import Object

RBAC_GROUP = "rbac.authorization.k8s.io"
HTTPS_PORT = 443


def default_endpoint_slice(endpoint_slice: Object) -> None:
    for port in endpoint_slice.get("ports") or ():
        put(port, "name", "")
        put(port, "protocol", "TCP")


def default_network_policy(policy: Object) -> None:
    spec = part(policy, "spec")
    part(spec, "podSelector")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                put(port, "protocol", "TCP")


def default_ingress(ingress: Object) -> None:
    put(ingress, "spec", {})


def default_ingress_class(ingress_class: Object) -> None:
    parameters = (ingress_class.get("spec") or {}).get("parameters")
    if parameters is not None:
        put(parameters, "scope", "Cluster")


def default_storage_class(storage_class: Object) -> None:
    put(storage_class, "reclaimPolicy", "Delete")
    put(storage_class, "volumeBindingMode", "Immediate")


def default_csi_driver(driver: Object) -> None:
    spec = driver.get("spec")
    if spec is None:
        return
    put(spec, "attachRequired", True)
    for name in ("podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"):
        put(spec, name, False)
    put(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType")
    put_zero(spec, "volumeLifecycleModes", ["Persistent"])


def default_pod_disruption_budget(budget: Object) -> None:
    put(budget, "spec", {})


def default_autoscaler_v1(autoscaler: Object) -> None:
    put(part(autoscaler, "spec"), "minReplicas", 1)


def default_autoscaler(autoscaler: Object) -> None:
    spec = part(autoscaler, "spec")
    put(spec, "minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        doubling = {"type": "Percent", "value": 100, "periodSeconds": 15}
        four_pods = {"type": "Pods", "value": 4, "periodSeconds": 15}
        put(behavior, "scaleUp", {})
        put(behavior["scaleUp"], "stabilizationWindowSeconds", 0)
        _default_scaling_rules(behavior["scaleUp"], [four_pods, doubling])
        put(behavior, "scaleDown", {})
        _default_scaling_rules(behavior["scaleDown"], [dict(doubling)])


def _default_scaling_rules(rules: Object, policies: list[Object]) -> None:
    put(rules, "selectPolicy", "Max")
    put(rules, "policies", policies)


def default_role_binding(binding: Object) -> None:
    reference = binding.get("roleRef")
    if reference is not None:
        put_zero(reference, "apiGroup", RBAC_GROUP)
    for subject in binding.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            put_zero(subject, "apiGroup", RBAC_GROUP)


def default_priority_class(priority_class: Object) -> None:
    put(priority_class, "value", 0)
    put(priority_class, "preemptionPolicy", "PreemptLowerPriority")


def default_validating_webhooks(configuration: Object) -> None:
    for webhook in configuration.get("webhooks") or ():
        put(webhook, "failurePolicy", "Fail")
        put(webhook, "timeoutSeconds", 10)
        _default_matching(webhook, webhook.get("rules"))
        service = (webhook.get("clientConfig") or {}).get("service")
        if service is not None:
            put(service, "port", HTTPS_PORT)


def default_mutating_webhooks(configuration: Object) -> None:
    default_validating_webhooks(configuration)
    for webhook in configuration.get("webhooks") or ():
        put(webhook, "reinvocationPolicy", "Never")


def _default_matching(matcher: Object, rules: list[Object] | None) -> None:
    put(matcher, "matchPolicy", "Equivalent")
    put(matcher, "namespaceSelector", {})
    put(matcher, "objectSelector", {})
    for rule in rules or ():
        put(rule, "scope", "*")


def default_admission_policy(policy: Object) -> None:
    spec = policy.get("spec")
    if spec is None:
        return
    put(spec, "failurePolicy", "Fail")
    constraints = spec.get("matchConstraints")
    if constraints is not None:
        rules = (constraints.get("resourceRules") or []) + (constraints.get("excludeResourceRules") or [])
        _default_matching(constraints, rules)


def default_admission_policy_binding(binding: Object) -> None:
    matching = (binding.get("spec") or {}).get("matchResources")
    if matching is not None:
        rules = (matching.get("resourceRules") or []) + (matching.get("excludeResourceRules") or [])
        _default_matching(matching, rules)


def default_custom_resource_definition(definition: Object) -> None:
    spec = definition.get("spec")
    if spec is None:
        return
    names = spec.get("names")
    if names is not None:
        kind = names.get("kind") or ""
        put_zero(names, "singular", kind.lower())
        put_zero(names, "listKind", f"{kind}List" if kind else "")
    put(spec, "conversion", {"strategy": "None"})
    webhook = (spec["conversion"].get("webhook") or {}).get("clientConfig") or {}
    if webhook.get("service") is not None:
        put(webhook["service"], "port", HTTPS_PORT)


def default_api_service(api_service: Object) -> None:
    service = (api_service.get("spec") or {}).get("service")
    if service is not None:
        put(service, "port", HTTPS_PORT)


def default_flow_schema(schema: Object) -> None:
    if schema.get("spec") is not None:
        put_zero(schema["spec"], "matchingPrecedence", 1000)


def default_priority_level(level: Object) -> None:
    spec = level.get("spec") or {}
    if spec.get("type") == "Exempt":
        put(spec, "exempt", {})
        put(spec["exempt"], "nominalConcurrencyShares", 0)
        put(spec["exempt"], "lendablePercent", 0)
    limited = spec.get("limited")
    if limited is None:
        return
    put(limited, "nominalConcurrencyShares", 30)
    put(limited, "lendablePercent", 0)
    queuing = (limited.get("limitResponse") or {}).get("queuing")
    if queuing is not None:
        put_zero(queuing, "queues", 64)
        put_zero(queuing, "handSize", 8)
        put_zero(queuing, "queueLengthLimit", 50)


def default_resource_claim(claim: Object) -> None:
    _default_claim_spec(claim.get("spec") or {})


def default_resource_claim_template(template: Object) -> None:
    _default_claim_spec((template.get("spec") or {}).get("spec") or {})


def _default_claim_spec(spec: Object) -> None:
    for request in (spec.get("devices") or {}).get("requests") or ():
        # v1beta1 has in the request what later versions have below "exactly".
        one = request if "deviceClassName" in request else request.get("exactly")
        for choice in [one, *(request.get("firstAvailable") or ())]:
            if choice is None:
                continue
            put_zero(choice, "allocationMode", "ExactCount")
            if choice["allocationMode"] == "ExactCount":
                put_zero(choice, "count", 1)
            for toleration in choice.get("tolerations") or ():
                put_zero(toleration, "operator", "Equal")

"""Kinds by which the API itself is extended and governed, as tables show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import meta
from steersman.api.tables.columns import NONE, UNSET, age, name, since, spec, status, table

if TYPE_CHECKING:
    from steersman.api.types import Object


def webhooks_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), len(obj.get("webhooks") or ()), age(obj, now)]


def _parameter_kind(obj: Object) -> str:
    kind = spec(obj).get("paramKind")
    return f"{kind.get('apiVersion')}/{kind.get('kind')}" if kind else UNSET


def validating_policy_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), len(spec(obj).get("validations") or ()), _parameter_kind(obj), age(obj, now)]


def mutating_policy_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), len(spec(obj).get("mutations") or ()), _parameter_kind(obj), age(obj, now)]


def policy_binding_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    reference = wanted.get("paramRef")
    parameters = UNSET
    if reference:
        space, own = reference.get("namespace") or "*", reference.get("name")
        parameters = f"{space}/{own}" if own else f"{space}/{NONE}"
    return [name(obj), wanted.get("policyName") or "", parameters, age(obj, now)]


def api_service_cells(obj: Object, now: float) -> list[Any]:
    service = spec(obj).get("service")
    where = f"{service.get('namespace')}/{service.get('name')}" if service else "Local"
    condition = meta.get_condition(obj, "Available")
    available = "Unknown" if condition is None else str(condition.get("status"))
    if condition is not None and available != "True" and condition.get("reason"):
        available = f"{available} ({condition['reason']})"
    return [name(obj), where, available, age(obj, now)]


def flow_schema_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    dangling = next(
        (c.get("status") for c in status(obj).get("conditions") or () if c.get("type") == "Dangling"), "?"
    )
    return [
        name(obj),
        (wanted.get("priorityLevelConfiguration") or {}).get("name") or NONE,
        wanted.get("matchingPrecedence") or 0,
        (wanted.get("distinguisherMethod") or {}).get("type") or NONE,
        age(obj, now),
        dangling,
    ]


def priority_level_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    limited, exempt = wanted.get("limited") or {}, wanted.get("exempt") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    shares = (limited or exempt).get("nominalConcurrencyShares", NONE)
    return [
        name(obj),
        wanted.get("type") or "",
        shares,
        *(queuing.get(field, NONE) for field in ("queues", "handSize", "queueLengthLimit")),
        age(obj, now),
    ]


def trust_bundle_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), spec(obj).get("signerName") or NONE]


def pod_certificate_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    types = {c.get("type") for c in status(obj).get("conditions") or () if c.get("status") == "True"}
    state = next((state for state in ("Issued", "Denied", "Failed") if state in types), "Pending")
    fields = ("podName", "serviceAccountName", "nodeName", "signerName")
    return [name(obj), *(wanted.get(field) or "" for field in fields), state, age(obj, now)]


def resource_claim_cells(obj: Object, now: float) -> list[Any]:
    found = status(obj)
    states = ["deleted"] if meta.deleting(obj) else []
    if found.get("allocation") is None:
        states.append("pending")
    else:
        states += ["allocated", "reserved"] if found.get("reservedFor") else ["allocated"]
    return [name(obj), ",".join(states), age(obj, now)]


def resource_slice_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    pool = (wanted.get("pool") or {}).get("name") or ""
    return [name(obj), wanted.get("nodeName") or UNSET, wanted.get("driver") or "", pool, age(obj, now)]


def taint_rule_cells(obj: Object, now: float) -> list[Any]:
    taint = spec(obj).get("taint") or {}
    facts = (taint.get(field) or "" for field in ("key", "value", "effect"))
    return [name(obj), *facts, since(taint.get("timeAdded"), now), age(obj, now)]


def migration_cells(obj: Object, now: float) -> list[Any]:
    resource = spec(obj).get("resource") or {}
    parts = (resource.get(field) for field in ("resource", "version", "group"))
    return [name(obj), ".".join(part for part in parts if part)]


WEBHOOKS = table(webhooks_cells, ("Name", "Webhooks", "Age"), numbers=("Webhooks",))
VALIDATING_POLICIES = table(
    validating_policy_cells, ("Name", "Validations", "ParamKind", "Age"), numbers=("Validations",)
)
MUTATING_POLICIES = table(
    mutating_policy_cells, ("Name", "Mutations", "ParamKind", "Age"), numbers=("Mutations",)
)
POLICY_BINDINGS = table(policy_binding_cells, ("Name", "PolicyName", "ParamRef", "Age"))
API_SERVICES = table(api_service_cells, ("Name", "Service", "Available", "Age"))
FLOW_SCHEMAS = table(
    flow_schema_cells,
    ("Name", "PriorityLevel", "MatchingPrecedence", "DistinguisherMethod", "Age", "MissingPL"),
)
PRIORITY_LEVELS = table(
    priority_level_cells,
    ("Name", "Type", "NominalConcurrencyShares", "Queues", "HandSize", "QueueLengthLimit", "Age"),
)
CLUSTER_TRUST_BUNDLES = table(trust_bundle_cells, ("Name", "SignerName"))
POD_CERTIFICATE_REQUESTS = table(
    pod_certificate_cells,
    ("Name", "PodName", "ServiceAccountName", "NodeName", "SignerName", "State", "Age"),
)
RESOURCE_CLAIMS = table(resource_claim_cells, ("Name", "State", "Age"))
RESOURCE_SLICES = table(resource_slice_cells, ("Name", "Node", "Driver", "Pool", "Age"))
DEVICE_TAINT_RULES = table(taint_rule_cells, ("Name", "Key", "Value", "Effect", "TimeAdded", "Age"))
MIGRATIONS = table(migration_cells, ("Name", "Resource"))

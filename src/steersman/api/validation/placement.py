"""Checks of where a pod may go: node selectors, affinity, tolerations, topology spread, gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import fields, names
from steersman.api.validation import rules

if TYPE_CHECKING:
    from steersman.api.fields import FieldError, Path
    from steersman.api.types import Object

_RULES = "requiredDuringSchedulingIgnoredDuringExecution"
_WISHES = "preferredDuringSchedulingIgnoredDuringExecution"
TAINT_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_NODE_OPERATORS = ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")
_TOLERATION_OPERATORS = ("Equal", "Exists", "Gt", "Lt")
_POLICIES = ("Honor", "Ignore")


def placement(path: Path, spec: Object) -> list[FieldError]:
    """Check everything of a pod spec that the scheduler reads."""
    errors: list[FieldError] = []
    if spec.get("nodeSelector"):
        errors += rules.labels(path.child("nodeSelector"), spec["nodeSelector"])
    if spec.get("affinity"):
        errors += affinity(path.child("affinity"), spec["affinity"])
    if spec.get("tolerations"):
        errors += tolerations(path.child("tolerations"), spec["tolerations"])
    if spec.get("topologySpreadConstraints"):
        errors += _spread(path.child("topologySpreadConstraints"), spec["topologySpreadConstraints"])
    if spec.get("schedulingGates"):
        errors += _gates(path.child("schedulingGates"), spec["schedulingGates"], spec.get("nodeName"))
    return errors


def affinity(path: Path, found: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    if found.get("nodeAffinity"):
        errors += _node_affinity(path.child("nodeAffinity"), found["nodeAffinity"])
    for name in ("podAffinity", "podAntiAffinity"):
        if found.get(name):
            errors += _pod_affinity(path.child(name), found[name])
    return errors


def _node_affinity(path: Path, found: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    if found.get(_RULES) is not None:
        errors += node_selector(path.child(_RULES), found[_RULES])
    for index, wish in enumerate(found.get(_WISHES) or ()):
        here = path.child(_WISHES).index(index)
        errors += _weight(here.child("weight"), wish.get("weight"))
        errors += _node_term(here.child("preference"), wish.get("preference") or {})
    return errors


def node_selector(path: Path, selector: Object) -> list[FieldError]:
    """Check a NodeSelector (also that of a PersistentVolume)."""
    terms = selector.get("nodeSelectorTerms") or []
    where = path.child("nodeSelectorTerms")
    if not terms:
        return [fields.required(where, "must have at least one node selector term")]
    return [error for index, term in enumerate(terms) for error in _node_term(where.index(index), term)]


def _node_term(path: Path, term: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        errors += _node_expression(path.child("matchExpressions").index(index), expression)
    for index, expression in enumerate(term.get("matchFields") or ()):
        here = path.child("matchFields").index(index)
        if expression.get("key") != "metadata.name":
            errors.append(
                fields.invalid(here.child("key"), expression.get("key"), "not a valid field selector key")
            )
        if len(expression.get("values") or ()) != 1:
            text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            errors.append(fields.required(here.child("values"), text))
    return errors


def _node_expression(path: Path, expression: Object) -> list[FieldError]:
    operator, values = expression.get("operator"), expression.get("values") or []
    errors: list[FieldError] = []
    if operator in ("In", "NotIn") and not values:
        text = "must be specified when `operator` is 'In' or 'NotIn'"
        errors.append(fields.required(path.child("values"), text))
    elif operator in ("Exists", "DoesNotExist") and values:
        text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        errors.append(fields.forbidden(path.child("values"), text))
    elif operator in ("Gt", "Lt") and len(values) != 1:
        text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
        errors.append(fields.required(path.child("values"), text))
    elif operator not in _NODE_OPERATORS:
        errors.append(fields.invalid(path.child("operator"), operator, "not a valid selector operator"))
    key = expression.get("key") or ""
    return errors + rules.complaints(path.child("key"), key, names.is_qualified_name(key))


def _weight(path: Path, weight: int | None) -> list[FieldError]:
    if weight is None or not 1 <= weight <= 100:
        return [fields.invalid(path, weight or 0, "must be in the range 1-100")]
    return []


def _pod_affinity(path: Path, found: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, term in enumerate(found.get(_RULES) or ()):
        errors += _pod_term(path.child(_RULES).index(index), term)
    for index, wish in enumerate(found.get(_WISHES) or ()):
        here = path.child(_WISHES).index(index)
        errors += _weight(here.child("weight"), wish.get("weight"))
        errors += _pod_term(here.child("podAffinityTerm"), wish.get("podAffinityTerm") or {})
    return errors


def _pod_term(path: Path, term: Object) -> list[FieldError]:
    errors = rules.label_selector(path.child("labelSelector"), term.get("labelSelector"))
    errors += rules.label_selector(path.child("namespaceSelector"), term.get("namespaceSelector"))
    for index, name in enumerate(term.get("namespaces") or ()):
        errors += rules.complaints(path.child("namespaces").index(index), name, names.is_dns1123_label(name))
    key = term.get("topologyKey")
    if not key:
        return [*errors, fields.required(path.child("topologyKey"), "can not be empty")]
    return errors + rules.complaints(path.child("topologyKey"), key, names.is_qualified_name(key))


def tolerations(path: Path, found: list[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, toleration in enumerate(found):
        here = path.index(index)
        key, operator = toleration.get("key"), toleration.get("operator") or "Equal"
        if key:
            errors += rules.complaints(here.child("key"), key, names.is_qualified_name(key))
        elif operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(fields.invalid(here.child("operator"), toleration.get("operator") or "", text))
        effect = toleration.get("effect") or None
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(fields.invalid(here.child("effect"), effect or "", text))
        if operator == "Exists" and toleration.get("value"):
            text = "value must be empty when `operator` is 'Exists'"
            errors.append(fields.invalid(here.child("operator"), toleration["value"], text))
        elif operator not in _TOLERATION_OPERATORS:
            errors.append(fields.not_supported(here.child("operator"), operator, ("Equal", "Exists")))
        elif toleration.get("value"):
            errors += rules.complaints(
                here.child("operator"), toleration["value"], names.is_label_value(toleration["value"])
            )
        errors += rules.one_of(here.child("effect"), effect, TAINT_EFFECTS)
    return errors


def _spread(path: Path, constraints: list[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints):
        here = path.index(index)
        if (constraint.get("maxSkew") or 0) <= 0:
            errors.append(
                fields.invalid(here.child("maxSkew"), constraint.get("maxSkew") or 0, rules.NOT_POSITIVE)
            )
        key, action = constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""
        if not key:
            errors.append(fields.required(here.child("topologyKey"), "can not be empty"))
        else:
            errors += rules.complaints(here.child("topologyKey"), key, names.is_qualified_name(key))
        errors += rules.one_of(here.child("whenUnsatisfiable"), action, ("DoNotSchedule", "ScheduleAnyway"))
        if (key, action) in seen:
            errors.append(fields.duplicate(here, f"{{{key}, {action}}}"))
        seen.add((key, action))
        minimum = constraint.get("minDomains")
        if minimum is not None and minimum <= 0:
            errors.append(fields.invalid(here.child("minDomains"), minimum, rules.NOT_POSITIVE))
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            errors += rules.one_of(here.child(name), constraint.get(name), _POLICIES)
        errors += rules.label_selector(here.child("labelSelector"), constraint.get("labelSelector"))
    return errors


def _gates(path: Path, gates: list[Object], node: str | None) -> list[FieldError]:
    errors = rules.unique(path, [gate.get("name") for gate in gates])
    for index, gate in enumerate(gates):
        name = gate.get("name") or ""
        errors += rules.complaints(path.index(index), name, names.is_qualified_name(name))
    if node:
        errors.append(fields.forbidden(path, "cannot be set until all schedulingGates have been cleared"))
    return errors


def taints(path: Path, found: list[Object]) -> list[FieldError]:
    """Check the taints of a node."""
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(found):
        here, key = path.index(index), taint.get("key") or ""
        errors += rules.required_name(here.child("key"), key, names.is_qualified_name)
        if taint.get("value"):
            errors += rules.complaints(
                here.child("value"), taint["value"], names.is_label_value(taint["value"])
            )
        errors += rules.required_one_of(here.child("effect"), taint.get("effect"), TAINT_EFFECTS)
        pair = (key, str(taint.get("effect")))
        if pair in seen:
            text = "taints must be unique by key and effect pair"
            errors.append(fields.FieldError(fields.DUPLICATE, str(here), taint, text))
        seen.add(pair)
    return errors

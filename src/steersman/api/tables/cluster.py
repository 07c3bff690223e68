"""Nodes, namespaces, configuration, events, identities and access rules as tables show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steersman.api import quantity
from steersman.api.tables.columns import (
    NONE,
    UNKNOWN,
    Table,
    age,
    column,
    joined,
    metadata,
    name,
    since,
    spec,
    status,
    table,
)
from steersman.api.times import human_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def node_cells(obj: Object, now: float) -> list[Any]:
    info = status(obj).get("nodeInfo") or {}
    addresses = status(obj).get("addresses") or ()

    def address(kind: str) -> str:
        return next((entry.get("address") for entry in addresses if entry.get("type") == kind), None) or NONE

    return [
        name(obj),
        _node_state(obj),
        _node_roles(metadata(obj).get("labels") or {}),
        age(obj, now),
        info.get("kubeletVersion") or "",
        address("InternalIP"),
        address("ExternalIP"),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_state(node: Object) -> str:
    ready = next((c for c in status(node).get("conditions") or () if c.get("type") == "Ready"), None)
    state = "Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"
    return f"{state},SchedulingDisabled" if spec(node).get("unschedulable") else state


def _node_roles(labels: Mapping[str, str]) -> str:
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    roles |= {labels[_ROLE_LABEL]} if labels.get(_ROLE_LABEL) else set()
    return joined(sorted(role for role in roles if role))


def namespace_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), status(obj).get("phase") or "", age(obj, now)]


def config_map_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age(obj, now)]


def secret_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), obj.get("type") or "", len(obj.get("data") or ()), age(obj, now)]


def service_account_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), len(obj.get("secrets") or ()), age(obj, now)]


def event_cells(obj: Object, now: float) -> list[Any]:
    """Return the cells of an event, core/v1 or events.k8s.io/v1 (same facts, other names)."""
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp") or first
    series = obj.get("series")
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    if series:
        last, count = series.get("lastObservedTime") or last, series.get("count") or count
    kind = (about.get("kind") or "").lower()
    component = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController")
    host = source.get("host") or obj.get("reportingInstance")
    return [
        since(last, now),
        obj.get("type") or "",
        obj.get("reason") or "",
        f"{kind}/{about['name']}" if about.get("name") else kind,
        about.get("fieldPath") or "",
        ", ".join(part for part in (component, host) if part),
        (obj.get("message") or obj.get("note") or "").strip(),
        since(first, now),
        count,
        name(obj),
    ]


def lease_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), spec(obj).get("holderIdentity") or "", age(obj, now)]


def binding_cells(obj: Object, now: float) -> list[Any]:
    role = obj.get("roleRef") or {}
    subjects = obj.get("subjects") or ()

    def of(kind: str) -> str:
        return ", ".join(subject.get("name") or "" for subject in subjects if subject.get("kind") == kind)

    accounts = ", ".join(
        f"{subject.get('namespace')}/{subject.get('name')}"
        for subject in subjects
        if subject.get("kind") == "ServiceAccount"
    )
    return [
        name(obj),
        f"{role.get('kind')}/{role.get('name')}",
        age(obj, now),
        of("User"),
        of("Group"),
        accounts,
    ]


def created_cells(obj: Object, now: float) -> list[Any]:
    """Return the cells of kinds without columns of their own: name and time of creation."""
    return [name(obj), metadata(obj).get("creationTimestamp") or UNKNOWN]


def named_cells(obj: Object, now: float) -> list[Any]:
    """Return name and age."""
    return [name(obj), age(obj, now)]


def priority_class_cells(obj: Object, now: float) -> list[Any]:
    is_default = bool(obj.get("globalDefault"))
    policy = obj.get("preemptionPolicy") or ""
    return [name(obj), obj.get("value") or 0, is_default, age(obj, now), policy]


def runtime_class_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), obj.get("handler") or "", age(obj, now)]


def quota_cells(obj: Object, now: float) -> list[Any]:
    hard, used = status(obj).get("hard") or {}, status(obj).get("used") or {}

    def shown(limits: bool) -> str:
        keys = sorted(key for key in hard if key.startswith("limits") is limits)
        return ", ".join(f"{key}: {used.get(key, '0')}/{hard[key]}" for key in keys)

    return [name(obj), shown(False), shown(True), age(obj, now)]


def signing_request_cells(obj: Object, now: float) -> list[Any]:
    wanted = spec(obj)
    seconds = wanted.get("expirationSeconds")
    types = {condition.get("type") for condition in status(obj).get("conditions") or ()}
    states = [state for state in ("Approved", "Denied", "Failed") if state in types]
    if status(obj).get("certificate"):
        states.append("Issued")
    return [
        name(obj),
        age(obj, now),
        wanted.get("signerName") or NONE,
        wanted.get("username") or "",
        NONE if seconds is None else human_duration(seconds),
        ",".join(states) or "Pending",
    ]


def component_status_cells(obj: Object, now: float) -> list[Any]:
    for condition in obj.get("conditions") or ():
        if condition.get("type") == "Healthy":
            state = {"True": "Healthy", "False": "Unhealthy"}.get(str(condition.get("status")), "Unknown")
            return [name(obj), state, condition.get("message") or "", condition.get("error") or ""]
    return [name(obj), "Unknown", "", ""]


def scale_cells(obj: Object, now: float) -> list[Any]:
    return [name(obj), spec(obj).get("replicas") or 0, status(obj).get("replicas") or 0, age(obj, now)]


def storage_class_cells(obj: Object, now: float) -> list[Any]:
    is_default = (metadata(obj).get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
    return [
        f"{name(obj)} (default)" if is_default else name(obj),
        obj.get("provisioner") or "",
        obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate",
        bool(obj.get("allowVolumeExpansion")),
        age(obj, now),
    ]


def bytes_text(amount: Any) -> str:
    """Return a quantity in its stored spelling, or as it is when it is none."""
    try:
        return quantity.canonical(amount)
    except (ValueError, TypeError):
        return str(amount)


_NODE_WIDE = ("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime")
NODES = table(node_cells, ("Name", "Status", "Roles", "Age", "Version", *_NODE_WIDE), wide=_NODE_WIDE)
NAMESPACES = table(namespace_cells, ("Name", "Status", "Age"))
CONFIG_MAPS = table(config_map_cells, ("Name", "Data", "Age"))
SECRETS = table(secret_cells, ("Name", "Type", "Data", "Age"))
SERVICE_ACCOUNTS = table(service_account_cells, ("Name", "Secrets", "Age"))
EVENTS = table(
    event_cells,
    (
        "Last Seen",
        "Type",
        "Reason",
        "Object",
        "Subobject",
        "Source",
        "Message",
        "First Seen",
        "Count",
        "Name",
    ),
    wide=("Subobject", "Source", "First Seen", "Count", "Name"),
)
LEASES = table(lease_cells, ("Name", "Holder", "Age"))
_SUBJECTS = ("Users", "Groups", "ServiceAccounts")
BINDINGS = table(binding_cells, ("Name", "Role", "Age", *_SUBJECTS), wide=_SUBJECTS)
PRIORITY_CLASSES = table(
    priority_class_cells,
    ("Name", "Value", "Global-Default", "Age", "PreemptionPolicy"),
    numbers=("Value",),
    booleans=("Global-Default",),
)
RUNTIME_CLASSES = table(runtime_class_cells, ("Name", "Handler", "Age"))
RESOURCE_QUOTAS = table(quota_cells, ("Name", "Request", "Limit", "Age"))
CERTIFICATE_SIGNING_REQUESTS = table(
    signing_request_cells, ("Name", "Age", "SignerName", "Requestor", "RequestedDuration", "Condition")
)
COMPONENT_STATUSES = table(component_status_cells, ("Name", "Status", "Message", "Error"))
SCALES = table(scale_cells, ("Name", "Desired", "Available", "Age"), numbers=("Desired", "Available"))
STORAGE_CLASSES = table(
    storage_class_cells,
    ("Name", "Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"),
)
NAMED = table(named_cells, ("Name", "Age"))
CREATED = Table((column("Name", format_="name"), column("Created At", "date")), created_cells)

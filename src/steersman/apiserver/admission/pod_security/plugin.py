"""PodSecurity: refuses pods that break what their namespace enforces; warns and notes for the audit.

Pods are refused by `enforce`; the templates of workloads only cause warnings and audit annotations, because
their pods are judged when they come. A namespace whose enforcement grows stricter is told which of its pods
break it. Source: "Pod Security Admission".
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from steersman.api import kinds, meta
from steersman.api.errors import Invalid
from steersman.apiserver.admission.plugin import AdmissionPlugin, forbidden
from steersman.apiserver.admission.pod_security.checks import told, violations
from steersman.apiserver.admission.pod_security.configuration import Settings, parse
from steersman.apiserver.admission.pod_security.standards import (
    PREFIX,
    Standard,
    label_errors,
    standards_of,
)

if TYPE_CHECKING:
    from steersman.api.resource import Resource
    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes, Operation
    from steersman.apiserver.api import API

TEMPLATES: dict[Resource, tuple[str, ...]] = {
    kinds.DEPLOYMENTS: ("spec", "template"),
    kinds.REPLICA_SETS: ("spec", "template"),
    kinds.STATEFUL_SETS: ("spec", "template"),
    kinds.DAEMON_SETS: ("spec", "template"),
    kinds.REPLICATION_CONTROLLERS: ("spec", "template"),
    kinds.JOBS: ("spec", "template"),
    kinds.CRON_JOBS: ("spec", "jobTemplate", "spec", "template"),
    kinds.POD_TEMPLATES: ("template",),
}
"""Where workloads keep the pod they make."""
MOST_PODS = 3000
"""Pods of a namespace looked at when its labels change."""


class PodSecurity(AdmissionPlugin):
    name = "PodSecurity"
    resources = (kinds.PODS, kinds.NAMESPACES, *TEMPLATES)
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE")
    subresources = ("", "ephemeralcontainers")

    def __init__(self, api: API) -> None:
        super().__init__(api)
        self.settings = Settings()

    def configure(self, settings: Object) -> None:
        self.settings = parse(settings)

    async def validate(self, attributes: Attributes) -> None:
        if attributes.resource == kinds.NAMESPACES:
            await self._namespace(attributes)
            return
        namespace = await self.find(kinds.NAMESPACES, attributes.namespace)
        labels = meta.labels(namespace or {})
        if self.settings.asks_nothing and not any(key.startswith(PREFIX) for key in labels):
            return
        template = template_of(attributes.resource, attributes.obj or {})
        if template is None or not _matters(attributes) or self._exempt(attributes, template):
            return
        self._judge(attributes, standards_of(labels, self.settings.defaults), template)

    def _exempt(self, attributes: Attributes, template: Object) -> bool:
        given = self.settings.exemptions
        runtime_class = (template.get("spec") or {}).get("runtimeClassName") or ""
        found = (
            ("user", attributes.user.name in given.usernames),
            ("namespace", attributes.namespace in given.namespaces),
            ("runtimeClass", runtime_class in given.runtime_classes),
        )
        for reason, exempt in found:
            if exempt:
                attributes.audit[f"{PREFIX}exempt"] = reason
                return True
        return False

    def _judge(self, attributes: Attributes, wanted: dict[str, Standard], template: Object) -> None:
        metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
        is_pod = attributes.resource == kinds.PODS
        would = "" if is_pod else "would "
        verb = "violates" if is_pod else "violate"
        if is_pod:
            enforced = wanted["enforce"]
            attributes.audit[f"{PREFIX}enforce-policy"] = str(enforced)
            found = violations(enforced, metadata, spec)
            if found:
                raise forbidden(attributes, f'violates PodSecurity "{enforced}": {told(found)}')
        noted = violations(wanted["audit"], metadata, spec)
        if noted:
            attributes.audit[f"{PREFIX}audit-violations"] = (
                f'would violate PodSecurity "{wanted["audit"]}": {told(noted)}'
            )
        warned = violations(wanted["warn"], metadata, spec)
        if warned:
            verb = "would violate" if would or is_pod else verb
            attributes.warnings.append(f'{verb} PodSecurity "{wanted["warn"]}": {told(warned)}')

    async def _namespace(self, attributes: Attributes) -> None:
        obj, old = attributes.obj or {}, attributes.old
        labels, before = meta.labels(obj), meta.labels(old or {})
        errors = label_errors(labels)
        if errors and (old is None or [str(e) for e in errors] != [str(e) for e in label_errors(before)]):
            raise Invalid.of(kinds.NAMESPACES, attributes.name, errors)
        if old is None or attributes.subresource or attributes.name in self.settings.exemptions.namespaces:
            return
        usual = self.settings.defaults
        wanted, had = standards_of(labels, usual)["enforce"], standards_of(before, usual)["enforce"]
        if wanted == had or wanted.rank == 0 or (wanted.edition == had.edition and wanted.rank < had.rank):
            return
        pods = (await self.api.look_all(kinds.PODS, attributes.name))[:MOST_PODS]
        attributes.warnings.extend(namespace_warnings(attributes.name, wanted, pods))


def template_of(resource: Resource, obj: Object) -> Object | None:
    """The pod in an object: itself, or the template it holds."""
    if resource == kinds.PODS:
        return obj
    found: Object | None = obj
    for name in TEMPLATES[resource]:
        found = (found or {}).get(name)
    return found


def _matters(attributes: Attributes) -> bool:
    """Whether an update changes what the standards look at."""
    if attributes.operation == "CREATE" or attributes.resource != kinds.PODS or attributes.subresource:
        return True
    obj, old = attributes.obj or {}, attributes.old or {}
    return bool(obj.get("spec") != old.get("spec") or meta.annotations(obj) != meta.annotations(old))


def namespace_warnings(namespace: str, standard: Standard, pods: list[Object]) -> list[str]:
    """Say which pods of a namespace break a standard it is about to enforce; alike ones together."""
    first: dict[str, str] = {}
    count: Counter[str] = Counter()
    for pod in pods:
        found = violations(standard, pod["metadata"], pod.get("spec") or {})
        if found:
            reasons = ", ".join(reason for reason, _ in found)
            first.setdefault(reasons, meta.name(pod))
            count[reasons] += 1
    if not first:
        return []
    texts = [
        f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{standard}"'
    ]
    for reasons, name in sorted(first.items(), key=lambda item: item[1]):
        others = count[reasons] - 1
        more = f" (and {others} other pod{'s' if others > 1 else ''})" if others else ""
        texts.append(f"{name}{more}: {reasons}")
    return texts

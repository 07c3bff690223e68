"""The strategy of custom objects: everything special about them comes from their definition's schema.

Source: k8s apiextensions-apiserver pkg/registry/customresource (strategy.go, status_strategy.go,
validator.go).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import meta, validation
from steersman.api.errors import MethodNotSupported
from steersman.apiserver.apiextensions import checks
from steersman.apiserver.registry.strategy import Context, StatusStrategy, Strategy, keep

if TYPE_CHECKING:
    from steersman.api.fields import FieldError
    from steersman.api.types import Object
    from steersman.apiserver.apiextensions.version import CustomVersion


class CustomStrategy(Strategy):
    """Custom objects, as written through their main resource."""

    allow_unconditional_update = False

    def __init__(self, version: CustomVersion, *, terminating: bool = False) -> None:
        self.version, self.terminating = version, terminating
        self.extra_fields = tuple(path.text.removeprefix(".") for path in version.selectable)
        super().__init__(version.resource, counts_generation=True, allow_unconditional_update=False)

    def make_subresources(self) -> dict[str, Strategy]:
        return {"status": CustomStatusStrategy(self)} if self.has_status else {}

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        if self.terminating:
            raise MethodNotSupported("create not allowed while custom resource definition is terminating")

    def count_generation(self, obj: Object, old: Object) -> None:
        """Everything but metadata counts; status does not where it has a sub-resource of its own."""
        left_out = {"metadata", "apiVersion", "kind"} | ({"status"} if self.has_status else set())
        names = {*obj, *old} - left_out
        changed = any(obj.get(name) != old.get(name) for name in names)
        obj["metadata"]["generation"] = meta.generation(old) + changed

    def validate(self, ctx: Context, obj: Object) -> list[FieldError]:
        return validation.validate_create(self.resource, obj) + checks.check(self.version, obj, None)

    def validate_update(self, ctx: Context, obj: Object, old: Object) -> list[FieldError]:
        found = validation.validate_update(self.resource, obj, old)
        return found + checks.check(self.version, obj, old)

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        for name, path in zip(self.extra_fields, self.version.selectable, strict=True):
            value = (path.find(obj) or [None])[0]
            if value is not None:
                fields[name] = str(value).lower() if isinstance(value, bool) else str(value)


class CustomStatusStrategy(StatusStrategy):
    """Writes of the status sub-resource: only status changes."""

    main: CustomStrategy
    allow_unconditional_update = False

    def prepare_for_update(self, ctx: Context, obj: Object, old: Object) -> None:
        for name in {*obj, *old} - {"status", "metadata", "apiVersion", "kind"}:
            keep(obj, old, name)
        metadata = obj["metadata"]
        for name in {*metadata, *old["metadata"]} - {"managedFields", "resourceVersion"}:
            keep(metadata, old["metadata"], name)

    def validate_update(self, ctx: Context, obj: Object, old: Object) -> list[FieldError]:
        found = validation.validate_status_update(self.resource, obj, old)
        return found + checks.check(self.main.version, obj, old)

"""What is special about a kind, as seen by the generic registry.

The generic registry does everything that all kinds share: decoding, names, uids, resource versions,
finalizers, admission, storage.  At fixed points it asks the strategy of the resource:

    create   default, admission, begin, prepare_for_create, validate, canonicalize, store, finish
    update   default, admission, begin, prepare_for_update, validate_update, canonicalize, store, finish
    delete   graceful_seconds, prepare_for_delete, deletion_blocked, store, after_delete

`Strategy` itself fits every kind without peculiarities, custom resources included.  A kind that needs more
has a sub-class in `registry/<group>/<kind>.py` and a row in `registry.STRATEGIES`.  Sub-resources that write
the same object (`status`, `ephemeralcontainers`, ...) have a strategy too: `Strategy.for_subresource`.

Objects given to a `prepare_…` method are private copies and are changed in place; `old` never is.

Source: the order of calls is that of k8s `apiserver/pkg/registry/rest` (create.go, update.go, delete.go).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from steersman.api import defaults, meta, validation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from steersman.api.cidr import Family
    from steersman.api.fields import FieldError
    from steersman.api.kinds import Resource
    from steersman.api.types import Object

Propagation = Literal["Background", "Foreground", "Orphan"]


class AllocationError(Exception):
    """An address or port cannot be had; the text is the detail of the field error."""


class Allocators(Protocol):
    """Cluster-wide unique numbers for Services.  An allocation lives until it is released."""

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of the service networks, the primary one first."""

    async def allocate_ip(self, family: Family, wanted: str | None = None) -> str:
        """Take `wanted`, or any free address.  Raises AllocationError."""

    async def release_ip(self, address: str) -> None:
        """Give an address back; unknown addresses are ignored."""

    async def allocate_port(self, wanted: int | None = None) -> int:
        """Take node port `wanted`, or any free one.  Raises AllocationError."""

    async def release_port(self, port: int) -> None:
        """Give a node port back; unknown ports are ignored."""


@dataclass(frozen=True, slots=True)
class Context:
    """One write request, as far as strategies may know it."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()
    now: float = 0.0
    """Seconds since the epoch."""
    dry_run: bool = False
    allocators: Allocators | None = None
    """None where nothing is allocated (tests); Services then keep what they were given."""
    warnings: list[str] = field(default_factory=list)
    """Texts for Warning headers; strategies may append."""


async def finish_nothing(_stored: bool) -> None:
    """The `Finish` of strategies that hold no resources."""


class Strategy:
    """The behaviour every kind has unless its own strategy says otherwise."""

    allow_create_on_update: bool = False
    """PUT of an absent object creates it."""
    allow_unconditional_update: bool = True
    """PUT without resourceVersion overwrites."""
    allocates: bool = False
    """`begin` has something to do; the registry skips the call otherwise."""
    default_propagation: Propagation = "Background"
    """What a DELETE without propagationPolicy does with dependents."""
    counts_generation: bool = False
    """Kinds whose metadata.generation counts changes of everything but metadata and status."""
    extra_fields: tuple[str, ...] = ()
    """Field-selector fields beyond metadata.name and metadata.namespace."""

    def __init__(
        self,
        resource: Resource,
        *,
        counts_generation: bool | None = None,
        allow_create_on_update: bool | None = None,
        allow_unconditional_update: bool | None = None,
    ) -> None:
        self.resource = resource
        self.has_status = resource.subresource("status") is not None
        if counts_generation is not None:
            self.counts_generation = counts_generation
        if allow_create_on_update is not None:
            self.allow_create_on_update = allow_create_on_update
        if allow_unconditional_update is not None:
            self.allow_unconditional_update = allow_unconditional_update
        self.field_names: tuple[str, ...] = (
            ("metadata.name", "metadata.namespace", *self.extra_fields)
            if resource.namespaced
            else ("metadata.name", *self.extra_fields)
        )
        self._subresources: dict[str, Strategy] = self.make_subresources()

    # --- create and update

    def make_subresources(self) -> dict[str, Strategy]:
        """Return the strategies of sub-resources that write this object; called once."""
        return {"status": StatusStrategy(self)} if self.has_status else {}

    def for_subresource(self, name: str) -> Strategy | None:
        """Return the strategy of a sub-resource; itself for the empty name, None when there is none."""
        return self._subresources.get(name) if name else self

    async def begin(self, ctx: Context, obj: Object, old: Object | None) -> Callable[[bool], Awaitable[None]]:
        """Take what the object needs from allocators and write it into `obj`; `old` is None on create.

        The returned function is awaited once with the outcome, True when the write was stored, and gives
        back what is not needed then.
        Raises ApiError.
        """
        return finish_nothing

    def prepare_for_create(self, ctx: Context, obj: Object) -> None:
        """Drop what clients may not set on create and set what the server decides."""
        if self.has_status:
            defaults.reset_status(self.resource, obj)
        if self.counts_generation:
            obj["metadata"]["generation"] = 1
        else:
            obj["metadata"].pop("generation", None)
        self.prepare_new(ctx, obj)

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        """Hook of kinds: after the general part of `prepare_for_create`."""

    def prepare_for_update(self, ctx: Context, obj: Object, old: Object) -> None:
        """Put back what this way of writing may not change, and count the generation."""
        if self.has_status:
            keep(obj, old, "status")
        self.prepare_changed(ctx, obj, old)
        self.count_generation(obj, old)

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        """Hook of kinds: between restoring the status and counting the generation."""

    def count_generation(self, obj: Object, old: Object) -> None:
        metadata = obj["metadata"]
        if not self.counts_generation:
            keep(metadata, old.get("metadata") or {}, "generation")
            return
        before = meta.generation(old)
        metadata["generation"] = before if same_but_metadata(obj, old) else before + 1

    def validate(self, ctx: Context, obj: Object) -> list[FieldError]:
        return validation.validate_create(self.resource, obj)

    def validate_update(self, ctx: Context, obj: Object, old: Object) -> list[FieldError]:
        return validation.validate_update(self.resource, obj, old)

    def canonicalize(self, obj: Object) -> None:
        """Bring a valid object into its stored form."""

    def warnings(self, ctx: Context, obj: Object, old: Object | None) -> list[str]:
        """Return texts for Warning headers about a valid object."""
        return []

    # --- delete

    def graceful_seconds(self, ctx: Context, obj: Object, requested: int | None) -> int | None:
        """Return how long the object may take to go, 0 for at once; None when the kind knows no grace."""
        return None

    def prepare_for_delete(self, ctx: Context, obj: Object) -> None:
        """Change an object whose deletionTimestamp is being set."""

    def deletion_blocked(self, obj: Object) -> bool:
        """Tell whether something besides metadata.finalizers keeps a deleted object."""
        return False

    async def after_delete(self, ctx: Context, obj: Object) -> None:
        """Give back what the object held; called once it is gone from the store."""

    # --- read

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Return the values field selectors see; a field it lacks counts as empty."""
        metadata = obj["metadata"]
        fields = {
            "metadata.name": metadata.get("name", ""),
            "metadata.namespace": metadata.get("namespace", ""),
        }
        self.add_fields(fields, obj)
        return fields

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        """Hook of kinds: add the values of `extra_fields` that are not empty."""


class StatusStrategy(Strategy):
    """Writes of the `status` sub-resource: everything but status and metadata stays as it was."""

    keeps_labels: bool = False
    """Labels cannot be changed on this way either; annotations can."""

    def __init__(self, main: Strategy) -> None:
        self.main = main
        super().__init__(main.resource, counts_generation=main.counts_generation)
        self.extra_fields = main.extra_fields
        self.field_names = main.field_names

    def make_subresources(self) -> dict[str, Strategy]:
        return {}

    def prepare_for_update(self, ctx: Context, obj: Object, old: Object) -> None:
        for name in {*obj, *old} - {"status", "metadata", "apiVersion", "kind"}:
            keep(obj, old, name)
        metadata, before = obj["metadata"], old.get("metadata") or {}
        for name in ("generation", "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences"):
            keep(metadata, before, name)
        if self.keeps_labels:
            keep(metadata, before, "labels")
        self.prepare_changed(ctx, obj, old)

    def validate_update(self, ctx: Context, obj: Object, old: Object) -> list[FieldError]:
        return validation.validate_status_update(self.resource, obj, old)

    def deletion_blocked(self, obj: Object) -> bool:
        return self.main.deletion_blocked(obj)

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        self.main.add_fields(fields, obj)


def keep(obj: Object, old: Mapping[str, object], name: str) -> None:
    """Give field `name` of `obj` the value it has in `old`, absence included."""
    if name in old:
        obj[name] = old[name]
    else:
        obj.pop(name, None)


def same_but_metadata(obj: Mapping[str, object], old: Mapping[str, object]) -> bool:
    """Tell whether two objects agree in everything but metadata, status and type names; empty is absent."""
    names = {*obj, *old} - {"metadata", "status", "apiVersion", "kind"}
    return all((obj.get(name) or None) == (old.get(name) or None) for name in names)

"""Query parameters and DeleteOptions bodies as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api import schema
from steersman.api.errors import BadRequest, Invalid
from steersman.api.fields import FieldError, invalid, not_supported, too_long

if TYPE_CHECKING:
    from steersman.api.types import Object
    from steersman.apiserver.http.values import Query

VALIDATION_MODES = ("Ignore", "Strict", "Warn")
_DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
SHORTEST_GRACE = 1
"""Seconds; what a negative grace period counts as, as upstream has it."""
LONGEST_MANAGER = 128
"""Bytes."""
PROPAGATION = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What create, update, patch and apply understand."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    force: bool = False


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """What delete and deletecollection understand; empty strings and None where nothing was asked."""

    grace_period_seconds: int | None = None
    propagation_policy: str = ""
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


class Named:
    """What errors of options are about: the options' own kind."""

    def __init__(self, kind: str) -> None:
        self.group, self.plural, self.kind = "meta.k8s.io", kind.lower(), kind


def write_options(query: Query, kind: str, user_agent: str = "") -> WriteOptions:
    """Read the options of a write; `kind` is CreateOptions, UpdateOptions or PatchOptions. Raises:
    Invalid."""
    if not query.text:
        return WriteOptions(field_manager=_manager("", user_agent))
    errors: list[FieldError] = []
    dry_run = _dry_run(query.all("dryRun"), errors)
    validation = query.get("fieldValidation")
    if validation and validation not in VALIDATION_MODES:
        errors.append(not_supported("fieldValidation", validation, VALIDATION_MODES))
    manager = query.get("fieldManager")
    errors.extend(_manager_errors(manager))
    if errors:
        raise Invalid.of(Named(kind), "", errors)
    return WriteOptions(dry_run, _manager(manager, user_agent), validation or "Warn", query.flag("force"))


def _manager(given: str, user_agent: str) -> str:
    """Without a fieldManager the user agent up to its first slash names the manager, as upstream has it."""
    return given or user_agent.partition("/")[0][:LONGEST_MANAGER] or "unknown"


def _manager_errors(manager: str) -> list[FieldError]:
    errors = []
    if len(manager.encode()) > LONGEST_MANAGER:
        errors.append(too_long("fieldManager", manager, LONGEST_MANAGER))
    if not manager.isprintable():
        errors.append(invalid("fieldManager", manager, "should only contain printable characters"))
    return errors


def _dry_run(values: list[str], errors: list[FieldError]) -> bool:
    errors.extend(not_supported("dryRun", value, ("All",)) for value in values if value != "All")
    return bool(values)


def delete_options(query: Query, body: Object | None) -> DeleteOptions:
    """Read the options of a deletion from the body, else from the query. Raises: BadRequest, Invalid."""
    given = body or {}
    try:
        schema.decode(schema.schema_named(_DELETE_OPTIONS), given)
    except schema.DecodeError as error:
        raise schema.cannot_handle("DeleteOptions", "v1", error) from None
    errors: list[FieldError] = []
    preconditions = given.get("preconditions") or {}
    dry_run = _dry_run(list(given.get("dryRun") or query.all("dryRun")), errors)
    policy = str(given.get("propagationPolicy") or query.get("propagationPolicy"))
    if policy and policy not in PROPAGATION:
        errors.append(not_supported("propagationPolicy", policy, PROPAGATION))
    orphan = given.get("orphanDependents")
    if orphan is None and query.get("orphanDependents"):
        orphan = query.flag("orphanDependents")
    if policy and orphan is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(invalid("propagationPolicy", policy, text))
    if errors:
        raise Invalid.of(Named("DeleteOptions"), "", errors)
    if orphan is not None and not policy:
        policy = "Orphan" if orphan else "Background"
    return DeleteOptions(
        _grace(given, query),
        policy,
        str(preconditions.get("uid") or ""),
        str(preconditions.get("resourceVersion") or ""),
        dry_run,
    )


def _grace(given: Object, query: Query) -> int | None:
    seconds: int | None = given.get("gracePeriodSeconds")
    text = query.get("gracePeriodSeconds")
    if seconds is None and text:
        try:
            seconds = int(text)
        except ValueError:
            raise BadRequest(f'gracePeriodSeconds: cannot parse "{text}" as a number') from None
    return seconds if seconds is None or seconds >= 0 else SHORTEST_GRACE

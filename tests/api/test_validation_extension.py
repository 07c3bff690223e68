# ruff: noqa: E501 - texts stand here as clients see them
"""Checks of kinds that extend and govern the API."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest

from steersman.api import defaults, kinds, validation

if TYPE_CHECKING:
    from collections.abc import Callable

    from steersman.api.types import Object

WEBHOOKS = {
    "metadata": {"name": "w"},
    "webhooks": [
        {
            "name": "a.b.c",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"name": "s", "namespace": "n"}},
            "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        }
    ],
}
API_SERVICE = {
    "metadata": {"name": "v1.a.b"},
    "spec": {"group": "a.b", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10},
}
LEVEL = {
    "metadata": {"name": "l"},
    "spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {}}}},
}


def texts(
    resource: kinds.Resource, obj: Object, change: Callable[[Object], object] | None = None
) -> list[str]:
    made = copy.deepcopy(obj)
    if change is not None:
        change(made)
    defaults.default(resource, made)
    return [str(error) for error in validation.validate_create(resource, made)]


@pytest.mark.parametrize(
    ("resource", "obj"),
    [
        (kinds.VALIDATING_WEBHOOK_CONFIGURATIONS, WEBHOOKS),
        (kinds.MUTATING_WEBHOOK_CONFIGURATIONS, WEBHOOKS),
        (kinds.API_SERVICES, API_SERVICE),
        (kinds.PRIORITY_LEVEL_CONFIGURATIONS, LEVEL),
    ],
    ids=str,
)
def test_a_sound_object_is_accepted(resource: kinds.Resource, obj: Object) -> None:
    assert texts(resource, obj) == []


@pytest.mark.parametrize(
    ("resource", "obj", "change", "error"),
    [
        (
            kinds.VALIDATING_WEBHOOK_CONFIGURATIONS,
            WEBHOOKS,
            lambda o: o["webhooks"][0].update(timeoutSeconds=31),
            "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
        ),
        (
            kinds.VALIDATING_WEBHOOK_CONFIGURATIONS,
            WEBHOOKS,
            lambda o: o["webhooks"][0].update(clientConfig={"url": "http://a"}),
            "webhooks[0].clientConfig.url: Invalid value: \"http://a\": 'https' is the only allowed URL scheme",
        ),
        (
            kinds.API_SERVICES,
            API_SERVICE,
            lambda o: o["spec"].update(versionPriority=0),
            "spec.versionPriority: Invalid value: 0: must be positive and less than 1000",
        ),
        (
            kinds.PRIORITY_LEVEL_CONFIGURATIONS,
            LEVEL,
            lambda o: o["spec"].pop("limited"),
            "spec.limited: Required value: must not be empty when type is Limited",
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, kinds.Resource) else "",
)
def test_an_unsound_object_is_refused(
    resource: kinds.Resource, obj: Object, change: Callable[[Object], object], error: str
) -> None:
    assert texts(resource, obj, change) == [error]

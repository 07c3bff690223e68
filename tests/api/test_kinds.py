"""The table of kinds: paths, order, identity."""

from __future__ import annotations

import pytest

from steersman.api import kinds
from steersman.api.kinds import RESOURCES, SERVED


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (kinds.PODS.path(), "/api/v1/pods"),
        (kinds.PODS.path("ns"), "/api/v1/namespaces/ns/pods"),
        (kinds.PODS.path("ns", "p", "log"), "/api/v1/namespaces/ns/pods/p/log"),
        (kinds.DEPLOYMENTS.path("ns", "web", "scale"), "/apis/apps/v1/namespaces/ns/deployments/web/scale"),
        (kinds.NAMESPACES.path(name="ns"), "/api/v1/namespaces/ns"),
        (kinds.NODES.path("ignored", "n"), "/api/v1/nodes/n"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


def test_rows_are_unique() -> None:
    assert len(set(RESOURCES)) == len(RESOURCES)
    assert len({(row.api_version, row.kind) for row in RESOURCES}) == len(RESOURCES)


def test_only_stable_versions_are_served() -> None:
    assert all(row.level == "ga" for row in SERVED)
    assert {row.level for row in RESOURCES} == {"ga", "beta", "alpha"}


def test_groups_come_in_upstreams_order() -> None:
    order = kinds.discovery_order(SERVED)
    assert [group for group, _ in order][:4] == ["", "apiregistration.k8s.io", "apps", "events.k8s.io"]
    assert ("autoscaling", ["v2", "v1"]) in order


def test_versions_sort_by_preference() -> None:
    versions = ["foo1", "v1alpha1", "v1beta1", "v10", "v2", "v1", "v1beta2", "bar"]
    ranked = ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "bar", "foo1"]
    assert sorted(versions, key=kinds.version_key) == ranked


def test_shared_objects_have_one_stored_form() -> None:
    assert (kinds.EVENTS_V1.stored_group, kinds.EVENTS_V1.stored_version) == ("", "v1")
    assert kinds.HORIZONTAL_POD_AUTOSCALERS_V1.stored_version == "v2"
    assert kinds.PODS.stored_version == "v1"


def test_kinds_are_found_by_the_names_manifests_use() -> None:
    assert kinds.by_kind("apps/v1", "Deployment") is kinds.DEPLOYMENTS
    assert kinds.by_kind("v1", "Nothing") is None

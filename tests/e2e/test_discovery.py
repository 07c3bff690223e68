"""What kubectl asks of a server before it does anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Kubectl


def test_version(kubectl: Kubectl) -> None:
    assert kubectl.json("version")["serverVersion"]["gitVersion"].startswith("v1.37.")


def test_cluster_info_names_the_control_plane_and_dns(kubectl: Kubectl) -> None:
    said = kubectl("cluster-info", "--namespace", "kube-system")
    assert "https://127.0.0.1:" in said
    assert "Steersman-DNS is running at" in said


@pytest.mark.parametrize(
    "name", ["pods", "deployments", "services", "nodes", "events", "leases", "networkpolicies"]
)
def test_api_resources(kubectl: Kubectl, name: str) -> None:
    assert name in kubectl("api-resources", "-o", "name").replace(".", "\n").splitlines()


def test_api_versions(kubectl: Kubectl) -> None:
    versions = kubectl("api-versions").splitlines()
    assert {"v1", "apps/v1", "batch/v1", "rbac.authorization.k8s.io/v1", "discovery.k8s.io/v1"} <= set(
        versions
    )


def test_explain_a_field_and_all_below_it(kubectl: Kubectl) -> None:
    text = kubectl("explain", "deployment.spec.strategy", "--recursive")
    assert "FIELD: strategy <DeploymentStrategy>" in text
    assert "maxUnavailable" in text


def test_explain_names_an_unknown_field(kubectl: Kubectl) -> None:
    assert 'field "nonsense" does not exist' in kubectl.fails("explain", "pod.spec.nonsense")

"""Looking at objects in every form kubectl has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from tests.e2e.conftest import IMAGE

if TYPE_CHECKING:
    from tests.e2e.conftest import Kubectl


def test_pods_as_a_table(web: Kubectl) -> None:
    header, *rows = web("get", "pods").splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [row.split()[1:4] for row in rows] == [["1/1", "Running", "0"]] * 2


def test_wide_tables_show_more(web: Kubectl) -> None:
    header, *rows = web("get", "pods", "-o", "wide").splitlines()
    assert header.split()[5:8] == ["IP", "NODE", "NOMINATED"]
    assert all("node-1" in row and "10.24" in row for row in rows)


@pytest.mark.parametrize(
    ("resource", "columns"),
    [
        ("deployments", ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]),
        ("replicasets", ["NAME", "DESIRED", "CURRENT", "READY", "AGE"]),
        ("namespaces", ["NAME", "STATUS", "AGE"]),
        ("nodes", ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]),
        ("configmaps", ["NAME", "DATA", "AGE"]),
        ("events", ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]),
    ],
)
def test_columns(web: Kubectl, resource: str, columns: list[str]) -> None:
    assert web("get", resource).splitlines()[0].split() == columns


def test_yaml_and_json_say_the_same(web: Kubectl) -> None:
    as_yaml = yaml.safe_load(web("get", "deployment", "web", "-o", "yaml"))
    as_json = json.loads(web("get", "deployment", "web", "-o", "json"))
    assert as_yaml["spec"] == as_json["spec"]


def test_jsonpath_and_sorting(web: Kubectl) -> None:
    names = web("get", "pods", "--sort-by=.metadata.name", "-o", "jsonpath={.items[*].metadata.name}").split()
    assert len(names) == 2
    assert names == sorted(names)


def test_selectors_by_label_and_by_field(web: Kubectl) -> None:
    assert len(web("get", "pods", "-l", "app=web", "--no-headers").splitlines()) == 2
    assert web("get", "pods", "-l", "app!=web", "--no-headers") == ""
    assert (
        len(web("get", "pods", "--field-selector", "status.phase=Running", "--no-headers").splitlines()) == 2
    )
    assert "field label not supported" in web.fails("get", "pods", "--field-selector", "spec.color=red")


def test_all_namespaces(web: Kubectl) -> None:
    header, *rows = web("get", "pods", "-A").splitlines()
    assert header.split()[0] == "NAMESPACE"
    assert {row.split()[0] for row in rows} >= {"demo", web.namespace}


def test_watching_shows_what_happens(kubectl: Kubectl) -> None:
    watch = kubectl.start("get", "configmaps", "-w", "--no-headers")
    try:
        assert watch.stdout is not None
        assert watch.stdout.readline().split()[0] == "kube-root-ca.crt"
        kubectl("create", "configmap", "seen", "--from-literal=a=b")
        assert watch.stdout.readline().split()[:2] == ["seen", "1"]
    finally:
        watch.terminate()
        watch.communicate()


@pytest.mark.parametrize(
    "what", ["pods", "deployment", "replicaset", "namespace", "node", "serviceaccount", "configmap"]
)
def test_describe(web: Kubectl, what: str) -> None:
    assert "Name:" in web("describe", what)


def test_describing_a_pod_shows_its_containers_and_events(web: Kubectl) -> None:
    text = web("describe", "pods", "-l", "app=web")
    assert f"Image:          {IMAGE}" in text
    for reason in ("Scheduled", "Created", "Started"):
        assert reason in text


def test_describing_a_service_shows_its_endpoints(web: Kubectl) -> None:
    web("expose", "deployment", "web", "--port=80")
    web("wait", "--for=jsonpath={.subsets[0].addresses[1].ip}", "endpoints/web", "--timeout=20s")
    assert "Endpoints:" in web("describe", "service", "web")

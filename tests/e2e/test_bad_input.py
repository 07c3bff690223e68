"""Wrong input gets an error that names what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import Kubectl

HEAD = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  selector: {matchLabels: {a: b}}\n"
)
TEMPLATE = "  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}\n"


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        pytest.param(
            HEAD + "  replcas: 3\n" + TEMPLATE, 'unknown field "spec.replcas"', id="an unknown field"
        ),
        pytest.param(HEAD + "  replicas: three\n" + TEMPLATE, "spec.replicas", id="a wrong type"),
        pytest.param(
            HEAD + "  replicas: -1\n" + TEMPLATE, "must be greater than or equal to 0", id="a wrong value"
        ),
        pytest.param(HEAD, "spec.template", id="a missing field"),
        pytest.param(
            HEAD.replace("{a: b}", "{z: w}", 1) + TEMPLATE,
            "does not match template",
            id="a selector for others",
        ),
        pytest.param(
            "apiVersion: v1\nkind: Pood\nmetadata: {name: x}\n",
            'no matches for kind "Pood"',
            id="an unknown kind",
        ),
        pytest.param("a: [b\n", "error converting YAML to JSON", id="broken YAML"),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_b}\n", "RFC 1123", id="an impossible name"
        ),
    ],
)
def test_manifests(kubectl: Kubectl, manifest: str, said: str) -> None:
    assert said in kubectl.fails("create", "--validate=strict", "-f", "-", stdin=manifest)


def test_an_immutable_field(web: Kubectl) -> None:
    patch = '{"spec":{"selector":{"matchLabels":{"app":"other"}}}}'
    assert "field is immutable" in web.fails("patch", "deployment", "web", "-p", patch)


def test_a_body_beyond_three_mebibytes(kubectl: Kubectl) -> None:
    big = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata: {{a: {'x' * (4 << 20)}}}\n"
    assert "too large" in kubectl.fails("create", "--validate=false", "-f", "-", stdin=big).lower()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "pod", "nobody"), 'pods "nobody" not found'),
        (("get", "frobs"), 'the server doesn\'t have a resource type "frobs"'),
        (("delete", "configmap", "nothing"), 'configmaps "nothing" not found'),
        (("create", "namespace", "default"), "already exists"),
    ],
)
def test_what_is_not_there_or_is_already(kubectl: Kubectl, arguments: tuple[str, ...], said: str) -> None:
    assert said in kubectl.fails(*arguments)

"""Typed literals become maps; everything else stays."""

from __future__ import annotations

import pytest

from steersman.apiserver.admission.policies.literals import plain_literals


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Object{spec: Object.spec{replicas: 3}}", '{"spec": {"replicas": 3}}'),
        ('Object{metadata: Object.metadata{labels: {"a": "b"}}}', '{"metadata": {"labels": {"a": "b"}}}'),
        (
            '[JSONPatch{op: "add", path: "/spec", value: Object.spec{a: x ? y : z}}]',
            '[{"op": "add", "path": "/spec", "value": {"a": x ? y : z}}]',
        ),
        ("object.spec.Object{a: 1}", "object.spec.Object{a: 1}"),
        ("'Object{a: 1}'", "'Object{a: 1}'"),
        ("Object { `a-b`: [Object.c{d: 1}] }", ' { "a-b": [{"d": 1}] }'),
        ("Object{?spec: optional.none()}", '{?"spec": optional.none()}'),
    ],
)
def test_typed_literals_become_maps(text: str, plain: str) -> None:
    assert plain_literals(text).replace("Object {", "{") == plain

"""JSONPath of custom resources, and the tables made with it."""

from typing import Any

import pytest

from steersman.api.jsonpath import compile_path
from steersman.api.tables.custom import custom_table

OBJECT = {
    "metadata": {"name": "x", "annotations": {"a.b/c": "d"}, "creationTimestamp": "1970-01-01T00:00:00Z"},
    "spec": {"replicas": 3, "ports": [{"port": 1}, {"port": 2}], "on": True},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.replicas", [3]),
        ("{.spec.replicas}", [3]),
        ("$.spec.replicas", [3]),
        (".metadata.annotations['a.b/c']", ["d"]),
        (r".metadata.annotations.a\.b/c", ["d"]),
        (".spec.ports[0].port", [1]),
        (".spec.ports[-1].port", [2]),
        (".spec.ports[9].port", []),
        (".spec.ports[*].port", [1, 2]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type!='Ready')].type", ["Old"]),
        (".spec.missing.deeper", []),
        (".metadata.name.deeper", []),
    ],
)
def test_a_path_finds(path: str, found: list[Any]) -> None:
    assert compile_path(path).find(OBJECT) == found


@pytest.mark.parametrize("path", ["spec", ".spec[", ".a..b", ".a[?(@.b)]"])
def test_a_path_that_is_not_understood_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="JSONPath"):
        compile_path(path)


def test_printer_columns_make_a_table() -> None:
    table = custom_table(
        [
            {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
            {"name": "Ports", "type": "string", "jsonPath": ".spec.ports[*].port", "priority": 1},
            {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
            {"name": "On", "type": "boolean", "jsonPath": ".spec.on"},
            {"name": "Wrong", "type": "integer", "jsonPath": ".metadata.name"},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ]
    )
    assert table.columns[0]["name"] == "Name"
    assert table.columns[2]["priority"] == 1
    assert table.cells(OBJECT, 300.0) == ["x", 3, "1,2", "True", True, None, "5m"]


def test_without_columns_there_are_name_and_age() -> None:
    assert custom_table(None).cells(OBJECT, 60.0) == ["x", "60s"]

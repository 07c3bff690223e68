"""Autoscalers keep everything on their way through autoscaling/v1."""

from steersman.api.autoscaler_versions import to_v1, to_v2

CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}
PODS = {
    "type": "Pods",
    "pods": {"metric": {"name": "q"}, "target": {"type": "AverageValue", "averageValue": "1"}},
}


def test_the_cpu_target_has_a_field_of_its_own() -> None:
    stored = to_v2(
        {"metadata": {"name": "a"}, "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50}}
    )
    assert stored["spec"] == {"maxReplicas": 3, "metrics": [CPU]}
    assert to_v1(stored)["spec"] == {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50}


def test_without_a_target_it_is_eighty_percent() -> None:
    stored = to_v2({"metadata": {}, "spec": {"maxReplicas": 3}})
    assert stored["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80


def test_what_v1_does_not_know_comes_back() -> None:
    stored = {
        "metadata": {"name": "a", "annotations": {"x": "y"}},
        "spec": {
            "maxReplicas": 3,
            "metrics": [CPU, PODS],
            "behavior": {"scaleDown": {"selectPolicy": "Max"}},
        },
        "status": {
            "currentReplicas": 1,
            "desiredReplicas": 2,
            "currentMetrics": [],
            "conditions": [{"type": "AbleToScale", "status": "True"}],
        },
    }
    shown = to_v1(stored)
    assert "metrics" not in shown["spec"]
    assert to_v2(shown) == stored

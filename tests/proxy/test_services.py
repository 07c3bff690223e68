from __future__ import annotations

import pytest
from tests.proxy.objects import Object, endpoint, service, slice_of

from steersman.proxy.services import service_ports


def addresses(*endpoints: Object) -> list[str]:
    (port,) = service_ports(service(), [slice_of(*endpoints)], "here")
    return [e.address for e in port.endpoints]


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        pytest.param([endpoint("10.0.0.1", ready=True)], ["10.0.0.1"], id="a ready endpoint takes traffic"),
        pytest.param([endpoint("10.0.0.1")], ["10.0.0.1"], id="an endpoint that does not say is ready"),
        pytest.param([endpoint("10.0.0.1", ready=False)], [], id="one that is not ready takes none"),
        pytest.param(
            [endpoint("10.0.0.1", ready=False, serving=True, terminating=True)],
            ["10.0.0.1"],
            id="the last one on its way out still serves",
        ),
        pytest.param(
            [endpoint("10.0.0.1", ready=False, serving=True, terminating=True), endpoint("10.0.0.2")],
            ["10.0.0.2"],
            id="one on its way out gives way to a ready one",
        ),
        pytest.param(
            [endpoint("10.0.0.2"), endpoint("10.0.0.1"), endpoint("10.0.0.2")],
            ["10.0.0.1", "10.0.0.2"],
            id="endpoints are sorted and come once",
        ),
    ],
)
def test_endpoints_that_take_traffic(endpoints: list[Object], expected: list[str]) -> None:
    assert addresses(*endpoints) == expected


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(service(clusterIP="None"), id="headless"),
        pytest.param(service(type="ExternalName", clusterIP=""), id="external name"),
        pytest.param(
            service() | {"metadata": {"name": "x", "namespace": "ns",
                                      "labels": {"service.kubernetes.io/service-proxy-name": "mine"}}},
            id="of another proxy",
        ),
    ],
)  # fmt: skip
def test_services_that_are_not_ours_have_no_ports(odd: Object) -> None:
    assert service_ports(odd, [], "here") == ()


def test_ports_are_matched_by_name_and_local_endpoints_are_told_apart() -> None:
    both = slice_of(endpoint("10.0.0.1", "here"), endpoint("10.0.0.2"))
    other = slice_of(endpoint("10.0.0.9"), port_name="metrics")
    (port,) = service_ports(service(), [both, other], "here")
    assert [(e.address, e.port, e.local) for e in port.endpoints] == [
        ("10.0.0.1", 8080, True),
        ("10.0.0.2", 8080, False),
    ]
    assert [e.address for e in port.local_endpoints] == ["10.0.0.1"]

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from steersman.dns.zone import look_up, reverse

Object = dict[str, Any]


def service(name: str, **spec: Any) -> Object:
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": spec}


WEB = service("web", clusterIP="10.96.0.20", ports=[{"name": "http", "port": 80, "protocol": "TCP"}])
DB = service("db", clusterIP="None")
LATE = service("late", clusterIP="None", publishNotReadyAddresses=True)
OUT = service("out", type="ExternalName", externalName="example.org")
DUAL = service("dual", clusterIP="10.96.0.21", clusterIPs=["10.96.0.21", "fd01::21"])
ENDPOINTS: list[Object] = [
    {"addresses": ["10.244.0.5"], "hostname": "db-0"},
    {"addresses": ["10.244.0.6"], "conditions": {"ready": True}},
    {"addresses": ["10.244.0.7"], "conditions": {"ready": False}},
]


class View:
    def __init__(self) -> None:
        self.services = {o["metadata"]["name"]: o for o in (WEB, DB, LATE, OUT, DUAL)}

    def namespace_exists(self, name: str) -> bool:
        return name == "ns"

    def service(self, namespace: str, name: str) -> Object | None:
        return self.services.get(name) if namespace == "ns" else None

    def slices(self, namespace: str, service: str) -> list[Object]:
        labels = {"kubernetes.io/service-name": service}
        ports = [{"name": "pg", "port": 5432, "protocol": "TCP"}]
        meta = {"name": "x", "namespace": "ns", "labels": labels}
        return (
            [{"metadata": meta, "ports": ports, "endpoints": ENDPOINTS}] if service in ("db", "late") else []
        )

    def service_by_address(self, address: str) -> Object | None:
        return WEB if address == "10.96.0.20" else None

    def slices_by_address(self, address: str) -> list[Object]:
        return [p for p in self.slices("ns", "db") if any(address in e["addresses"] for e in ENDPOINTS)]


def found(name: str) -> Any:
    return look_up(View(), name.split(".") if name else [])


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        pytest.param("web.ns.svc", ["10.96.0.20"], id="a Service has its ClusterIP"),
        pytest.param("dual.ns.svc", ["10.96.0.21", "fd01::21"], id="a dual-stack Service has both"),
        pytest.param("db.ns.svc", ["10.244.0.5", "10.244.0.6"], id="a headless one has its ready endpoints"),
        pytest.param(
            "late.ns.svc", ["10.244.0.5", "10.244.0.6", "10.244.0.7"], id="or all, when it publishes them"
        ),
        pytest.param("db-0.db.ns.svc", ["10.244.0.5"], id="an endpoint has its hostname"),
        pytest.param("10-244-0-6.db.ns.svc", ["10.244.0.6"], id="an endpoint without one has its address"),
        pytest.param("10-1-2-3.ns.pod", ["10.1.2.3"], id="a pod has its address"),
        pytest.param("fd00--1.ns.pod", ["fd00::1"], id="a pod has its IPv6 address"),
        pytest.param("ns.svc", [], id="a namespace exists without records"),
        pytest.param("svc", [], id="the branch of Services exists without records"),
        pytest.param("_tcp.web.ns.svc", [], id="the branch of a protocol exists without records"),
    ],
)
def test_addresses(name: str, addresses: list[str]) -> None:
    assert sorted(map(str, found(name).addresses)) == addresses


@pytest.mark.parametrize(
    "name",
    ["nobody.ns.svc", "web.other.svc", "other.svc", "10-1-2-3.other.pod", "hello.ns.pod",
     "_x._tcp.web.ns.svc",
     "a.web.ns.svc", "web.ns.svc.extra", "something", "b.a.web.ns.svc"],
)  # fmt: skip
def test_names_that_do_not_exist(name: str) -> None:
    assert found(name) is None


def test_srv_of_a_named_port_points_at_the_service() -> None:
    (target,) = found("_http._tcp.web.ns.svc").targets
    assert (target.port, target.name) == (80, "web.ns.svc")


def test_srv_of_a_headless_service_points_at_each_endpoint() -> None:
    names = {(t.port, t.name) for t in found("_pg._tcp.db.ns.svc").targets}
    assert names == {(5432, "db-0.db.ns.svc"), (5432, "10-244-0-6.db.ns.svc")}


def test_an_external_name_is_an_alias() -> None:
    assert found("out.ns.svc").alias == "example.org"


def test_the_version_of_the_scheme_is_a_text() -> None:
    assert found("dns-version").text == "1.1.0"


def test_addresses_lead_back_to_names() -> None:
    assert reverse(View(), ip_address("10.96.0.20")) == ["web.ns.svc"]
    assert reverse(View(), ip_address("10.244.0.5")) == ["db-0.db.ns.svc"]
    assert reverse(View(), ip_address("10.244.9.9")) == []

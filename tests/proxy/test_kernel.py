"""The rules in a real kernel, with real sockets, in throw-away network namespaces."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

import pytest
from tests.proxy.kernel import Machine, inside, usable
from tests.proxy.objects import Object, endpoint, service, slice_of

from steersman.proxy import nftables, text
from steersman.proxy.conntrack import drop_commands, stale_flows
from steersman.proxy.services import service_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.root, pytest.mark.skipif(not usable(), reason="needs root and nft")]

A, B = endpoint("10.244.1.2", "here"), endpoint("10.244.2.2", "here")
NODE_PORT = {"name": "http", "port": 80, "nodePort": 30080}


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    machine = Machine()
    try:
        machine.up()
        with machine.serving("a", 8080, b"a"), machine.serving("b", 8080, b"b"):
            yield machine
    finally:
        machine.down()


def rules(obj: Object, *slices: Object, family: int = 4) -> nftables.Ruleset:
    ports = service_ports(obj, slices, "here")
    return nftables.merge(family, [nftables.fragment(ports, family, "10.244.0.0/16", [])])


def test_a_pod_reaches_a_service_and_is_seen_with_its_own_address(machine: Machine) -> None:
    machine.nft(text.whole(rules(service(), slice_of(B))))
    assert machine.ask("a", "10.96.0.20", 80) == "b 10.244.1.2"


def test_a_pod_reaches_itself_through_a_service(machine: Machine) -> None:
    machine.nft(text.whole(rules(service(), slice_of(A))))
    assert machine.ask("a", "10.96.0.20", 80) == "a 10.244.1.1"


def test_the_node_reaches_a_service(machine: Machine) -> None:
    machine.nft(text.whole(rules(service(), slice_of(B))))
    assert machine.ask("node", "10.96.0.20", 80).startswith("b ")


def test_connections_spread_over_the_endpoints(machine: Machine) -> None:
    machine.nft(text.whole(rules(service(), slice_of(A, B))))
    assert {machine.ask("out", "10.96.0.20", 80)[0] for _ in range(40)} == {"a", "b"}


def test_affinity_keeps_a_client_on_its_endpoint(machine: Machine) -> None:
    machine.nft(text.whole(rules(service(sessionAffinity="ClientIP"), slice_of(A, B))))
    assert len({machine.ask("out", "10.96.0.20", 80)[0] for _ in range(20)}) == 1


def test_a_node_port_is_reached_from_outside_and_masqueraded(machine: Machine) -> None:
    machine.nft(text.whole(rules(service(type="NodePort", ports=[NODE_PORT]), slice_of(B))))
    assert machine.ask("out", "192.0.2.1", 30080) == "b 10.244.2.1"


def test_external_policy_local_keeps_the_client_address(machine: Machine) -> None:
    kept = service(type="NodePort", ports=[NODE_PORT], externalTrafficPolicy="Local")
    machine.nft(text.whole(rules(kept, slice_of(B))))
    assert machine.ask("out", "192.0.2.1", 30080) == "b 192.0.2.9"


def test_an_external_ip_and_a_load_balancer_address_lead_to_the_service(machine: Machine) -> None:
    balanced = service(
        type="LoadBalancer",
        externalIPs=["198.51.100.7"],
        status={"loadBalancer": {"ingress": [{"ip": "198.51.100.8"}]}},
    )
    machine.nft(text.whole(rules(balanced, slice_of(B))))
    assert machine.ask("out", "198.51.100.7", 80).startswith("b")
    assert machine.ask("out", "198.51.100.8", 80).startswith("b")


def test_source_ranges_shut_others_out(machine: Machine) -> None:
    balanced = service(
        type="LoadBalancer",
        loadBalancerSourceRanges=["203.0.113.0/24"],
        status={"loadBalancer": {"ingress": [{"ip": "198.51.100.8"}]}},
    )
    machine.nft(text.whole(rules(balanced, slice_of(B))))
    with pytest.raises(TimeoutError):
        machine.ask("out", "198.51.100.8", 80)


@pytest.mark.parametrize("who", ["a", "node", "out"])
def test_without_endpoints_a_connection_is_refused(machine: Machine, who: str) -> None:
    machine.nft(text.whole(rules(service(type="NodePort", ports=[NODE_PORT]))))
    for address, port in (("10.96.0.20", 80), ("192.0.2.1", 30080)):
        with pytest.raises(ConnectionRefusedError):
            machine.ask(who, address, port)


def test_an_unknown_port_of_a_cluster_ip_is_refused(machine: Machine) -> None:
    machine.nft(text.whole(rules(service(), slice_of(B))))
    with pytest.raises(ConnectionRefusedError):
        machine.ask("a", "10.96.0.20", 81)


def test_the_kernel_takes_every_difference(machine: Machine) -> None:
    steps = [
        rules(service(type="NodePort", ports=[NODE_PORT]), slice_of(A, B)),
        rules(service(type="NodePort", ports=[NODE_PORT], sessionAffinity="ClientIP"), slice_of(A, B)),
        rules(service(type="NodePort", ports=[NODE_PORT], externalTrafficPolicy="Local"), slice_of(A)),
        rules(service()),
        rules(service(), slice_of(B)),
    ]
    machine.nft(text.whole(nftables.Ruleset(family=4)))
    before = nftables.Ruleset(family=4)
    for after in steps:
        machine.nft(text.difference(before, after))
        before = after
    assert machine.ask("a", "10.96.0.20", 80) == "b 10.244.1.2"


def test_a_udp_client_follows_the_endpoint(machine: Machine) -> None:
    """From one source port: the old flow goes on to the old endpoint until it is dropped."""
    ports = [{"name": "http", "port": 53, "protocol": "UDP"}]
    old, new = (service_ports(service(ports=ports), [slice_of(e)], "here") for e in (A, B))
    before, after = (nftables.merge(4, [nftables.fragment(p, 4, "10.244.0.0/16", [])]) for p in (old, new))
    servers = {who: inside(machine.ns(who), lambda: udp("0.0.0.0", 8080)) for who in ("a", "b")}
    client = inside(machine.ns("out"), lambda: udp("192.0.2.9", 0))

    def heard_by() -> set[str]:
        client.sendto(b"?", ("10.96.0.20", 53))
        ready, _, _ = select.select(list(servers.values()), [], [], 2)
        return {who for who, server in servers.items() if server in ready and server.recv(9)}

    try:
        machine.nft(text.whole(before))
        assert heard_by() == {"a"}
        machine.nft(text.difference(before, after))
        assert heard_by() == {"a"}
        (argv,) = drop_commands(stale_flows(old, new))
        machine.node(*argv)
        assert heard_by() == {"b"}
    finally:
        for sock in (*servers.values(), client):
            sock.close()


def udp(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    return made


def test_ipv6_rules_load(machine: Machine) -> None:
    six = slice_of({"addresses": ["fd00::2"], "nodeName": "here"}, {"addresses": ["fd00::3"]})
    six["addressType"] = "IPv6"
    sticky = service(clusterIP="fd01::1", sessionAffinity="ClientIP", type="NodePort", ports=[NODE_PORT])
    for obj in (sticky, service(clusterIP="fd01::1")):
        machine.nft(text.whole(rules(obj, six, family=6)))

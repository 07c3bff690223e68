"""A node's network in a throw-away namespace: real CNI plug-ins, real rules, two pods on one bridge."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.proxy.kernel import Machine, inside, sh, usable
from tests.proxy.objects import endpoint, service, slice_of

from steersman.network.cni import plan_conflist
from steersman.network.config import NetworkConfig
from steersman.network.masquerade import plan_masquerade, plan_removal
from steersman.proxy import nftables, text
from steersman.proxy.services import service_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

CNI_BIN = next((p for p in ("/usr/lib/cni", "/opt/cni/bin") if Path(p, "bridge").exists()), "")

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(not usable() or not CNI_BIN, reason="needs root, nft and the CNI plug-ins"),
]


class Bridged(Machine):
    """Pods `p` and `q` made by the CNI plug-ins, `out` beyond a veth."""

    LEGS = (("out", "192.0.2", "192.0.2.9"),)

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.tag += "c"
        self.config = NetworkConfig("here", cni_state_dir=str(directory), bridge="cni0")
        self.addresses: dict[str, str] = {}

    def up(self) -> None:
        super().up()
        for name in ("net.bridge.bridge-nf-call-iptables=1", "net.ipv4.ip_forward=1"):
            self.node("sysctl", "-qw", name)
        for pod in ("p", "q"):
            sh("ip", "netns", "add", self.ns(pod))
            self.addresses[pod] = self.cni("ADD", pod)["ips"][0]["address"].split("/")[0]
        self.nft(plan_masquerade(("10.244.7.0/24",), ("10.244.0.0/16", "192.0.2.1")))

    def cni(self, command: str, pod: str) -> dict[str, list[dict[str, str]]]:
        conflist = json.loads(plan_conflist(self.config, ("10.244.7.0/24",)))
        bridge = conflist["plugins"][0] | {"cniVersion": "1.0.0", "name": conflist["name"]}
        variables = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": pod,
            "CNI_NETNS": f"/run/netns/{self.ns(pod)}",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": CNI_BIN,
        }
        set_them = [f"{key}={value}" for key, value in variables.items()]
        answer: dict[str, list[dict[str, str]]] = json.loads(
            self.node("env", *set_them, f"{CNI_BIN}/bridge", stdin=json.dumps(bridge)) or "{}"
        )
        return answer

    def down(self) -> None:
        for pod in ("p", "q"):
            sh("ip", "netns", "del", self.ns(pod))
        super().down()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridged]:
    machine = Bridged(tmp_path_factory.mktemp("cni"))
    try:
        machine.up()
        with machine.serving("q", 8080, b"q"), machine.serving("out", 9000, b"out"):
            yield machine
    finally:
        machine.down()


def test_a_pod_reaches_its_neighbour_through_a_service(machine: Bridged) -> None:
    """The answer comes back over the bridge, so this needs bridged packets to pass the packet filter."""
    q = machine.addresses["q"]
    ports = service_ports(service(), [slice_of(endpoint(q, "here"))], "here")
    machine.nft(text.whole(nftables.merge(4, [nftables.fragment(ports, 4, "10.244.0.0/16", [])])))
    assert machine.ask("p", "10.96.0.20", 80) == f"q {machine.addresses['p']}"
    assert machine.ask("q", "10.96.0.20", 80).startswith("q ")


def test_pods_and_their_node_see_each_other_as_they_are(machine: Bridged) -> None:
    p, q = machine.addresses["p"], machine.addresses["q"]
    assert machine.ask("p", q, 8080) == f"q {p}"
    assert machine.ask("node", q, 8080) == "q 10.244.7.1"


def test_a_pod_leaves_the_cluster_with_the_address_of_its_node(machine: Bridged) -> None:
    assert machine.ask("p", "192.0.2.9", 9000) == "out 192.0.2.1"


def test_the_dns_address_on_the_loopback_link_is_reached_from_pods(machine: Bridged) -> None:
    machine.node("ip", "address", "replace", "10.96.0.10/32", "dev", "lo")
    listener = inside(machine.ns("node"), lambda: socket.create_server(("10.96.0.10", 5353)))
    with listener:
        asker = inside(machine.ns("p"), lambda: socket.create_connection(("10.96.0.10", 5353), timeout=3))
        asker.close()


def test_removal_leaves_no_table(machine: Bridged) -> None:
    machine.nft(plan_removal())
    assert "steersman-masquerade" not in machine.node("nft", "list", "tables")
    machine.nft(plan_masquerade(("10.244.7.0/24",), ("10.244.0.0/16", "192.0.2.1")))

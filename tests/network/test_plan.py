from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from steersman.network.backends.host_gw import Route, plan_changes, plan_routes
from steersman.network.cni import CONFLIST, ensure_conflist
from steersman.network.config import NetworkConfig
from steersman.network.masquerade import plan_masquerade
from steersman.network.plan import Peer, plan_network
from steersman.network.sysctls import ensure_sysctls

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = NetworkConfig("a", cni_state_dir="/state")


def node(name: str, cidr: str = "", address: str = "") -> dict[str, Any]:
    addresses = [{"type": "Hostname", "address": name}]
    if address:
        addresses.append({"type": "InternalIP", "address": address})
    return {
        "metadata": {"name": name},
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr]} if cidr else {},
        "status": {"addresses": addresses},
    }


def test_without_a_pod_cidr_there_is_nothing_to_do() -> None:
    assert plan_network(CONFIG, [node("a", address="192.0.2.1"), node("b", "10.244.1.0/24")]) is None


def test_a_node_gets_its_pods_network_and_its_peers() -> None:
    plan = plan_network(
        CONFIG,
        [node("a", "10.244.0.0/24", "192.0.2.1"), node("b", "10.244.1.0/24", "192.0.2.2"), node("new")],
    )
    assert plan is not None
    assert plan.address == "192.0.2.1"
    assert plan.peers == (Peer("b", "192.0.2.2", ("10.244.1.0/24",)),)
    bridge, portmap = json.loads(plan.conflist)["plugins"]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.0.0/24"}]]
    assert bridge["ipam"]["dataDir"] == "/state"
    assert (bridge["ipMasq"], bridge["hairpinMode"]) == (False, True)
    assert portmap["capabilities"] == {"portMappings": True}


def test_packets_of_pods_are_as_large_as_the_link_takes() -> None:
    nodes = [node("a", "10.244.0.0/24", "192.0.2.1")]
    for config, mtu, expected in ((CONFIG, 1450, 1450), (NetworkConfig("a", mtu=9000), 1450, 9000)):
        plan = plan_network(config, nodes, mtu)
        assert plan is not None
        assert json.loads(plan.conflist)["plugins"][0]["mtu"] == expected


def test_both_families_of_a_cluster_are_inside() -> None:
    config = NetworkConfig("a", cluster_cidr="10.244.0.0/16, fd00::/48")
    plan = plan_network(
        config, [node("a", "10.244.0.0/24") | {"spec": {"podCIDRs": ["10.244.0.0/24", "fd00::/64"]}}]
    )
    assert plan is not None
    assert "elements = { fd00::/48, fd00::/64, ff00::/8 }" in plan.masquerade


def test_only_what_leaves_the_cluster_is_masqueraded() -> None:
    text = plan_masquerade(("10.244.0.0/24",), ("10.244.0.0/16", "192.0.2.1", "fd00::1"))
    assert "elements = { 10.244.0.0/16, 192.0.2.1, 224.0.0.0/4 }" in text
    assert "ip saddr { 10.244.0.0/24 } ip daddr != @inside masquerade" in text
    assert "ip6" not in text


@pytest.mark.parametrize(
    ("present", "wanted", "changes"),
    [
        pytest.param({("x", "1")}, {("x", "1")}, [], id="nothing"),
        pytest.param(set(), {("x", "1")}, [("replace", "x", "1")], id="a new peer"),
        pytest.param({("x", "1")}, {("x", "2")}, [("replace", "x", "2")], id="a peer with a new address"),
        pytest.param(
            {("x", "1"), ("y", "1")}, {("z", "1")},
            [("del", "x", "1"), ("del", "y", "1"), ("replace", "z", "1")], id="peers that left",
        ),
    ],
)  # fmt: skip
def test_changes_of_routes(present: set[Any], wanted: set[Any], changes: list[Any]) -> None:
    made = plan_changes(frozenset(Route(*r) for r in present), frozenset(Route(*r) for r in wanted))
    assert [(verb, r.destination, r.gateway) for verb, r in made] == changes


def test_routes_stay_within_their_address_family() -> None:
    peer = Peer("b", "192.0.2.2", ("10.244.1.0/24", "fd00:1::/64"))
    assert plan_routes([peer]) == {Route("10.244.1.0/24", "192.0.2.2")}


def test_the_cni_configuration_is_written_once_and_whole(tmp_path: Path) -> None:
    directory = tmp_path / "net.d"
    assert ensure_conflist(str(directory), b"{}")
    assert not ensure_conflist(str(directory), b"{}")
    assert ensure_conflist(str(directory), b"{1}")
    assert [p.name for p in directory.iterdir()] == [CONFLIST]


def test_a_switch_that_may_be_missing_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "there").write_text("0\n")
    ensure_sysctls(str(tmp_path), (("there", "1", True), ("not/there", "1", False)))
    assert (tmp_path / "there").read_text() == "1"
    assert "not.there" in caplog.text
    with pytest.raises(OSError, match="No such file"):
        ensure_sysctls(str(tmp_path), (("not/there", "1", True),))

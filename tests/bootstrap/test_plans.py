"""What `up` decides, as text and tables: nothing here touches the machine."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from steersman.bootstrap.errors import BootstrapError
from steersman.bootstrap.local import addresses, containerd, host, node, plan
from steersman.bootstrap.local.cluster import Cluster, Node, load, validate_name
from steersman.bootstrap.local.plan import Wish

CLUSTER = Cluster("alpha", Path("/data/alpha"), network="10.89.3.0/24", nodes=(Node("node-1", "10.89.3.11"),))


def plan_new(wish: Wish, *routed: str, others: tuple[Cluster, ...] = ()) -> Cluster:
    return plan.plan_new(wish, Path("/data/x"), others, [IPv4Network(r) for r in routed], 1500)


def test_a_new_cluster_takes_the_first_networks_and_the_usual_port() -> None:
    made = plan_new(Wish("x"))
    assert (made.network, made.pod_cidr, made.port) == ("10.89.0.0/24", "10.244.0.0/16", 6443)
    assert made.nodes == (Node("node-1", "10.89.0.11"),)


@pytest.mark.parametrize(
    ("routed", "network", "pods"),
    [
        pytest.param(
            ("10.89.0.0/24",), "10.89.1.0/24", "10.244.0.0/16", id="a routed node network is left alone"
        ),
        pytest.param(("10.89.0.0/23",), "10.89.2.0/24", "10.244.0.0/16", id="also when it is larger"),
        pytest.param(
            ("10.244.7.0/24",), "10.89.0.0/24", "10.245.0.0/16", id="a routed part of a pod network too"
        ),
    ],
)
def test_networks_avoid_the_hosts_routes(routed: tuple[str, ...], network: str, pods: str) -> None:
    made = plan_new(Wish("x"), *routed)
    assert (made.network, made.pod_cidr) == (network, pods)


def test_a_second_cluster_shares_nothing_with_the_first() -> None:
    first = plan_new(Wish("one"))
    second = plan_new(Wish("two"), others=(first,))
    assert not IPv4Network(second.network).overlaps(IPv4Network(first.network))
    assert not IPv4Network(second.pod_cidr).overlaps(IPv4Network(first.pod_cidr))
    assert (second.port, second.bridge) == (6444, "sm-two")


def test_no_network_left_is_an_error_with_a_way_out() -> None:
    with pytest.raises(BootstrapError, match="no free pod network"):
        plan_new(Wish("x"), "10.240.0.0/12")


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        pytest.param(Wish("alpha", port=7000), "port of cluster alpha is 6443", id="the port"),
        pytest.param(Wish("alpha", store="etcd"), "store of cluster alpha is sqlite", id="the store"),
    ],
)
def test_what_cannot_be_changed_later_is_refused(wish: Wish, message: str) -> None:
    with pytest.raises(BootstrapError, match=message):
        plan.plan_present(wish, CLUSTER)


def test_more_nodes_may_be_asked_for_and_fewer_are_no_order_to_remove() -> None:
    grown = plan.plan_present(Wish("alpha", nodes=3), CLUSTER)
    assert [n.name for n in grown.nodes] == ["node-1", "node-2", "node-3"]
    assert plan.plan_present(Wish("alpha", nodes=1), grown) == grown


def test_a_name_lives_in_one_directory_only(tmp_path: Path) -> None:
    with pytest.raises(BootstrapError, match="holds the cluster alpha"):
        plan.refuse_conflicts(Wish("beta"), tmp_path, None, CLUSTER)


def test_a_freed_name_and_address_are_given_out_again() -> None:
    three = CLUSTER.with_nodes(3)
    two = replace(three, nodes=(three.nodes[0], three.nodes[2]))
    assert two.with_node().nodes[-1] == Node("node-2", "10.89.3.12")


@pytest.mark.parametrize(
    "name", ["", "A", "a_b", "-a", "a-", "a/b", "a" * 33, "a.b", pytest.param("ä", id="not ascii")]
)
def test_impossible_names_are_refused(name: str) -> None:
    with pytest.raises(BootstrapError, match="is no name"):
        validate_name(name)


@pytest.mark.parametrize("name", ["a", "alpha", "twelve-chars", "a-very-long-name-for-a-cluster-x"])
def test_link_names_fit_the_kernel(name: str) -> None:
    cluster = replace(CLUSTER, name=name)
    assert len(cluster.bridge) <= 15
    assert len(node.link_name(cluster, cluster.nodes[0])) <= 15


def test_a_cluster_survives_being_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steersman.bootstrap.local.cluster.STATE_ROOT", tmp_path / "register")
    cluster = replace(CLUSTER.with_nodes(2), data_dir=tmp_path, stopped=frozenset({"node-2"}))
    cluster.save()
    assert load(tmp_path) == cluster


def test_a_damaged_description_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "cluster.json").write_text('{"name": ')
    with pytest.raises(BootstrapError, match=r"cluster\.json cannot be read"):
        load(tmp_path)


def test_nat_is_for_what_leaves_the_cluster() -> None:
    inner = "{ 10.89.3.0/24, 10.244.0.0/16 }"
    assert host.plan_nat(CLUSTER).splitlines() == [
        "table ip steersman-alpha",
        "delete table ip steersman-alpha",
        "table ip steersman-alpha {",
        "  chain postrouting {",
        "    type nat hook postrouting priority srcnat; policy accept;",
        f'    ip saddr {inner} ip daddr != {inner} oifname != "sm-alpha" masquerade',
        "  }",
        "}",
    ]


def test_the_host_gets_a_route_to_each_nodes_pods() -> None:
    pods = {"node-1": "10.244.0.0/24", "stranger": "10.244.9.0/24"}
    routes = host.plan_routes(CLUSTER, pods)
    assert routes == [["ip", "route", "replace", "10.244.0.0/24", "via", "10.89.3.11", "dev", "sm-alpha"]]


def test_a_node_keeps_its_hardware_address() -> None:
    member = CLUSTER.nodes[0]
    argv, inside = node.plan_cable(CLUSTER, member, 4711)
    assert argv == node.plan_cable(CLUSTER, member, 4711)[0]
    assert argv[-2:] == ["netns", "4711"]
    assert "addr add 10.89.3.11/24 dev eth0" in inside
    assert int(node.hardware_address(CLUSTER, member)[:2], 16) & 0b11 == 0b10, "local, not multicast"


@pytest.mark.parametrize(
    ("contents", "servers"),
    [
        pytest.param(["nameserver 192.0.2.1\nsearch x\n"], ["192.0.2.1"], id="a real server is taken"),
        pytest.param(
            ["nameserver 127.0.0.53\n", "nameserver 192.0.2.9\n"],
            ["192.0.2.9"],
            id="behind a stub, the servers it asks",
        ),
        pytest.param(
            ["nameserver ::1\nnameserver 192.0.2.1\n"], ["192.0.2.1"], id="loopback lines are dropped"
        ),
        pytest.param(["nameserver 127.0.0.1\n"], [], id="nothing usable gives none"),
        pytest.param([], [], id="no file gives none"),
    ],
)
def test_name_servers_of_a_node(contents: list[str], servers: list[str]) -> None:
    lines = node.plan_resolv_conf(contents).splitlines()
    assert [line.split()[1] for line in lines if line.startswith("nameserver")] == servers


def test_paths_with_spaces_are_quoted_in_the_init_script() -> None:
    script = node.plan_init_script(replace(CLUSTER, data_dir=Path("/data/my cluster")), CLUSTER.nodes[0])
    assert "mount --bind '/data/my cluster/nodes/node-1/log' /var/log" in script


def test_containerd_of_a_node_keeps_to_itself() -> None:
    settings = containerd.ContainerdSettings("/d/root", "/d/net.d", "/usr/lib/cni", restrict_oom_score=True)
    text = containerd.plan_config(settings)
    assert 'root = "/d/root"' in text
    assert "restrict_oom_score_adj = true" in text
    assert 'sandbox_image = "steersman.local/pause:1.0"' in text


def test_loopback_and_default_routes_are_nobodys_network() -> None:
    assert all(not n.is_loopback and n.prefixlen for n in addresses.routed_networks())

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.proxy.objects import Object, endpoint, service, slice_of

from steersman.proxy import nftables, text
from steersman.proxy.conntrack import Flow, stale_flows
from steersman.proxy.services import service_ports

TWO = slice_of(endpoint("10.244.1.2", "here"), endpoint("10.244.2.2"))


def plan(obj: Object, *slices: Object) -> nftables.Fragment:
    return nftables.fragment(service_ports(obj, slices, "here"), 4, "10.244.0.0/16", ["10.96.0.10"])


def test_a_cluster_ip_is_one_element_and_one_chain() -> None:
    made = plan(service(), TWO)
    name = nftables.short_hash("ns/web/tcp/http") + "-ns/web/tcp/http"
    assert made.elements == {
        "hairpin": {"10.244.1.2 . 10.244.1.2": ""},
        "cluster-ips": {"10.96.0.20": ""},
        "service-ips": {"10.96.0.20 . tcp . 80": f"goto service-{name}"},
    }
    assert made.chains == {
        f"service-{name}": (
            "ip daddr 10.96.0.20 ip saddr != 10.244.0.0/16 jump mark-it",
            "meta l4proto tcp dnat ip to numgen random mod 2 map "
            "{ 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 }",
        )
    }


def test_without_endpoints_packets_are_rejected() -> None:
    made = plan(service(ports=[{"port": 80, "nodePort": 30080, "name": "http"}], type="NodePort"))
    assert made.elements["unserved-ips"] == {"10.96.0.20 . tcp . 80": "goto reject-it"}
    assert made.elements["unserved-nodeports"] == {"tcp . 30080": "goto reject-it"}
    assert "service-ips" not in made.elements


def test_internal_policy_local_without_a_local_endpoint_drops() -> None:
    made = plan(service(internalTrafficPolicy="Local"), slice_of(endpoint("10.244.2.2")))
    assert made.elements["unserved-ips"] == {"10.96.0.20 . tcp . 80": "drop"}


def test_external_policy_local_lets_the_cluster_use_every_endpoint() -> None:
    ports = [{"port": 80, "nodePort": 30080, "name": "http"}]
    made = plan(service(type="NodePort", ports=ports, externalTrafficPolicy="Local"), TWO)
    (external,) = [rules for name, rules in made.chains.items() if name.startswith("external-")]
    assert external[0].startswith("ip saddr 10.244.0.0/16 goto service-")
    assert external[-1].startswith("goto local-")


def test_the_dns_address_is_left_alone() -> None:
    assert plan(service(clusterIP="10.96.0.10"), TWO) == nftables.Fragment()


def test_affinity_remembers_clients_per_endpoint() -> None:
    made = plan(service(sessionAffinity="ClientIP"), TWO)
    assert len(made.sets) == 2
    assert all(d == "type ipv4_addr; flags dynamic,timeout; timeout 10800s;" for d in made.sets.values())


def test_source_ranges_guard_only_load_balancer_addresses() -> None:
    made = plan(
        service(
            type="LoadBalancer",
            externalIPs=["192.0.2.7"],
            loadBalancerSourceRanges=["198.51.100.0/24"],
            status={"loadBalancer": {"ingress": [{"ip": "192.0.2.8"}]}},
        ),
        TWO,
    )
    assert list(made.elements["firewall-ips"]) == ["192.0.2.8 . tcp . 80"]
    assert {"192.0.2.7 . tcp . 80", "192.0.2.8 . tcp . 80"} < set(made.elements["service-ips"])


services = st.builds(
    lambda n, ends, node_port, sticky, policy: (
        service(
            f"s{n}",
            clusterIP=f"10.96.1.{n}",
            type="NodePort",
            ports=[{"name": "http", "port": 80, "nodePort": node_port}],
            sessionAffinity="ClientIP" if sticky else "None",
            externalTrafficPolicy=policy,
        ),
        [slice_of(*(endpoint(f"10.244.0.{e}", "here" if e % 2 else "other") for e in ends), name=f"s{n}")],
    ),
    st.integers(1, 4),
    st.lists(st.integers(1, 5), max_size=3, unique=True),
    st.integers(30000, 30002),
    st.booleans(),
    st.sampled_from(["Cluster", "Local"]),
)
rulesets = st.lists(services, max_size=4).map(
    lambda found: nftables.merge(4, [plan(obj, *slices) for obj, slices in found])
)


class Kernel:
    """Just enough of nft to tell whether a difference refers only to what is there."""

    def __init__(self) -> None:
        self.sets: dict[str, str] = {}
        self.chains: dict[str, list[str]] = {}
        self.elements: dict[str, dict[str, str]] = {}

    def apply(self, commands: str) -> None:
        for line in commands.splitlines():
            verb, what, _, _, name, *rest = line.split(" ", 5)
            getattr(self, f"{verb}_{what}")(name, rest[0] if rest else "")

    def add_set(self, name: str, rest: str) -> None:
        self.sets[name] = rest.strip("{} ")

    def delete_set(self, name: str, rest: str) -> None:
        del self.sets[name]

    def add_chain(self, name: str, rest: str) -> None:
        self.chains[name] = []

    def flush_chain(self, name: str, rest: str) -> None:
        self.chains[name].clear()

    def delete_chain(self, name: str, rest: str) -> None:
        users = [v for e in self.elements.values() for v in e.values()]
        users += [rule for rules in self.chains.values() for rule in rules]
        assert not self.chains.pop(name)
        assert not [u for u in users if name in u.split()]

    def add_rule(self, name: str, rest: str) -> None:
        self.chains[name].append(rest)

    def add_element(self, name: str, rest: str) -> None:
        for item in rest.strip("{} ").split(", "):
            key, _, verdict = item.partition(" : ")
            assert key not in self.elements.setdefault(name, {})
            target = verdict.removeprefix("goto ")
            assert not verdict.startswith("goto ") or target == "reject-it" or target in self.chains
            self.elements[name][key] = verdict

    def delete_element(self, name: str, rest: str) -> None:
        for key in rest.strip("{} ").split(", "):
            del self.elements[name][key]


@given(st.lists(rulesets, min_size=1, max_size=4))
def test_differences_lead_from_any_ruleset_to_any_other(steps: list[nftables.Ruleset]) -> None:
    kernel, before = Kernel(), nftables.Ruleset(family=4)
    for rules in steps:
        kernel.apply(text.difference(before, rules))
        before = rules
        assert kernel.sets == {k: v.rstrip() for k, v in rules.sets.items()}
        assert {k: tuple(v) for k, v in kernel.chains.items()} == rules.chains
        assert {k: v for k, v in kernel.elements.items() if v} == rules.elements
    assert text.difference(before, before) == ""


def test_udp_flows_to_a_gone_endpoint_are_stale() -> None:
    ports: list[Any] = [{"name": "http", "port": 53, "protocol": "UDP"}]
    both = service_ports(service(ports=ports), [TWO], "here")
    one = service_ports(service(ports=ports), [slice_of(endpoint("10.244.2.2"))], "here")
    none = service_ports(service(ports=ports), [], "here")
    assert stale_flows(both, one) == {Flow(4, "10.96.0.20", 53, "10.244.1.2")}
    assert stale_flows(none, one) == {Flow(4, "10.96.0.20", 53, "")}
    assert stale_flows(one, both) == frozenset()

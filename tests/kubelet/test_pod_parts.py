"""Parts of pods as parts of CRI requests: environment, DNS, resources, fields, ports."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from steersman.kubelet.images import NAME, credentials_for, default_policy
from steersman.kubelet.pods import dns, env, fields, resources
from steersman.kubelet.pods.sandbox import port_mappings, uts_name
from steersman.kubelet.pods.sources import static_pod


def pod(**spec: Any) -> dict[str, Any]:
    meta = {"name": "web-0", "namespace": "shop", "uid": "u1", "labels": {"b": "2", "a": 'x"y'}}
    return {"metadata": meta, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$(A)-$(B)", "1-2", id="known names are replaced"),
        pytest.param("$(C)", "$(C)", id="unknown names stay"),
        pytest.param("$$(A)", "$(A)", id="a doubled dollar escapes"),
        pytest.param("$$$(A)", "$1", id="escape and value"),
        pytest.param("$A ${A} $", "$A ${A} $", id="other dollars stay"),
        pytest.param("$(A", "$(A", id="unfinished stays"),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    assert env.expand(text, {"A": "1", "B": "2"}) == expected


def service(name: str, namespace: str, ip: str = "10.0.0.1", port_name: str = "") -> dict[str, Any]:
    ports = [{"port": 80, "protocol": "TCP", "name": port_name}]
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": ip, "ports": ports}}


def test_service_links_name_services_of_the_namespace_and_the_api() -> None:
    services = [
        service("my-db", "shop", port_name="pg"),
        service("other", "elsewhere"),
        service("headless", "shop", ip="None"),
        service("kubernetes", "default", ip="10.96.0.1"),
    ]
    links = env.service_links(pod(), services)
    assert links["MY_DB_SERVICE_HOST"] == "10.0.0.1"
    assert links["MY_DB_SERVICE_PORT_PG"] == "80"
    assert links["MY_DB_PORT_80_TCP_ADDR"] == "10.0.0.1"
    assert links["KUBERNETES_PORT"] == "tcp://10.96.0.1:80"
    assert not any(name.startswith(("OTHER", "HEADLESS")) for name in links)
    assert set(env.service_links(pod(enableServiceLinks=False), services)) == {
        name for name in links if name.startswith("KUBERNETES")
    }


def test_a_later_variable_sees_the_earlier_ones_and_wins_over_links() -> None:
    container = {
        "name": "c",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}, {"name": "KUBERNETES_PORT"}],
    }
    around = env.Surroundings(services=[service("kubernetes", "default")])
    values = env.environment(pod(), container, around)
    assert (values["A"], values["B"], values["KUBERNETES_PORT"]) == ("1", "1", "")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMapKeyRef": {"name": "m", "key": "k"}}, 'configmap "m" not found'),
        ({"secretKeyRef": {"name": "s", "key": "k"}}, "couldn't find key k in Secret shop/s"),
    ],
)
def test_what_an_environment_lacks_is_named(source: dict[str, Any], message: str) -> None:
    container = {"name": "c", "env": [{"name": "A", "valueFrom": source}]}
    around = env.Surroundings(objects={("Secret", "s"): {"data": {}}, ("ConfigMap", "m"): None})
    with pytest.raises(env.ConfigError, match=message):
        env.environment(pod(), container, around)


def test_downward_fields() -> None:
    addresses = fields.Addresses(("10.1.0.5", "fd00::5"), ("192.0.2.7",))
    values = {
        path: fields.field_value(pod(nodeName="n"), path, addresses)
        for path in (
            "metadata.labels['b']",
            "metadata.labels",
            "status.podIPs",
            "status.hostIP",
            "spec.nodeName",
        )
    }
    assert values == {
        "metadata.labels['b']": "2",
        "metadata.labels": 'a="x\\"y"\nb="2"',
        "status.podIPs": "10.1.0.5,fd00::5",
        "status.hostIP": "192.0.2.7",
        "spec.nodeName": "n",
    }
    with pytest.raises(fields.FieldUnknown):
        fields.field_value(pod(), "spec.containers", addresses)


NODE = dns.parse_resolv_conf("nameserver 192.0.2.1\nsearch corp.example\noptions rotate\n# comment\n")
CLUSTER = (
    ("10.96.0.10",),
    ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"),
    ("ndots:5",),
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({}, CLUSTER, id="cluster first"),
        pytest.param(
            {"hostNetwork": True}, (("192.0.2.1",), ("corp.example",), ("rotate",)), id="host network"
        ),
        pytest.param(
            {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, CLUSTER, id="with host net"
        ),
        pytest.param(
            {
                "dnsPolicy": "None",
                "dnsConfig": {"nameservers": ["1.1.1.1"], "options": [{"name": "ndots", "value": "2"}]},
            },
            (("1.1.1.1",), (), ("ndots:2",)),
            id="only its own",
        ),
        pytest.param(
            {"dnsConfig": {"options": [{"name": "ndots", "value": "1"}]}},
            (*CLUSTER[:2], ("ndots:1",)),
            id="its own option wins",
        ),
    ],
)
def test_resolver(body: dict[str, Any], expected: Any) -> None:
    found = dns.pod_resolver(pod(**body), NODE, ("10.96.0.10",), "cluster.local")
    assert (found.servers, found.searches, found.options) == expected


def test_hosts_file_has_the_full_name_of_a_pod_with_a_subdomain() -> None:
    text = dns.hosts_file(
        pod(subdomain="db", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a", "b"]}]), ("10.1.0.5",), "c.l"
    )
    assert "10.1.0.5\tweb-0.db.shop.svc.c.l\tweb-0\n" in text
    assert "1.2.3.4\ta\tb\n" in text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([{}], "BestEffort", id="nothing asked"),
        pytest.param([{"requests": {"cpu": "1"}}], "Burstable", id="a request"),
        pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed", id="limits alone"),
        pytest.param(
            [{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}],
            "Burstable",
            id="less asked",
        ),
        pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable", id="one without"),
    ],
)
def test_qos_class(given: list[Any], expected: str) -> None:
    containers = [{"name": f"c{n}", "resources": part} for n, part in enumerate(given)]
    assert resources.qos_class(pod(containers=containers)) == expected


def test_resources_of_a_container_and_its_pod() -> None:
    limited = {"name": "c", "resources": {"limits": {"cpu": "250m", "memory": "64Mi"}}}
    init = {"name": "i", "resources": {"limits": {"cpu": "1", "memory": "16Mi"}}}
    body = pod(containers=[limited], initContainers=[init])
    one = resources.container_resources(body, limited, 1 << 30)
    assert (one.cpu_shares, one.cpu_quota, one.memory_limit_in_bytes) == (256, 25_000, 64 << 20)
    assert one.oom_score_adj == -997
    assert resources.container_resources(body, limited, 1 << 30, floor=0).oom_score_adj == 0
    assert resources.pod_limits(body) == resources.Limits(1024, 100_000, 64 << 20)


def test_ports_of_sidecars_and_containers_are_mapped_but_not_on_the_host_network() -> None:
    container = {"name": "c", "ports": [{"containerPort": 80, "hostPort": 8080, "protocol": "UDP"}]}
    assert [(m.container_port, m.host_port) for m in port_mappings(pod(containers=[container]))] == [
        (80, 8080)
    ]
    assert port_mappings(pod(containers=[container], hostNetwork=True)) == []


def test_a_full_name_longer_than_the_kernel_allows_is_refused() -> None:
    body = pod(setHostnameAsFQDN=True, subdomain="s", hostname="h" * 60)
    with pytest.raises(env.ConfigError, match="FQDN"):
        uts_name(body, "cluster.local")


@pytest.mark.parametrize(
    ("image", "valid", "policy"),
    [
        ("nginx", True, "Always"),
        ("nginx:1.2", True, "IfNotPresent"),
        ("localhost:5000/a/b_c:latest", True, "Always"),
        ("a@sha256:" + "0" * 64, True, "IfNotPresent"),
        ("Nginx:1", False, ""),
        ("a b", False, ""),
        ("", False, ""),
    ],
)
def test_image_names(image: str, valid: bool, policy: str) -> None:
    assert bool(NAME.match(image)) is valid
    if valid:
        assert default_policy(image) == policy


def test_pull_secrets_are_matched_by_registry() -> None:
    text = (
        b'{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}, "r.example:5000": {"username": "x"}}}'
    )
    secret = {"metadata": {"name": "s"}, "data": {".dockerconfigjson": base64.b64encode(text).decode()}}
    assert [(a.username, a.password) for a in credentials_for(secret, "nginx")] == [("u", "p")]
    assert [a.username for a in credentials_for(secret, "r.example:5000/x")] == ["x"]
    assert credentials_for(secret, "quay.io/x") == []
    assert credentials_for({"metadata": {"name": "s"}, "data": {".dockerconfigjson": "bm8="}}, "nginx") == []


def test_a_static_pod_is_bound_to_the_node_and_changes_identity_with_its_text() -> None:
    text = "kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n"
    first = static_pod(text, "/m/a.yaml", "n1", "2026-01-01T00:00:00Z")
    assert (first["metadata"]["name"], first["spec"]["nodeName"]) == ("a-n1", "n1")
    assert first["spec"]["restartPolicy"] == "Always"
    again = static_pod(text, "/m/a.yaml", "n1", "2026-01-02T00:00:00Z")
    changed = static_pod(text.replace("image: i", "image: j"), "/m/a.yaml", "n1", "")
    assert again["metadata"]["uid"] == first["metadata"]["uid"] != changed["metadata"]["uid"]
    with pytest.raises(ValueError, match="not a Pod"):
        static_pod("kind: List", "/m/b.yaml", "n1", "")

"""`steersman up`: the phases, in order.

Each is idempotent, so that a second run finds nothing to do, and a run after a half-finished one finishes
it.
"""

from __future__ import annotations

import inspect
import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from steersman.bootstrap import images, kubeconfigs, pki
from steersman.bootstrap.local import etcd, host, node, preflight
from steersman.bootstrap.local import images as node_images
from steersman.bootstrap.local.cluster import Cluster, Node, cluster_lock, load, machine_lock, registered_dir
from steersman.bootstrap.local.commands import run
from steersman.bootstrap.local.control import component_environment
from steersman.bootstrap.local.logs import where_to_look
from steersman.bootstrap.local.plan import Wish, observe_cluster
from steersman.bootstrap.local.processes import ProcessSpec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from steersman.bootstrap.local.report import Report
    from steersman.client.rest import Client


@dataclass(slots=True)
class Up:
    """What the phases of one run share."""

    wish: Wish
    report: Report
    wait_seconds: float = 120.0
    with_demo: bool = False
    cluster: Cluster = field(init=False)
    pki: pki.PKI = field(init=False)
    client: Client | None = None
    changed: bool = False
    """Whether any phase had to do something."""
    demo_url: str = ""

    @property
    def awake(self) -> list[Node]:
        """The nodes that are meant to run."""
        return [n for n in self.cluster.nodes if n.name not in self.cluster.stopped]

    def connect(self) -> Client:
        """The one client of this run."""
        from steersman.bootstrap.local import api

        self.client = self.client or api.connect(self.cluster)
        return self.client


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of `up`. `run` gives a remark for the user."""

    name: str
    title: str
    run: Callable[[Up], str | Awaitable[str]]


def check_machine(up: Up) -> str:
    """Decide what the cluster will be and refuse what cannot work, before anything is changed."""
    preflight.refuse(preflight.inspect_machine())
    with machine_lock():
        cluster = up.cluster = observe_cluster(up.wish)
        preflight.refuse(preflight.inspect_cluster(cluster))
        if cluster != load(cluster.data_dir) or registered_dir(cluster.name) is None:
            up.changed = True
            cluster.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            cluster.save()
    return f"{len(cluster.nodes)} node{'s' * (len(cluster.nodes) > 1)} on {cluster.network}"


def make_keys(up: Up) -> str:
    """Certificates, kubeconfigs, tokens."""
    cluster = up.cluster
    up.pki = pki.ensure_pki(cluster.data_dir, (cluster.host_address,))
    kubeconfigs.ensure_control_plane(cluster.data_dir, up.pki, cluster.server, cluster.context)
    if cluster.store == etcd.STORE:
        etcd.ensure_keys(up.pki)
    for member in cluster.nodes:
        node.prepare_files(cluster, member, up.pki)
    return str(cluster.data_dir)


def start_network(up: Up) -> str:
    """The host's bridge, NAT and forwarding."""
    host.ensure_host(up.cluster)
    return f"{up.cluster.bridge} {up.cluster.host_address}"


def start_control_plane(up: Up) -> str:
    """The supervisor, and under it etcd where chosen, the API server, the controllers with the scheduler."""
    control = up.cluster.control
    up.changed |= control.ensure_running()
    running = {process.name for process in control.status() if process.pid}
    for spec in control_plane_specs(up.cluster):
        control.start(spec)
        up.changed |= spec.name not in running
    return f"supervisor pid {control.supervisor_pid()}"


def control_plane_specs(cluster: Cluster) -> list[ProcessSpec]:
    """The processes on the host in the order of their start; they end in the opposite order."""
    store = [etcd.etcd_spec(cluster)] if cluster.store == etcd.STORE else []
    return [*store, apiserver_spec(cluster), controllers_spec(cluster)]


def apiserver_spec(cluster: Cluster) -> ProcessSpec:
    """The API server: on loopback for this machine, on the bridge for nodes."""
    options = {
        "--data-dir": str(cluster.data_dir),
        "--port": str(cluster.port),
        "--bind-address": f"127.0.0.1,{cluster.host_address}",
        "--advertise-address": cluster.host_address,
        "--store": cluster.store,
    }
    if cluster.store == etcd.STORE:
        options |= etcd.apiserver_options(cluster)
    return component_spec(cluster, "apiserver", "apiserver", options)


def controllers_spec(cluster: Cluster) -> ProcessSpec:
    """Controllers and scheduler in one process."""
    options = {
        "--kubeconfig": str(cluster.data_dir / "controller-manager.kubeconfig"),
        "--with-scheduler": str(cluster.data_dir / "scheduler.kubeconfig"),
        "--data-dir": str(cluster.data_dir),
        "--pod-network": cluster.pod_cidr,
    }
    return component_spec(cluster, "controllers", "controller-manager", options)


def component_spec(cluster: Cluster, name: str, command: str, options: dict[str, str]) -> ProcessSpec:
    """One Python process on the host."""
    arguments = [word for option in options.items() for word in option]
    return ProcessSpec(
        name=name,
        argv=(sys.executable, "-m", "steersman", command, *arguments),
        log=str(cluster.log(name)),
        environment=component_environment(),
    )


def start_nodes(up: Up) -> str:
    """Namespaces, containerd and agent of every node that is meant to run."""
    for member in up.awake:
        up.changed |= node.start_node(up.cluster, member)
    return ", ".join(f"{member.name} {member.address}" for member in up.awake)


def import_images(up: Up) -> str:
    """The pause and demo images, assembled here, into every node."""
    for member in up.awake:
        up.changed |= node_images.ensure_images(up.cluster, member)
    return images.DEMO_IMAGE


async def wait_api(up: Up) -> str:
    """The API server answers."""
    from steersman.bootstrap.local import api

    stores = [up.cluster.log(etcd.PROCESS)] if up.cluster.store == etcd.STORE else []
    logs = [up.cluster.log("apiserver"), *stores]
    await api.wait_ready(up.connect(), up.wait_seconds, lambda: where_to_look(*logs))
    return up.cluster.server


async def reserve_dns(up: Up) -> str:
    """The Service of the cluster's DNS, before anybody else can be given its address."""
    from steersman.api.kinds import SERVICES
    from steersman.bootstrap.local import api, cluster_dns

    up.changed |= await api.ensure(up.connect(), SERVICES, cluster_dns.service())
    return cluster_dns.ADDRESS


async def wait_nodes(up: Up) -> str:
    """Every running node is Ready, and the host knows the way to its pods."""
    from steersman.bootstrap.local import api

    names = [member.name for member in up.awake]
    logs = [up.cluster.log(process) for process in (*(f"{name}/agent" for name in names), "controllers")]
    await api.wait_nodes_ready(up.connect(), names, up.wait_seconds, lambda: where_to_look(*logs))
    for argv in host.plan_routes(up.cluster, await api.pod_cidrs(up.connect())):
        run(argv)
    return ", ".join(names)


def merge_kubeconfig(up: Up) -> str:
    """Put the cluster's context into the user's kubeconfig and make it the current one."""
    from steersman.client import kubeconfig

    target = kubeconfig.default_path()
    if target.resolve() == up.cluster.kubeconfig.resolve():
        return f"KUBECONFIG is {target}"
    try:
        kubeconfig.merge(target, kubeconfig.read(up.cluster.kubeconfig))
    except (OSError, kubeconfig.KubeConfigError) as error:
        return f"left alone: {error}"
    return f"context {up.cluster.context} in {target}"


async def deploy_demo(up: Up) -> str:
    """The demo application, until it answers inside the cluster by address and by name."""
    if not up.with_demo:
        return "not asked for"
    from steersman.bootstrap.local import demo

    outcome = await demo.deploy(up.connect(), up.cluster.kubeconfig, up.wait_seconds)
    up.changed |= outcome.changed
    up.demo_url = outcome.url
    return outcome.url


PHASES: tuple[Phase, ...] = (
    Phase("preflight", "Looking at this machine", check_machine),
    Phase("keys", "Keys, certificates, kubeconfigs", make_keys),
    Phase("network", "Bridge and NAT on the host", start_network),
    # Everything is started before anything is waited for: the processes get ready side by side.
    Phase("control-plane", "Starting API server and controllers", start_control_plane),
    Phase("nodes", "Starting nodes", start_nodes),
    Phase("images", "Images, assembled and imported", import_images),
    Phase("api", "API server ready", wait_api),
    Phase("dns", "Cluster DNS", reserve_dns),
    Phase("ready", "Nodes ready", wait_nodes),
    Phase("kubeconfig", "Context in your kubeconfig", merge_kubeconfig),
    Phase("demo", "Demo application answering", deploy_demo),
)


async def bring_up(up: Up) -> None:
    """Run the phases. Raises: BootstrapError of the phase that failed."""
    preflight.refuse(preflight.check_root())
    try:
        with cluster_lock(up.wish.name):
            for phase in PHASES:
                if phase.name == "demo" and not up.with_demo:
                    continue
                with up.report.stage(phase.name, phase.title) as stage:
                    outcome = phase.run(up)
                    stage.detail = await outcome if inspect.isawaitable(outcome) else str(outcome)
    finally:
        if up.client is not None:
            await up.client.aclose()


def missing_kubectl() -> bool:
    """Whether the user has no kubectl yet."""
    return shutil.which("kubectl") is None

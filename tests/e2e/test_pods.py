"""Inside pods: logs, exec, cp, attach, port-forward, run, debug; probes, volumes, restarts."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.e2e.conftest import IMAGE, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Kubectl


def on_a_terminal(kubectl: Kubectl, *arguments: str, typed: str) -> str:
    """Run kubectl on a pseudo-terminal and type something; what the terminal showed."""
    main, terminal = os.openpty()
    process = kubectl.start(*arguments, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    os.write(main, typed.encode())
    shown = b""
    while True:
        try:
            part = os.read(main, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    process.wait(60)
    os.close(main)
    return shown.decode()


def apply_pod(kubectl: Kubectl, name: str, container: dict[str, Any], **spec: Any) -> None:
    container = {"name": "main", "image": IMAGE, **container}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(pod))


def test_logs_in_all_their_variants(pod: Kubectl) -> None:
    assert pod("logs", "box") == "hello\n"
    assert pod("logs", "box", "--tail=1", "--timestamps").endswith("Z hello\n")
    assert pod("logs", "box", "--since=1h", "-c", "box") == "hello\n"
    assert pod("logs", "box", "--since=1s", "--tail=0") == ""


def test_following_logs(kubectl: Kubectl) -> None:
    kubectl(
        "run", "talker", f"--image={IMAGE}", "--", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 1; done"
    )
    kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/talker", "--timeout=60s")
    assert kubectl("logs", "-f", "talker").split()[:3] == ["1", "2", "3"]


def test_logs_of_the_previous_container(kubectl: Kubectl) -> None:
    apply_pod(kubectl, "dies", {"args": ["sh", "-c", "echo run $RANDOM; exit 3"]})
    eventually(lambda: kubectl.run("logs", "dies", "--previous").returncode == 0)
    assert kubectl("logs", "dies", "--previous").startswith("run ")
    state = kubectl.json("get", "pod", "dies")["status"]["containerStatuses"][0]
    assert state["restartCount"] >= 1
    assert state["lastState"]["terminated"]["exitCode"] == 3


def test_exec_gives_output_and_exit_status(pod: Kubectl) -> None:
    assert pod("exec", "box", "--", "id").startswith("uid=0(root)")
    failed = pod.run("exec", "box", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (failed.returncode, failed.stdout) == (7, "out\n")
    assert failed.stderr.startswith("err\n")


def test_exec_with_input(pod: Kubectl) -> None:
    assert pod("exec", "-i", "box", "--", "wc", "-c", stdin="x" * 100_000).strip() == "100000"


def test_exec_on_a_terminal(pod: Kubectl) -> None:
    shown = on_a_terminal(pod, "exec", "-it", "box", "--", "sh", typed="echo $((6*7)); tty; exit\n")
    assert "42" in shown
    assert "/dev/pts/" in shown


def test_copying_in_and_out(pod: Kubectl, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.write_bytes(os.urandom(300_000))
    pod("cp", str(here), "box:/tmp/there")
    pod("cp", "box:/tmp/there", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == here.read_bytes()


def test_port_forward(web: Kubectl) -> None:
    forward = web.start("port-forward", "deployment/web", ":80")
    try:
        assert forward.stdout is not None
        line = forward.stdout.readline()
        port = int(line.split("127.0.0.1:")[1].split()[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
            assert "It works" in answer.read().decode()
    finally:
        forward.terminate()
        forward.communicate()


def test_run_shows_what_the_pod_said_and_removes_it(kubectl: Kubectl) -> None:
    shown = kubectl("run", "c", "--rm", "-i", "--restart=Never", f"--image={IMAGE}", "--", "echo", "hi there")
    assert "hi there" in shown
    assert "NotFound" in kubectl.fails("get", "pod", "c")


def test_run_on_a_terminal(kubectl: Kubectl) -> None:
    arguments = ("run", "t", "--rm", "-it", "--restart=Never", f"--image={IMAGE}", "--", "sh")
    assert "42" in on_a_terminal(kubectl, *arguments, typed="sleep 1\necho $((6*7))\nexit\n")


def test_attach(kubectl: Kubectl) -> None:
    apply_pod(
        kubectl, "echo", {"args": ["sh", "-c", "while read line; do echo got $line; done"], "stdin": True}
    )
    kubectl("wait", "--for=condition=Ready", "pod/echo", "--timeout=60s")
    process = kubectl.start("attach", "-i", "echo")
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("one\n")
        process.stdin.flush()
        assert process.stdout.readline() == "got one\n"
    finally:
        process.kill()
        process.communicate()


def test_debugging_with_an_ephemeral_container(pod: Kubectl) -> None:
    pod(
        "debug",
        "box",
        f"--image={IMAGE}",
        "--target=box",
        "-c",
        "dbg",
        "--",
        "sh",
        "-c",
        "ls /proc; sleep 1000",
    )
    eventually(lambda: pod.run("logs", "box", "-c", "dbg").stdout)
    statuses = pod.json("get", "pod", "box")["status"]["ephemeralContainerStatuses"]
    assert "running" in statuses[0]["state"]


def test_a_killed_process_is_restarted(pod: Kubectl) -> None:
    pod.run("exec", "box", "--", "sh", "-c", "kill -9 -1")

    def restarted() -> bool:
        status = pod.json("get", "pod", "box")["status"]["containerStatuses"][0]
        return bool(status["restartCount"] == 1 and status["ready"])

    eventually(restarted, what="a restart")


def test_environment_and_volumes(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "cm", "--from-literal=key=value")
    kubectl("create", "secret", "generic", "s", "--from-literal=password=hush")
    sources = [
        {"configMap": {"name": "cm"}},
        {"secret": {"name": "s"}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
    ]
    apply_pod(
        kubectl,
        "reader",
        {
            "args": [
                "sh",
                "-c",
                "cd /all; cat key password name; echo; echo $NODE $KEY; touch /scratch/x; wc -c <token",
            ],
            "env": [
                {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "key"}}},
            ],
            "volumeMounts": [
                {"name": "all", "mountPath": "/all"},
                {"name": "scratch", "mountPath": "/scratch"},
            ],
        },
        restartPolicy="Never",
        volumes=[{"name": "all", "projected": {"sources": sources}}, {"name": "scratch", "emptyDir": {}}],
    )
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/reader", "--timeout=60s")
    first, second, token = kubectl("logs", "reader").splitlines()
    assert (first, second) == ("valuehushreader", "node-1 value")
    assert int(token) > 200


def test_init_containers_run_first_and_one_after_the_other(kubectl: Kubectl) -> None:
    mount = [{"name": "v", "mountPath": "/v"}]
    init = [
        {"name": n, "image": IMAGE, "args": ["sh", "-c", f"echo {n} >>/v/log"], "volumeMounts": mount}
        for n in "ab"
    ]
    main = {"args": ["cat", "/v/log"], "volumeMounts": mount}
    apply_pod(
        kubectl,
        "p",
        main,
        initContainers=init,
        restartPolicy="Never",
        volumes=[{"name": "v", "emptyDir": {}}],
    )
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/p", "--timeout=60s")
    assert kubectl("logs", "p") == "a\nb\n"


def test_a_failing_liveness_probe_restarts_and_says_so(kubectl: Kubectl) -> None:
    probe = {"exec": {"command": ["test", "-e", "/tmp/well"]}, "periodSeconds": 1, "failureThreshold": 2}
    script = "touch /tmp/well; sleep 3; rm /tmp/well; sleep 1000"
    apply_pod(
        kubectl,
        "ill",
        {"args": ["sh", "-c", script], "livenessProbe": probe},
        terminationGracePeriodSeconds=1,
    )
    statuses = ("get", "pod", "ill", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
    eventually(lambda: kubectl(*statuses) not in ("", "0"), what="a restart")
    assert "Liveness probe failed" in kubectl("events", "--for", "pod/ill")


def test_limits_become_control_groups(kubectl: Kubectl) -> None:
    resources = {"limits": {"memory": "64Mi", "cpu": "500m"}}
    apply_pod(kubectl, "small", {"args": ["sleep", "1000"], "resources": resources})
    kubectl("wait", "--for=condition=Ready", "pod/small", "--timeout=60s")
    assert kubectl.json("get", "pod", "small")["status"]["qosClass"] == "Guaranteed"
    where = "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max"
    shown = kubectl.run("exec", "small", "--", "sh", "-c", f"cat {where} 2>/dev/null").stdout
    assert shown.split() == [str(64 * 2**20)]


def test_kubectl_proxy(kubectl: Kubectl) -> None:
    proxy = kubectl.start("proxy", "--port=0")
    try:
        assert proxy.stdout is not None
        address = proxy.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"http://{address}/api/v1/namespaces/default", timeout=20) as answer:
            assert json.load(answer)["metadata"]["name"] == "default"
    finally:
        proxy.terminate()
        proxy.communicate(timeout=20)


def test_nothing_of_a_deleted_pod_runs_on(pod: Kubectl) -> None:
    marker = pod("get", "pod", "box", "-o", "jsonpath={.metadata.uid}")
    pod("delete", "pod", "box", "--timeout=60s")
    find = ["find", "/sys/fs/cgroup", "-name", f"pod{marker}"]
    eventually(lambda: subprocess.run(find, capture_output=True).stdout == b"", 10, "its cgroups are gone")

"""Creating, changing and removing objects in every way kubectl knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import Kubectl

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings, labels: {{app: x}}}}
data: {data}
"""


def settings(data: str) -> str:
    return CONFIG_MAP.format(data=data)


def data(kubectl: Kubectl) -> dict[str, str]:
    found: dict[str, str] = kubectl.json("get", "configmap", "settings")["data"]
    return found


def test_client_side_apply_removes_what_was_taken_out(kubectl: Kubectl) -> None:
    assert "created" in kubectl("apply", "-f", "-", stdin=settings("{a: '1', b: '2'}"))
    assert "unchanged" in kubectl("apply", "-f", "-", stdin=settings("{a: '1', b: '2'}"))
    assert "configured" in kubectl("apply", "-f", "-", stdin=settings("{a: '3'}"))
    assert data(kubectl) == {"a": "3"}


def test_server_side_apply_keeps_the_fields_of_others(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "-f", "-", stdin=settings("{a: '1'}"))
    kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=settings("{b: '2'}"))
    assert data(kubectl) == {"a": "1", "b": "2"}
    said = kubectl.fails(
        "apply", "--server-side", "--field-manager=third", "-f", "-", stdin=settings("{a: '9'}")
    )
    assert "conflict" in said
    kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=third",
        "-f",
        "-",
        stdin=settings("{a: '9'}"),
    )
    assert data(kubectl)["a"] == "9"


def test_replace_and_its_conflict(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=settings("{a: '1'}"))
    old = kubectl("get", "configmap", "settings", "-o", "yaml")
    kubectl("replace", "-f", "-", stdin=settings("{a: '2'}"))
    assert data(kubectl) == {"a": "2"}
    assert "the object has been modified" in kubectl.fails("replace", "-f", "-", stdin=old)


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("merge", '{"data":{"b":"2"}}'),
        ("strategic", '{"data":{"b":"2"}}'),
        ("json", '[{"op":"add","path":"/data/b","value":"2"}]'),
    ],
)
def test_patches(kubectl: Kubectl, kind: str, patch: str) -> None:
    kubectl("create", "-f", "-", stdin=settings("{a: '1'}"))
    kubectl("patch", "configmap", "settings", f"--type={kind}", "-p", patch)
    assert data(kubectl) == {"a": "1", "b": "2"}


def test_edit(kubectl: Kubectl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl("create", "-f", "-", stdin=settings("{a: before}"))
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i s/before/after/ $1\n")
    editor.chmod(0o755)
    monkeypatch.setenv("KUBE_EDITOR", str(editor))
    kubectl("edit", "configmap", "settings")
    assert data(kubectl) == {"a": "after"}


def test_label_and_annotate(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=settings("{}"))
    kubectl("label", "configmap", "settings", "tier=front")
    kubectl("annotate", "configmap", "settings", "note=hello")
    assert "already has a value" in kubectl.fails("label", "configmap", "settings", "tier=back")
    kubectl("label", "configmap", "settings", "tier=back", "--overwrite", "app-")
    found = kubectl.json("get", "configmap", "settings")["metadata"]
    assert "app" not in found["labels"]
    assert (found["labels"]["tier"], found["annotations"]["note"]) == ("back", "hello")


def test_diff_shows_what_would_change(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=settings("{a: '1'}"))
    assert kubectl.run("diff", "-f", "-", stdin=settings("{a: '1'}")).returncode == 0
    changed = kubectl.run("diff", "-f", "-", stdin=settings("{a: '2'}"))
    assert changed.returncode == 1
    assert '+  a: "2"' in changed.stdout


def test_dry_run_changes_nothing(kubectl: Kubectl) -> None:
    kubectl("create", "--dry-run=server", "-f", "-", stdin=settings("{}"))
    assert "NotFound" in kubectl.fails("get", "configmap", "settings")


def test_deleting_a_deployment_takes_its_pods_along(web: Kubectl) -> None:
    web("delete", "deployment", "web")
    web("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=60s")
    assert web("get", "replicasets", "--no-headers") == ""


def test_orphans_stay(web: Kubectl) -> None:
    web("delete", "deployment", "web", "--cascade=orphan")
    (left,) = web.json("get", "replicasets")["items"]
    assert "ownerReferences" not in left["metadata"]
    web("delete", "replicaset", left["metadata"]["name"], "--cascade=foreground", "--timeout=60s")
    assert web("get", "pods", "--no-headers") == ""


def test_force_deletion_does_not_wait(pod: Kubectl) -> None:
    pod("delete", "pod", "box", "--force", "--grace-period=0")
    assert "NotFound" in pod.fails("get", "pod", "box")


def test_deleting_a_namespace_empties_it(kubectl: Kubectl) -> None:
    name = f"{kubectl.namespace}-x"
    kubectl("create", "namespace", name)
    kubectl("-n", name, "create", "configmap", "a")
    kubectl("delete", "namespace", name, "--timeout=60s")
    assert "NotFound" in kubectl.fails("get", "namespace", name)

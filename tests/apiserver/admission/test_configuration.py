"""The AdmissionConfiguration file, and what PodSecurity makes of its part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from steersman.api import kinds
from steersman.api.errors import Forbidden
from steersman.apiserver.admission.configuration import parse, read
from steersman.apiserver.admission.pod_security import configuration
from steersman.apiserver.admission.pod_security.standards import Standard, standards_of
from steersman.apiserver.config import APIServerConfig
from steersman.apiserver.server import APIServer
from steersman.client.rest import Client
from steersman.store.memory import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

POD_SECURITY: dict[str, Any] = {
    "apiVersion": "pod-security.admission.config.k8s.io/v1",
    "kind": "PodSecurityConfiguration",
    "defaults": {"enforce": "baseline", "enforce-version": "v1.30"},
    "exemptions": {"namespaces": ["free"]},
}


def document(*plugins: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": list(plugins),
    }


async def test_namespaces_without_labels_get_the_default_levels_and_some_are_exempt(tmp_path: Path) -> None:
    (tmp_path / "ps.yaml").write_text(yaml.safe_dump(POD_SECURITY))
    file = tmp_path / "admission.yaml"
    file.write_text(yaml.safe_dump(document({"name": "PodSecurity", "path": "ps.yaml"})))
    config = APIServerConfig(store="memory", admission_control_config_file=str(file))
    pod = {
        "metadata": {"name": "p"},
        "spec": {"hostNetwork": True, "containers": [{"name": "c", "image": "i"}]},
    }
    async with (
        APIServer(config, store=MemoryStore(), listen=False) as server,
        Client(server.transport()) as client,
    ):
        for name in ("free", "bound"):
            await client.create(kinds.NAMESPACES, {"metadata": {"name": name}})
            await client.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, name)
        await client.create(kinds.PODS, pod, "free")
        with pytest.raises(Forbidden, match=r'violates PodSecurity "baseline:v1.30": host namespaces'):
            await client.create(kinds.PODS, pod, "bound")


async def test_a_plugin_without_settings_ends_the_start(tmp_path: Path) -> None:
    file = tmp_path / "admission.yaml"
    file.write_text(yaml.safe_dump(document({"name": "Priority", "configuration": {"a": 1}})))
    config = APIServerConfig(store="memory", admission_control_config_file=str(file))
    with pytest.raises(ValueError, match=r"admission.yaml: the admission plug-in Priority has no settings"):
        async with APIServer(config, store=MemoryStore(), listen=False):
            pass


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "not of kind AdmissionConfiguration"),
        (document({"configuration": {}}), r"plugins\[0\].name: a name is needed"),
        (document({"name": "PodSecurity"}), r"plugins\[0\]: either configuration or path"),
        (document(*[{"name": "P", "configuration": {}}] * 2), "P is there twice"),
    ],
    ids=["another kind", "no name", "no settings", "twice"],
)
def test_a_file_that_cannot_be_used_says_where(given: dict[str, Any], why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=why):
        parse(given, tmp_path)


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("{")
    with pytest.raises(ValueError, match="x is not YAML"):
        read(tmp_path / "x")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "Other"}, "needs a PodSecurityConfiguration"),
        ({"defaults": {"enforce": "strict"}}, "defaults.enforce: 'strict' must be one of"),
        ({"defaults": {"warn-version": "1.2"}}, 'defaults.warn-version: .1.2. must be "latest"'),
        ({"defaults": {"deny": "baseline"}}, "defaults.deny: there is no such setting"),
        ({"exemptions": {"namespaces": "a"}}, "exemptions.namespaces: a list of names"),
    ],
    ids=["another kind", "wrong level", "wrong version", "unknown mode", "no list"],
)
def test_settings_that_cannot_be_used_say_where(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        configuration.parse({**POD_SECURITY, **change})


def test_labels_go_before_defaults_level_and_version_each() -> None:
    usual = configuration.parse(POD_SECURITY).defaults
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "x"}
    found = standards_of(labels, usual)
    assert found["enforce"] == Standard("restricted", 30)
    assert found["warn"] == Standard("privileged")

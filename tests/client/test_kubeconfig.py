"""Kubeconfig files: written, merged, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.client import kubeconfig

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "dir" / "config"
    kubeconfig.write(path, kubeconfig.make("one", "https://h:1", ca=b"CA", cert=b"C", key=b"K", token="t"))
    loaded = kubeconfig.load(path)
    assert (loaded.server, loaded.context, loaded.namespace) == ("https://h:1", "one", "default")
    assert loaded.credentials.ca_data == b"CA"
    assert loaded.credentials.headers() == {"Authorization": "Bearer t"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_merging_keeps_other_contexts_and_is_idempotent(tmp_path: Path) -> None:
    path = tmp_path / "config"
    kubeconfig.write(path, kubeconfig.make("mine", "https://mine"))
    addition = kubeconfig.make("steersman", "https://s", token="a")
    assert kubeconfig.merge(path, addition)
    assert not kubeconfig.merge(path, addition)
    assert kubeconfig.load(path).server == "https://s"
    assert kubeconfig.load(path, "mine").server == "https://mine"
    assert kubeconfig.remove(path, ["steersman"])
    assert [c["name"] for c in kubeconfig.read(path)["contexts"]] == ["mine"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no current context"),
        ("current-context: x", "has no context 'x'"),
        ("{unclosed", "is not YAML"),
        ("[1]", "is not a mapping"),
    ],
)
def test_an_unusable_file_says_why(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(kubeconfig.KubeConfigError, match=message):
        kubeconfig.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(kubeconfig.KubeConfigError, match=r"cannot read kubeconfig .*none"):
        kubeconfig.load(tmp_path / "none")

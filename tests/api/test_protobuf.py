"""Reading Kubernetes' protobuf encoding."""

from __future__ import annotations

import pytest

from steersman.api import protobuf


def field(number: int, data: bytes | str | int) -> bytes:
    """Encode one field; small numbers and short texts only."""
    if isinstance(data, int):
        return bytes([number << 3, data])
    raw = data.encode() if isinstance(data, str) else data
    return bytes([number << 3 | 2, len(raw)]) + raw


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    return protobuf.MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, raw)


def test_a_config_map_is_read_with_its_map() -> None:
    raw = field(1, field(1, "a")) + field(2, field(1, "k") + field(2, "v"))
    expected = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}
    assert protobuf.decode(body("v1", "ConfigMap", raw)) == expected


def test_members_of_embedded_structs_belong_to_the_object_around_them() -> None:
    probe = field(1, field(2, field(1, "/") + field(2, field(1, 0) + field(2, 80)))) + field(2, 5)
    container = field(1, "c") + field(10, probe)
    pod = protobuf.decode(body("v1", "Pod", field(2, field(2, container))))
    expected = {"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 5}
    assert pod["spec"]["containers"][0]["livenessProbe"] == expected


def test_secrets_are_base64_and_zero_times_are_null() -> None:
    raw = field(1, field(8, b"")) + field(2, field(1, "k") + field(2, b"\x00\xff"))
    secret = protobuf.decode(body("v1", "Secret", raw))
    assert secret["data"] == {"k": "AP8="}
    assert secret["metadata"] == {"creationTimestamp": None}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"{}", id="no magic number"),
        pytest.param(protobuf.MAGIC + b"\x0a\x7f", id="a field longer than the body"),
        pytest.param(body("v1", "Nonsense", b""), id="an unknown kind"),
        pytest.param(body("v1", "Pod", b"\x12\x80"), id="a broken number"),
        pytest.param(body("v1", "Pod", field(1, b"\x0a\x01\xff")), id="a text that is not UTF-8"),
    ],
)
def test_damaged_bodies_are_refused(data: bytes) -> None:
    with pytest.raises(protobuf.ProtobufError):
        protobuf.decode(data)

"""Names, times, metadata, percentages, addresses."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from steersman.api import cidr, intstr, meta, names, times

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (names.is_dns1123_label, ["a", "a-1", "1a"], ["", "A", "a.b", "-a", "a-", "a" * 64, "a\n"]),
        (names.is_dns1123_subdomain, ["a.b", "a"], ["a..b", ".a", "a_b", "x" * 254]),
        (names.is_dns1035_label, ["web-1"], ["1web", "web."]),
        (names.is_qualified_name, ["a", "a.b/C_d"], ["", "/a", "a/b/c", "a/", "-a", "A_/b", "a" * 64]),
        (names.is_label_value, ["", "A.b_c-1"], ["-a", "a b", "a" * 64]),
        (names.is_config_key, ["a", ".a", "A_b.c"], ["", ".", "..", "..a", "a/b"]),
        (names.is_env_var, ["A", "a.b-c", "a b"], ["", "a=b", "ä"]),
        (names.is_port_name, ["http", "a1-b"], ["", "1", "a--b", "-a", "a" * 16, "A"]),
        (names.is_path_segment, ["system:node", "a b"], [".", "..", "a/b", "a%b"]),
        (cidr.is_ip, ["10.0.0.1", "::1"], ["10.0.0", "010.0.0.1", "a", "fe80::1%eth0"]),
        (cidr.is_cidr, ["10.0.0.0/8", "::/0"], ["10.0.0.0", "10.0.0.0/33"]),
    ],
)
def test_a_check_accepts_and_complains(
    check: Callable[[str], list[str]], good: list[str], bad: list[str]
) -> None:
    assert [text for text in good if check(text)] == []
    assert [text for text in bad if not check(text)] == []


def test_the_best_known_message() -> None:
    assert names.is_dns1123_subdomain("Bad_Name") == [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
        "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    ]


def test_generated_names_fit_a_label() -> None:
    generated = names.generate_name("x" * 80, random.Random(1))
    assert len(generated) == 63
    assert not names.is_dns1123_label(generated)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (312, "5m12s"),
        (3000, "50m"),
        (3 * 3600 + 60, "3h1m"),
        (10 * 3600, "10h"),
        (50 * 3600, "2d2h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
        (3650 * 86400, "10y"),
    ],
)
def test_human_duration(seconds: float, text: str) -> None:
    assert times.human_duration(seconds) == text


def test_times_there_and_back() -> None:
    assert times.rfc3339(1767323045.9) == "2026-01-02T03:04:05Z"
    assert times.rfc3339_micro(1767323045.25) == "2026-01-02T03:04:05.250000Z"
    assert times.parse_time("2026-01-02T03:04:05Z") == 1767323045
    assert times.parse_time("2026-01-02T04:04:05.5+01:00") == 1767323045.5
    assert times.parse_time("2026-01-02T03:04:05.123456789Z") == pytest.approx(1767323045.123456)
    for bad in ("yesterday", "2026-01-02", "2026-01-02T03:04:05"):
        with pytest.raises(ValueError, match=r"."):
            times.parse_time(bad)


def test_a_condition_keeps_its_transition_time_until_its_status_changes() -> None:
    first = meta.set_condition(None, {"type": "Ready", "status": "False"}, now=0)
    second = meta.set_condition(first, {"type": "Ready", "status": "False", "reason": "Still"}, now=60)
    third = meta.set_condition(second, {"type": "Ready", "status": "True"}, now=120)
    assert [c[0]["lastTransitionTime"] for c in (first, second, third)] == [
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:02:00Z",
    ]
    assert meta.is_condition_true({"status": {"conditions": third}}, "Ready")
    assert meta.get_condition(third, "Other") is None


def test_metadata_readers() -> None:
    pod = {"metadata": {"name": "p", "namespace": "n", "ownerReferences": [{"uid": "1", "controller": True}]}}
    assert meta.key(pod) == "n/p"
    assert meta.split_key("n/p") == ("n", "p")
    assert meta.is_controlled_by(pod, {"metadata": {"uid": "1"}})
    assert meta.labels({}) == {}


@pytest.mark.parametrize(
    ("value", "total", "round_up", "expected"),
    [(3, 10, True, 3), ("25%", 10, True, 3), ("25%", 10, False, 2), ("100%", 7, True, 7), ("0%", 7, True, 0)],
)
def test_scaled_value(value: int | str, total: int, round_up: bool, expected: int) -> None:
    assert intstr.scaled_value(value, total, round_up) == expected


def test_text_that_is_no_percentage_is_refused() -> None:
    with pytest.raises(ValueError, match="neither an integer nor a percentage"):
        intstr.scaled_value("5", 10, True)

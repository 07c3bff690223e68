"""Schedules: what is due, what is missed, what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from steersman.api import meta
from steersman.api.times import parse_time, rfc3339
from steersman.controllers.cronjob import make_job, missed, next_time, plan_cron
from steersman.controllers.job.indexes import format_indexes, parse_indexes

if TYPE_CHECKING:
    from steersman.api.types import Object

NOON = parse_time("2026-03-04T12:00:00Z")


def cron(schedule: str = "*/10 * * * *", last: float | None = None, **spec: object) -> Object:
    return {
        "metadata": {"name": "c", "namespace": "d", "uid": "c", "creationTimestamp": rfc3339(NOON)},
        "spec": {"schedule": schedule, "jobTemplate": {"spec": {}}, **spec},
        "status": {"lastScheduleTime": rfc3339(last)} if last is not None else {},
    }


def job(name: str, ended: str = "", start: float = NOON) -> Object:
    conditions = [{"type": ended, "status": "True"}] if ended else []
    return {"metadata": {"name": name}, "status": {"conditions": conditions, "startTime": rfc3339(start)}}


@pytest.mark.parametrize(
    ("schedule", "zone", "expected"),
    [
        ("*/5 * * * *", "", "2026-03-04T12:05:00Z"),
        ("@hourly", "", "2026-03-04T13:00:00Z"),
        ("30 9 * * MON", "", "2026-03-09T09:30:00Z"),
        ("0 14 * * *", "Europe/Paris", "2026-03-04T13:00:00Z"),
    ],
)
def test_next_times(schedule: str, zone: str, expected: str) -> None:
    assert rfc3339(next_time(schedule, zone, NOON)) == expected


@pytest.mark.parametrize(
    ("schedule", "zone"), [("61 * * * *", ""), ("* * *", ""), ("* * * * *", "Mars/North")]
)
def test_bad_schedules_are_named(schedule: str, zone: str) -> None:
    with pytest.raises(ValueError, match="schedule"):
        next_time(schedule, zone, NOON)


def test_only_the_latest_of_missed_times_is_started() -> None:
    assert missed(cron(), NOON + 1900) == (NOON + 1800, 3)
    assert missed(cron(last=NOON + 1800), NOON + 1900) == (None, 0)
    assert missed(cron("* * * * *"), NOON + 30 * 86400) == (NOON + 30 * 86400, 101)


def test_concurrency_policies() -> None:
    running = [job("r")]
    assert plan_cron(cron(), running, NOON + 601).start == NOON + 600
    forbidden = plan_cron(cron(concurrencyPolicy="Forbid"), running, NOON + 601)
    assert (forbidden.start, forbidden.events[0][1]) == (None, "JobAlreadyActive")
    replaced = plan_cron(cron(concurrencyPolicy="Replace"), running, NOON + 601)
    assert (replaced.start, [meta.name(j) for j in replaced.replace]) == (NOON + 600, ["r"])
    assert plan_cron(cron(suspend=True), running, NOON + 601).start is None
    assert plan_cron(cron(startingDeadlineSeconds=10), [], NOON + 650).start is None


def test_history_limits_keep_the_latest() -> None:
    ended = [job(f"s{n}", "Complete", NOON + n) for n in range(5)] + [job("f", "Failed")]
    assert [meta.name(j) for j in plan_cron(cron(), ended, NOON).delete] == ["s0", "s1"]


def test_a_job_is_named_after_its_minute() -> None:
    made = make_job(cron(), NOON)
    assert made["metadata"]["name"] == f"c-{int(NOON) // 60}"


@pytest.mark.parametrize("text", ["", "0", "0,1", "0-2", "1,3-5,7,9,10", "0-99"])
def test_indexes_are_read_as_they_are_written(text: str) -> None:
    assert format_indexes(parse_indexes(text, 100)) == text


def test_indexes_beyond_the_completions_are_left_out() -> None:
    assert parse_indexes("0-9,12,x", 5) == {0, 1, 2, 3, 4}

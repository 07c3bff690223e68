"""The API server against the Go one: rates, lists, watches, memory, start; `python -m bench.api`.

Every repetition has a server of its own. The table, with the median, the range and the least processor time
a request took, is printed and put into docs/benchmarks.md. The reference is in bench/reference.json, with
what it was taken on.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import server, streams
from bench.rates import rates

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEATS, SECONDS, PODS = 3, 3, 5000
IDLE_WATCHES, IDLE_SECONDS = 1000, 10.0
ROOT = Path(__file__).parent
PAGE = ROOT.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures of the API server: python -m bench.api -->", "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: its name here and in the reference, what it means, and what it should be."""

    name: str
    text: str
    unit: str
    aim: float
    more_is_better: bool = True

    def kept(self, value: float) -> bool:
        """Whether the aim is reached."""
        return value >= self.aim if self.more_is_better else value <= self.aim


ROWS = (
    Row("start", "start to ready", "s", 0.7, False),
    Row("mem_idle", "memory, idle", "MiB", 80, False),
    Row("fill_pods", "create pod, 16 Python clients", "/s", 0),
    Row("mem_filled", "memory with 5 000 pods", "MiB", 130, False),
    Row("get_pod_c32", "get pod, 32 connections", "/s", 20000),
    Row("get_pod_c1", "get pod, 1 connection", "/s", 0),
    Row("create_configmap_c32", "create ConfigMap, 32", "/s", 8000),
    Row("create_configmap_c1", "create ConfigMap, 1", "/s", 2000),
    Row("create_pod_c32", "create pod, 32", "/s", 4500),
    Row("patch_pod_merge_c16", "merge patch, 16", "/s", 4000),
    Row("patch_pod_smp_c16", "strategic patch of the status, 16", "/s", 4000),
    Row("list_all", "list 5 000 pods, 15 MB", "ms", 45, False),
    Row("list_rv0", "the same from the cache", "ms", 45, False),
    Row("list_label", "list by label, 100 of 5 000", "ms", 3, False),
    Row("watch_fanout_200", "watch: 200 watchers, 200 events", "events/s", 150000),
    Row("watch_fanout_20", "watch: 20 watchers, 1 000 events", "events/s", 0),
    Row("idle", "idle with 1 000 watches", "% of a core", 1, False),
)


def main() -> bool:
    """Measure, print, write the page; says whether every aim was reached."""
    if shutil.which("wrk") is None:
        print("wrk is not installed: rates are not measured", file=sys.stderr)
    figures: dict[str, list[float]] = {}
    for repetition in range(REPEATS):
        for name, value in measure():
            figures.setdefault(name, []).append(value)
            print(f"{repetition + 1}  {name:<24} {value:12.1f}", file=sys.stderr, flush=True)
    reference = json.loads((ROOT / "reference.json").read_text())
    known = {name: row["value"] for name, row in reference["api"].items()}
    known["start"] = reference["start_to_readyz_s"]
    text = table(figures, known)
    print(text)
    if PAGE.exists():
        write_page(text)
    return all(row.kept(statistics.median(figures[row.name])) for row in ROWS if row.name in figures)


def measure() -> Iterator[tuple[str, float]]:
    """Yield the name and value of every figure, all of one server."""
    with server.running() as target:
        yield "start", target.start_seconds
        yield "mem_idle", target.rss()
        target.make_namespace("full")
        target.make_namespace("made")
        yield "fill_pods", asyncio.run(streams.fill(target, PODS))
        yield "mem_filled", target.rss()
        yield "list_all", asyncio.run(streams.listing(target, "", 7))
        yield "list_rv0", asyncio.run(streams.listing(target, "?resourceVersion=0", 7))
        yield "list_label", asyncio.run(streams.listing(target, "?labelSelector=app%3Dapp-7", 15))
        yield "watch_fanout_200", asyncio.run(streams.fan_out(target, 200, 200))
        yield "watch_fanout_20", asyncio.run(streams.fan_out(target, 20, 1000))
        if shutil.which("wrk") is not None:
            yield from rates(target, SECONDS, PODS)
        yield "idle", asyncio.run(streams.idle(target, IDLE_WATCHES, IDLE_SECONDS))


def table(figures: dict[str, list[float]], reference: dict[str, float]) -> str:
    """The figures beside the reference, as Markdown."""
    lines = [
        "| workload | Go | aim | median | range | CPU, µs a request | |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for row in ROWS:
        values = figures.get(row.name)
        if values is None:
            continue
        middle = statistics.median(values)
        aim = f"{'≥' if row.more_is_better else '≤'} {shown(row.aim)}" if row.aim else ""
        known = shown(reference[row.name]) if row.name in reference else ""
        mark = "" if not row.aim or row.kept(middle) else "missed"
        spread = f"{shown(min(values))} to {shown(max(values))}"
        cpu = figures.get(f"{row.name}/cpu")
        cost = shown(min(cpu)) if cpu else ""
        columns = (f"{row.text} ({row.unit})", known, aim, f"**{shown(middle)}**", spread, cost, mark)
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"


def shown(value: float) -> str:
    """A number as people read it: three figures, thousands apart."""
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"


def write_page(text: str) -> None:
    """Replace the table in the documentation."""
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")


if __name__ == "__main__":
    sys.exit(0 if main() else 1)

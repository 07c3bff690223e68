"""The API server is killed at random points under concurrent writers: nothing acknowledged is lost, nothing
refused appears, and watches resumed from their last revision show neither gaps nor duplicates."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.crash.ledger import Key, Ledger, Seen, selected, state
from tests.crash.rounds import ROUNDS
from tests.crash.traffic import NAMESPACES, Watcher, Writer, mark
from tests.fixtures.process import ServerProcess
from tests.store.etcd.servers import Etcd

from steersman.api import kinds
from steersman.client.rest import Client

if TYPE_CHECKING:
    from pathlib import Path

WRITERS = 8
pytestmark = [pytest.mark.slow, pytest.mark.timeout(30 + 10 * ROUNDS)]


def _watchers() -> list[Watcher]:
    return [Watcher(), Watcher(), Watcher(namespace=NAMESPACES[1]), Watcher(label="a"), Watcher(label="b")]


@dataclass
class Run:
    """One server through all its lives."""

    server: ServerProcess
    random: Random
    ledger: Ledger = field(default_factory=Ledger)
    watchers: list[Watcher] = field(default_factory=_watchers)
    history: list[Seen] = field(default_factory=list)
    """Everything that ever happened, as the restarted servers tell it."""
    marks: int = 0

    async def begin(self) -> None:
        """Start all watches where there is nothing yet."""
        async with Client.from_kubeconfig(self.server.kubeconfig) as client:
            listed = await client.list(kinds.CONFIG_MAPS)
            for item in listed["items"]:
                await client.delete(
                    kinds.CONFIG_MAPS, item["metadata"]["name"], item["metadata"]["namespace"]
                )
            start = int((await client.list(kinds.CONFIG_MAPS))["metadata"]["resourceVersion"])
        for watcher in self.watchers:
            watcher.revision = start
        self._start = start

    async def crash(self) -> None:
        """Write and watch until the server is killed, at a random moment."""
        known: dict[Key, object] = {}
        async with Client.from_kubeconfig(self.server.kubeconfig) as client, asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(Writer(self.random, self.ledger, known).run(client))  # type: ignore[arg-type]
            for watcher in self.watchers:
                group.create_task(watcher.run(client))
            await asyncio.sleep(self.random.uniform(0.05, 0.6))
            self.server.kill()

    async def check(self) -> None:
        """Resume every watch up to a mark, then compare all that is known."""
        self.marks += 1
        async with Client.from_kubeconfig(self.server.kubeconfig) as client:
            marks = await mark(client, self.marks)
            last = max(marks.values())
            replay = Watcher(revision=self.history[-1].revision if self.history else self._start)
            await asyncio.gather(
                replay.run(client, last),
                *(one.run(client, marks.get(one.namespace, last)) for one in self.watchers),
            )
            listed = await client.list(kinds.CONFIG_MAPS)
        self.history += replay.events
        assert not self.ledger.problems(self.history)
        for one in self.watchers:
            told = [(event.type, event.key, event.revision) for event in one.events]
            assert told == selected(self.history, one.namespace, one.label)
        there = {
            (item["metadata"]["namespace"], item["metadata"]["name"]): (
                int(item["metadata"]["resourceVersion"]),
                (item.get("data") or {}).get("token", ""),
            )
            for item in listed["items"]
        }
        assert there == state(self.history)


def check_file(server: ServerProcess, copy: Path) -> None:
    """The revisions of a dead server's file have no gap, as another program reads it."""
    copy.mkdir(exist_ok=True)
    for name in ("state.db", "state.db-wal"):
        shutil.copy(server.directory / name, copy / name)
    with closing(sqlite3.connect(copy / "state.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        ((compacted,),) = database.execute("SELECT value FROM meta WHERE name = 'compacted'").fetchall()
        query = "SELECT count(*), min(revision), max(revision) FROM log WHERE revision > ?"
        count, first, last = database.execute(query, (compacted,)).fetchone()
    assert (first, last - first + 1) == (compacted + 1, count)
    shutil.rmtree(copy)


async def play(server: ServerProcess, rounds: int, seed: int, copy: Path | None = None) -> Run:
    """Kill and restart so many times; every fifth kill comes while the server is starting."""
    run = Run(server, Random(seed))
    with server:
        await run.begin()
        for number in range(rounds):
            if number % 5 == 4:
                await asyncio.sleep(run.random.uniform(0.1, 0.6))
                server.kill()
            else:
                server.wait_ready()
                if number:
                    await run.check()
                await run.crash()
            if copy is not None:
                check_file(server, copy)
            server.start()
        server.wait_ready()
        await run.check()
    verbs = {write.verb for write in run.ledger.acknowledged}
    assert verbs == {"create", "update", "patch", "json-patch", "delete"}
    print(f"{rounds} kills, {len(run.ledger.acknowledged)} acknowledged, {len(run.history)} events")
    return run


async def test_nothing_acknowledged_is_lost_over_sqlite(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "server")
    await play(server, ROUNDS // 2, seed=1, copy=tmp_path / "copy")


@pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed")
async def test_nothing_acknowledged_is_lost_over_etcd(tmp_path: Path) -> None:
    (tmp_path / "etcd").mkdir()
    with Etcd(tmp_path / "etcd") as etcd:
        options = ("--store", "etcd", "--etcd-servers", ",".join(etcd.endpoints))
        await play(ServerProcess(tmp_path / "server", options), ROUNDS // 2, seed=2)

"""The embedded store: one SQLite file, durable before anything is acknowledged.

    event loop                                     disk
    put/delete: decide (heads), append ──batch──>  BEGIN; INSERT ...; COMMIT (fsync)
    deliver events, acknowledge        <──done───
    meanwhile: next batch gathers

A commit runs on the event loop while the disk answers within a fraction of a millisecond, because waking a
thread takes longer than that; on a slower disk, and during compaction and checkpoints, it runs on a writer
thread, and from time to time one runs on the loop to see whether the disk has become faster.

Writes are decided on the event loop in order, against the live keys in memory, and committed in groups:
whatever was asked while one commit was on its way to the disk goes into the next. When a commit fails (full
disk, read-only file) nothing of it is acknowledged: its decisions and all later ones are taken back, and the
error says what to do.

The table is a log: a row a change, a NULL value for a deletion; the present state is the last row of each
key. Reads have a connection and a thread of their own. WAL with synchronous=FULL keeps every commit through
SIGKILL and power cuts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import apsw

from steersman.store.base import Compacted, Entry, Event, FutureRevision, Range, StoreUnavailable
from steersman.store.feeds import Feed, Feeds
from steersman.store.heads import Decision, Heads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from concurrent.futures import Future

T = TypeVar("T")
log = logging.getLogger("steersman.store.sqlite")

BATCH = 512
"""Writes in one commit at most: keeps the latency of a burst even."""
COMPACT_ROWS = 2000
"""Rows forgotten in one transaction, so that writers wait little."""
INLINE_BELOW = 0.001
"""Seconds: the mean time a commit waits for the disk up to which it is not worth a thread."""
LOOK_AGAIN = 64
"""Commits by the thread after which one on the loop measures the disk again: only there does waiting for the
disk not look like waiting for the interpreter."""
PROBE_BYTES = 1 << 16
"""What a disk that was full has to take before writes are expected to succeed again."""
WAL_PAGES = 1000
"""Pages in the write-ahead log from which they are moved into the database."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    revision INTEGER PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL, value BLOB, expires REAL);
CREATE INDEX IF NOT EXISTS log_by_key ON log (key, revision);
CREATE INDEX IF NOT EXISTS log_by_expiry ON log (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_INSERT = "INSERT INTO log (revision, key, created, value, expires) VALUES (?, ?, ?, ?, ?)"
_LATEST = (
    "SELECT key, value, revision, created FROM log WHERE revision IN "
    "(SELECT max(revision) FROM log WHERE key >= ? AND key < ? AND revision <= ? GROUP BY key) "
    "AND value IS NOT NULL ORDER BY key"
)
_SINCE = (
    "SELECT key, value, revision, created FROM log "
    "WHERE revision > ? AND revision <= ? AND key >= ? AND key < ? ORDER BY revision"
)
_SUPERSEDED = (
    "SELECT revision FROM log AS old WHERE revision <= ?1 AND revision > ?2 AND (value IS NULL OR EXISTS "
    "(SELECT 1 FROM log AS new WHERE new.key = old.key AND new.revision > old.revision "
    "AND new.revision <= ?1)) ORDER BY revision LIMIT ?3"
)


class _Write(NamedTuple):
    """A decided write on its way to the disk."""

    decision: Decision
    event: Event
    expires: float | None
    done: asyncio.Future[Any]
    result: Entry | int


class SQLiteStore:
    """A `Store` in a file; make it with `open`."""

    shared = False

    def __init__(self, path: str) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._reader = ThreadPoolExecutor(1, "store-reader")
        self._write_db = self._read_db = _connect(path)
        self._feeds = Feeds()
        self._pending: list[_Write] = []
        self._committing = False
        self._upkeep = 0
        """Jobs of the writer thread other than commits; a commit must not overtake them on the loop."""
        self._latency = 0.0
        """Mean seconds that commits on the loop waited for the disk."""
        self._threaded = 0
        """Commits by the thread since the last one on the loop."""
        self._wal_pages = 0
        self._closed = False
        self._failed = False
        """Whether the disk refused the last commit."""
        self._idle: asyncio.Future[None] | None = None
        self._committed = self._compacted = 1
        self._heads = Heads()

    @classmethod
    async def open(cls, path: str) -> SQLiteStore:
        """Open or make a database. Raises: StoreUnavailable."""
        try:
            store = cls(path)
            store._load()
            store._write_db.set_wal_hook(store._count_pages)
            store._read_db = _connect(path)
        except apsw.Error as error:
            raise _unavailable(path, error) from error
        return store

    def _load(self) -> None:
        """Prepare the tables and read where every key stands."""
        database = self._write_db
        database.execute(_SCHEMA)
        database.execute("INSERT OR IGNORE INTO meta VALUES ('compacted', 1)")
        ((self._compacted,),) = _rows(database, "SELECT value FROM meta WHERE name = 'compacted'")
        ((last,),) = _rows(database, "SELECT max(revision) FROM log")
        self._committed = max(last or 1, self._compacted)
        heads: Any = database.execute(
            "SELECT key, revision, created FROM log WHERE revision IN "
            "(SELECT max(revision) FROM log GROUP BY key) AND value IS NOT NULL"
        )
        self._heads = Heads(self._committed, heads)

    @property
    def revision(self) -> int:
        """The last durable revision."""
        return self._committed

    @property
    def compacted(self) -> int:
        """The oldest readable revision."""
        return self._compacted

    def put(
        self, key: str, value: bytes, *, expect: int | None, ttl: float | None = None, note: object = None
    ) -> Awaitable[Entry]:
        """See `Store.put`."""
        self._check_open()
        decision = self._heads.put(key, expect)
        entry = Entry(key, value, decision.revision, decision.created)
        expires = None if ttl is None else time.time() + ttl
        return self._enqueue(decision, Event(entry, note=note), expires, entry)

    def delete(self, key: str, *, expect: int | None, note: object = None) -> Awaitable[int]:
        """See `Store.delete`."""
        self._check_open()
        decision = self._heads.delete(key, expect)
        event = Event(Entry(key, b"", decision.revision, decision.created), deleted=True, note=note)
        return self._enqueue(decision, event, None, decision.revision)

    def _enqueue(
        self, decision: Decision, event: Event, expires: float | None, result: Any
    ) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = self._loop.create_future()
        self._pending.append(_Write(decision, event, expires, done, result))
        if not self._committing:
            # Everything that the present turn of the loop asks for goes into the same commit.
            self._committing = True
            self._loop.call_soon(self._commit)
        return done

    def _commit(self) -> None:
        batch, self._pending = self._pending[:BATCH], self._pending[BATCH:]
        if self._upkeep == 0 and (self._latency < INLINE_BELOW or self._threaded >= LOOK_AGAIN):
            self._threaded = 0
            wall, used = time.perf_counter(), time.thread_time()
            try:
                self._insert(batch)
                waited = time.perf_counter() - wall - (time.thread_time() - used)
                self._latency += 0.1 * (waited - self._latency)
            except StoreUnavailable as error:
                self._committed_batch(batch, error)
            else:
                self._committed_batch(batch, None)
            return
        self._threaded += 1
        running = self._loop.run_in_executor(self._writer, self._insert, batch)
        running.add_done_callback(lambda finished: self._committed_batch(batch, finished.exception()))

    def _insert(self, batch: list[_Write]) -> None:
        """Write one batch in one transaction (writer thread, or the loop when nothing else uses it)."""
        database = self._write_db
        rows = [
            (entry.revision, entry.key, entry.created, None if event.deleted else entry.value, write.expires)
            for write in batch
            for event in (write.event,)
            for entry in (event.entry,)
        ]
        try:
            with database:
                database.executemany(_INSERT, rows)
        except apsw.Error as error:
            raise _unavailable(self._path, error) from error

    def _count_pages(self, _database: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK

    def _committed_batch(self, batch: list[_Write], error: BaseException | None) -> None:
        """Deliver and acknowledge, or take back; then go on with what has gathered."""
        if error is None:
            self._committed, self._failed = batch[-1].decision.revision, False
            self._feeds.publish([write.event for write in batch])
            for write in batch:
                if not write.done.done():
                    write.done.set_result(write.result)
        else:
            self._take_back(batch, error)
        if self._wal_pages >= WAL_PAGES and self._upkeep == 0:
            self._checkpoint()
        if self._pending:
            self._loop.call_soon(self._commit)
            return
        self._committing = False
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _checkpoint(self) -> None:
        """Move the write-ahead log into the database, on the writer thread."""
        self._wal_pages = 0

        def run() -> None:
            try:
                self._write_db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except apsw.Error as error:
                log.warning("%s: the write-ahead log could not be checkpointed: %s", self._path, error)

        self._occupy(run)

    def _occupy(self, run: Callable[[], T]) -> Future[T]:
        """Run something on the writer thread; until it is over commits queue there behind it.

        It counts until the thread is done, also when whoever waits for it is cancelled.
        """
        self._upkeep += 1
        job = self._writer.submit(run)
        job.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._vacate))
        return job

    def _vacate(self) -> None:
        self._upkeep -= 1

    def _take_back(self, batch: list[_Write], error: BaseException) -> None:
        """Fail a batch and everything decided after it, which may rest on it."""
        self._failed = True
        log.error("%d writes failed: %s", len(batch) + len(self._pending), error)
        failed, self._pending = batch + self._pending, []
        self._heads.undo(write.decision for write in failed)
        for write in failed:
            if not write.done.done():
                write.done.set_exception(error)
                write.done.exception()  # its writer may have gone away

    async def get(self, key: str, *, revision: int = 0) -> Entry | None:
        """See `Store.get`."""
        revision = self._readable(revision)
        query = (
            "SELECT key, value, revision, created FROM log WHERE key = ? AND revision <= ? "
            "ORDER BY revision DESC LIMIT 1"
        )
        rows = await self._read(lambda: _rows(self._read_db, query, (key, revision)))
        return Entry(*rows[0]) if rows and rows[0][1] is not None else None

    async def range(self, prefix: str, *, start: str = "", limit: int = 0, revision: int = 0) -> Range:
        """See `Store.range`."""
        revision = self._readable(revision)
        first, end = max(prefix, start), _after(prefix)

        def read() -> Range:
            database = self._read_db
            if not limit:
                entries = [Entry(*row) for row in _rows(database, _LATEST, (first, end, revision))]
                return Range(entries, revision, len(entries))
            rows = _rows(database, _LATEST + " LIMIT ?", (first, end, revision, limit))
            total = len(rows)
            if total == limit:
                ((total,),) = _rows(database, f"SELECT count(*) FROM ({_LATEST})", (first, end, revision))
            return Range([Entry(*row) for row in rows], revision, total)

        page = await self._read(read)
        if revision < self._compacted:
            raise Compacted(revision, self._compacted)
        return page

    def stale(self, key: str) -> bool:
        """See `Store.stale`: there is one form."""
        return False

    async def catch_up(self) -> None:
        """Nothing to wait for: nobody else writes."""

    async def check(self) -> None:
        """See `Store.check`. After a commit has failed, something is written and removed again."""
        self._check_open()
        if self._failed:
            await self._write(_probe)
            self._failed = False

    async def watch(
        self,
        prefix: str,
        *,
        after: int,
        deliver: Callable[[Sequence[Event]], None],
        lost: Callable[[int], Awaitable[None]] | None = None,
    ) -> Feed:
        """See `Store.watch`."""
        if after < self._compacted:
            raise Compacted(after, self._compacted)
        feed = self._feeds.add(prefix, deliver)
        until, history = self._committed, []
        if after < until:
            arguments = (after, until, prefix, _after(prefix))
            rows = await self._read(lambda: _rows(self._read_db, _SINCE, arguments))
            history = [Event(Entry(row[0], row[1] or b"", row[2], row[3]), row[1] is None) for row in rows]
            if after < self._compacted:
                feed.cancel()
                raise Compacted(after, self._compacted)
        feed.start(history)
        return feed

    async def compact(self, revision: int) -> None:
        """See `Store.compact`."""
        if revision > self._committed:
            raise FutureRevision(revision, self._committed)
        if revision <= self._compacted:
            return
        self._compacted = revision
        await self._write(
            lambda database: database.execute(
                "UPDATE meta SET value = ? WHERE name = 'compacted'", (revision,)
            ).fetchall()
        )
        last: int | None = 0
        while last is not None:
            last = await self._write(partial(_forget, revision=revision, after=last))

    async def expire(self, now: float) -> int:
        """See `Store.expire`."""
        query = "SELECT key, revision FROM log WHERE expires IS NOT NULL AND expires <= ? LIMIT 1000"
        rows = await self._read(lambda: _rows(self._read_db, query, (now,)))
        due = [self.delete(key, expect=revision) for key, revision in rows if self._heads.at(key, revision)]
        for deletion in due:
            await deletion
        return len(due)

    async def snapshot(self, path: str) -> None:
        """See `Store.snapshot`."""

        def save() -> None:
            try:
                self._read_db.execute("VACUUM INTO ?", (path,))
            except apsw.Error as error:
                raise _unavailable(path, error) from error

        await self._read(save)

    async def close(self) -> None:
        """Commit what was accepted, then close the file."""
        if self._closed:
            return
        self._closed = True
        if self._committing:
            self._idle = self._loop.create_future()
            await self._idle
        await self._loop.run_in_executor(self._reader, self._read_db.close)
        await self._loop.run_in_executor(self._writer, self._write_db.close)
        self._reader.shutdown()
        self._writer.shutdown()

    def _readable(self, revision: int) -> int:
        self._check_open()
        if revision == 0:
            return self._committed
        if revision < self._compacted:
            raise Compacted(revision, self._compacted)
        if revision > self._committed:
            raise FutureRevision(revision, self._committed)
        return revision

    async def _read(self, read: Callable[[], T]) -> T:
        self._check_open()
        try:
            return await self._loop.run_in_executor(self._reader, read)
        except apsw.Error as error:
            raise _unavailable(self._path, error) from error

    async def _write(self, write: Callable[[apsw.Connection], T]) -> T:
        """Run a statement that is no change of a key, between commits."""
        try:
            return await asyncio.wrap_future(self._occupy(lambda: write(self._write_db)))
        except apsw.Error as error:
            raise _unavailable(self._path, error) from error

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")


def _connect(path: str) -> apsw.Connection:
    database = apsw.Connection(path)
    database.set_busy_timeout(5000)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA cache_size = -2048")  # KiB; the objects themselves are in the watch cache
    database.execute("PRAGMA wal_autocheckpoint = 0")
    return database


def _rows(database: apsw.Connection, query: str, arguments: tuple[Any, ...] = ()) -> list[Any]:
    """Run a query; the columns have the types of the schema."""
    return database.execute(query, arguments).fetchall()


def _probe(database: apsw.Connection) -> None:
    """Write as much as a large object takes, and remove it."""
    with database:
        database.execute("INSERT OR REPLACE INTO meta VALUES ('probe', zeroblob(?))", (PROBE_BYTES,))
    database.execute("DELETE FROM meta WHERE name = 'probe'")


def _forget(database: apsw.Connection, revision: int, after: int) -> int | None:
    """Delete some superseded rows up to a revision; returns the last one, None when there are no more."""
    rows = _rows(database, _SUPERSEDED, (revision, after, COMPACT_ROWS))
    if not rows:
        return None
    with database:
        database.executemany("DELETE FROM log WHERE revision = ?", rows)
    return int(rows[-1][0])


def _after(prefix: str) -> str:
    """Return the first key behind all keys with a prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else "\U0010ffff"


def _unavailable(path: str, error: apsw.Error) -> StoreUnavailable:
    if isinstance(error, apsw.FullError):
        return StoreUnavailable(f"the disk that holds {path} is full: make room, nothing is lost ({error})")
    if isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError)):
        return StoreUnavailable(f"{path} cannot be written: check the file and its directory ({error})")
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
        return StoreUnavailable(f"{path} is damaged: restore a snapshot ({error})")
    return StoreUnavailable(f"{path}: {error}")

"""A priority level at work: seats, and queues for those who find none free.

Requests of one flow are dealt to a few of the queues (shuffle sharding), so that a flow that floods the level
meets most others in no queue, or only in some. Of the waiting queues the one that has had least service goes
next (start-time fair queuing: a queue's virtual time grows with the seats it was given).
"""

from __future__ import annotations

import asyncio
from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.api.types import Object

WAIT_SECONDS = 15.0
"""How long a request waits in a queue: a quarter of the time a request may take."""


class Full(Exception):
    """There is neither a seat nor room to wait, or the wait took too long; `reason` as in the metrics."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Queue:
    __slots__ = ("virtual", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self.virtual = 0.0


class Level:
    """See the module's text. All counts are of seats unless they say otherwise."""

    def __init__(self, name: str) -> None:
        self.name, self.uid, self.exempt = name, "", False
        self.shares, self.lendable, self.borrowing = 0, 0.0, float("inf")
        self.nominal = self.limit = 0
        self.in_use = self.peak = 0
        """Seats taken now, and the most that were wanted at once since the last look."""
        self.waiting = self.dispatched = 0
        """Requests in queues, and requests let through so far."""
        self.refused: dict[str, int] = {}
        self._count = self._hand = self._length = 0
        self._queues: dict[int, _Queue] = {}
        self._virtual = 0.0

    def configure(self, obj: Object) -> None:
        """Take over a valid PriorityLevelConfiguration; who waits keeps waiting."""
        spec = obj["spec"]
        self.uid = obj["metadata"].get("uid", "")
        self.exempt = spec["type"] == "Exempt"
        part = spec.get("exempt" if self.exempt else "limited") or {}
        shares = part.get("nominalConcurrencyShares")
        self.shares = shares if shares is not None else (0 if self.exempt else 30)
        self.lendable = (part.get("lendablePercent") or 0) / 100
        borrowing = part.get("borrowingLimitPercent")
        self.borrowing = float("inf") if borrowing is None else borrowing / 100
        queuing = (part.get("limitResponse") or {}).get("queuing") or {}
        self._count = queuing.get("queues", 64) if queuing else 0
        self._hand = min(queuing.get("handSize", 8), self._count)
        self._length = queuing.get("queueLengthLimit", 50)

    def take(self, seats: int) -> bool:
        """Take seats when they are free and nobody waits for them."""
        if self.waiting or (self.in_use and self.in_use + seats > self.limit) or not self.limit:
            return False
        self._seat(seats)
        return True

    async def wait(self, flow: str, seats: int) -> None:
        """Wait in a queue for seats, which are then taken. Raises: Full."""
        if not self._count:
            raise self._refuse("concurrency-limit")
        queue = self._shortest(flow)
        if len(queue.waiting) >= self._length:
            raise self._refuse("queue-full")
        if not queue.waiting:
            queue.virtual = max(queue.virtual, self._virtual)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.waiting.append((turn, seats))
        self.waiting += 1
        self.peak = max(self.peak, self.in_use + self.waiting)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await turn
        except TimeoutError:
            self._leave(queue, turn, seats)
            raise self._refuse("time-out") from None
        except asyncio.CancelledError:
            self._leave(queue, turn, seats)
            raise

    def _leave(self, queue: _Queue, turn: asyncio.Future[None], seats: int) -> None:
        """Give up a place in a queue, or the seats when they have been given meanwhile."""
        if turn.done() and not turn.cancelled():
            self.release(seats)
            return
        queue.waiting = deque(one for one in queue.waiting if one[0] is not turn)
        self.waiting -= 1
        self.dispatch()

    def release(self, seats: int) -> None:
        """Give seats back, to whoever is next."""
        self.in_use -= seats
        if self.waiting:
            self.dispatch()

    def dispatch(self) -> None:
        """Let in who waits while there are seats."""
        while self.waiting:
            queue = min((one for one in self._queues.values() if one.waiting), key=lambda one: one.virtual)
            turn, seats = queue.waiting[0]
            if not self.limit or (self.in_use and self.in_use + seats > self.limit):
                return
            queue.waiting.popleft()
            self.waiting -= 1
            self._virtual = queue.virtual
            queue.virtual += seats
            if not turn.done():
                self._seat(seats)
                turn.set_result(None)
        self._queues.clear()

    def _seat(self, seats: int) -> None:
        self.in_use = in_use = self.in_use + seats
        self.dispatched += 1
        if in_use > self.peak:
            self.peak = in_use

    def _shortest(self, flow: str) -> _Queue:
        hand = deal(flow, self._count, self._hand)
        index = min(hand, key=self._length_of)
        queue = self._queues.get(index)
        if queue is None:
            queue = self._queues[index] = _Queue()
        return queue

    def _length_of(self, index: int) -> int:
        queue = self._queues.get(index)
        return 0 if queue is None else len(queue.waiting)

    def _refuse(self, reason: str) -> Full:
        self.refused[reason] = self.refused.get(reason, 0) + 1
        return Full(reason)


def deal(flow: str, queues: int, hand: int) -> list[int]:
    """Return the queues of a flow: `hand` different numbers below `queues`, always the same ones."""
    number = int.from_bytes(blake2b(flow.encode(), digest_size=16).digest())
    left = list(range(queues))
    dealt = []
    for _ in range(hand):
        number, card = divmod(number, len(left))
        dealt.append(left.pop(card))
    return dealt

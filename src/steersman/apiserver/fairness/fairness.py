"""The step in the chain of requests: find the flow, take a seat, or wait, or refuse with 429.

What a request belongs to depends only on who asks and what kind of thing is asked for, and is remembered;
while seats are free a request costs a look-up and an addition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api.errors import TooManyRequests
from steersman.apiserver.fairness import defaults
from steersman.apiserver.fairness.levels import Full, Level
from steersman.apiserver.fairness.limits import Claim, plan_limits, plan_nominal
from steersman.apiserver.fairness.metrics import COLLECTOR
from steersman.apiserver.fairness.rules import Schema, ordered, schema_of
from steersman.apiserver.http.values import Takeover

if TYPE_CHECKING:
    from collections.abc import Iterable

    from steersman.api.types import Object
    from steersman.apiserver.api import API
    from steersman.apiserver.authn import User
    from steersman.apiserver.http.request_info import RequestInfo
    from steersman.apiserver.http.values import Answer, Handler, Request

MOST_REMEMBERED = 2048
"""Kinds of requests whose place is known, about 400 bytes each."""
MOST_SEATS = 10
OBJECTS_PER_SEAT = 100
"""A list of so many objects takes one more seat."""
_LONG_SUBRESOURCES = frozenset({"exec", "attach", "portforward", "proxy", "log"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests of one kind belong."""

    level: Level
    flow: str
    headers: dict[str, str]


class Fairness:
    """See the module's text. Works by the default objects until it is told of others."""

    def __init__(self, seats: int) -> None:
        self._seats = seats
        self.levels: dict[str, Level] = {}
        self._schemas: tuple[Schema, ...] = ()
        self._places: dict[tuple[str, tuple[str, ...], str, str, str, str, str], Place] = {}
        self._known_headers: dict[tuple[str, str], dict[str, str]] = {}
        self.configure(defaults.LEVELS, defaults.SCHEMAS)
        COLLECTOR.of.add(self)

    def configure(self, levels: Iterable[Object], schemas: Iterable[Object]) -> None:
        """Take over valid objects; levels keep who is seated and who waits."""
        now: dict[str, Level] = {}
        for obj in levels:
            name = obj["metadata"]["name"]
            now[name] = level = self.levels.get(name) or Level(name)
            level.configure(obj)
        self.levels = now
        self._schemas = ordered(map(schema_of, schemas), now)
        self._places.clear()
        self._known_headers.clear()
        nominal = plan_nominal(self._seats, [level.shares for level in now.values()])
        for level, own in zip(now.values(), nominal, strict=True):
            level.nominal = level.limit = own
            level.dispatch()

    def rebalance(self) -> None:
        """Lend the seats of idle levels to those that wanted more since the last call."""
        levels = list(self.levels.values())
        claims = [
            Claim(level.shares, level.lendable, level.borrowing, max(level.peak, level.in_use))
            for level in levels
        ]
        for level, limit in zip(levels, plan_limits(self._seats, claims), strict=True):
            level.peak = level.in_use
            if limit != level.limit:
                level.limit = limit
                level.dispatch()

    async def admit(self, api: API, request: Request, next: Handler) -> Answer:
        """Let a request through when it has its seats. Raises: TooManyRequests."""
        info, user = request.info, request.user
        assert user is not None
        key = (user.name, user.groups, info.verb, info.group, info.resource, info.subresource, info.namespace)
        place = self._places.get(key) if info.is_resource else None
        if place is None:
            place = self._find(info, user)
            if info.is_resource:
                if len(self._places) >= MOST_REMEMBERED:
                    self._places.clear()
                self._places[key] = place
        level = place.level
        if level.exempt or info.subresource in _LONG_SUBRESOURCES:
            level.dispatched += 1
            answer = await next(request)
        else:
            seats = 1 if info.verb != "list" else list_seats(api, request)
            if not level.take(seats):
                try:
                    await level.wait(place.flow, seats)
                except Full:
                    raise TooManyRequests.of("too many requests, please try again later", 1) from None
            try:
                answer = await next(request)
            finally:
                level.release(seats)
        if not isinstance(answer, Takeover):
            answer.headers.update(place.headers)
        return answer

    def _find(self, info: RequestInfo, user: User) -> Place:
        for schema in self._schemas:
            if schema.matches(info, user):
                level = self.levels[schema.level]
                flow = f"{schema.name}/{schema.flow(info, user)}"
                return Place(level, flow, self._headers(schema.uid, level.uid))
        return Place(self.levels["catch-all"], "", {})

    def _headers(self, schema: str, level: str) -> dict[str, str]:
        """The headers that name both, shared by all places of a schema."""
        found = self._known_headers.get((schema, level))
        if found is None:
            found = self._known_headers[schema, level] = {
                "X-Kubernetes-PF-FlowSchema-UID": schema,
                "X-Kubernetes-PF-PriorityLevel-UID": level,
            }
        return found


def list_seats(api: API, request: Request) -> int:
    """Return how many seats a list takes: the more objects it has to look at the more."""
    info = request.info
    view = api.views.find(info.group, info.version, info.resource)
    if view is None or not view.cache.loaded:
        return 1
    count = view.cache.objects.count
    if request.query.text:
        limit = request.query.get("limit")
        if limit.isdecimal() and int(limit):
            count = min(count, int(limit))
    return min(MOST_SEATS, 1 + count // OBJECTS_PER_SEAT)

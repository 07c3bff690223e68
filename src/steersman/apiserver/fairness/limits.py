"""How many seats each level has: its share, less what it lends while idle, plus what it borrows. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Claim:
    """One level: its share, the part of it that it lends, the most it borrows (both as parts of its nominal
    seats) and how many seats it wanted lately."""

    shares: int
    lendable: float
    borrowing: float
    wanted: int


def plan_nominal(total: int, shares: Sequence[int]) -> list[int]:
    """Divide the seats by shares, rounded up."""
    whole = sum(shares)
    return [math.ceil(total * share / whole) if whole else 0 for share in shares]


def plan_limits(total: int, claims: Sequence[Claim]) -> list[int]:
    """Return every level's seats.

    A level keeps what it does not lend, and of what it would lend as much as it wants; what is left over goes
    to those who want more, by their shares, up to what they may borrow; the rest goes back to its owners.
    """
    nominal = plan_nominal(total, [claim.shares for claim in claims])
    limits = [
        max(own - math.floor(own * claim.lendable), min(own, claim.wanted))
        for own, claim in zip(nominal, claims, strict=True)
    ]
    spare = sum(nominal) - sum(limits)
    caps = [
        min(claim.wanted, own + (claim.borrowing * own if claim.borrowing != math.inf else total))
        for own, claim in zip(nominal, claims, strict=True)
    ]
    while spare > 0:
        hungry = [i for i, cap in enumerate(caps) if limits[i] < cap]
        if not hungry:
            break
        weight = sum(max(claims[i].shares, 1) for i in hungry)
        budget = spare
        for i in hungry:
            part = max(1, budget * max(claims[i].shares, 1) // weight)
            given = min(part, math.ceil(caps[i]) - limits[i], spare)
            limits[i] += given
            spare -= given
    for i, own in enumerate(nominal):
        back = min(max(own - limits[i], 0), spare)
        limits[i] += back
        spare -= back
    return limits

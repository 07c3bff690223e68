"""`nft -f` text for a whole Ruleset and for the difference of two: one transaction each, so a packet sees
all or nothing.

The order within a difference follows who refers to whom: sets, chains, rules, elements; away in the opposite
direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.proxy.nftables import FAMILY_NAME, TABLE, base

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from steersman.proxy.nftables import Ruleset

__all__ = ["difference", "removal", "whole"]


def whole(rules: Ruleset) -> str:
    """Replace the table, whatever was in it."""
    family = FAMILY_NAME[rules.family]
    lines = [f"add table {family} {TABLE}", f"delete table {family} {TABLE}", f"table {family} {TABLE} {{"]
    lines += [f"  {line}" for line in base(rules.family)]
    lines.append("}")
    empty = type(rules)(family=rules.family)
    return "\n".join(lines) + "\n" + difference(empty, rules)


def difference(old: Ruleset, new: Ruleset) -> str:
    """Turn a table that is as `old` says into `new`; empty when they are the same."""
    at = f"{FAMILY_NAME[new.family]} {TABLE}"
    lines = [f"add set {at} {name} {{ {new.sets[name]} }}" for name in _added(old.sets, new.sets)]
    lines += [f"add chain {at} {name}" for name in _added(old.chains, new.chains)]
    for name, rules in new.chains.items():
        known = old.chains.get(name)
        if known != rules:
            lines += [f"flush chain {at} {name}"] if known is not None else []
            lines += [f"add rule {at} {name} {rule}" for rule in rules]
    lines += _elements(at, old, new)
    gone = _added(new.chains, old.chains)
    lines += [f"flush chain {at} {name}" for name in gone]
    lines += [f"delete chain {at} {name}" for name in gone]
    lines += [f"delete set {at} {name}" for name in _added(new.sets, old.sets)]
    return "".join(f"{line}\n" for line in lines)


def removal() -> str:
    """No table of ours in any family, whether there was one or not."""
    return "".join(f"add table {f} {TABLE}\ndelete table {f} {TABLE}\n" for f in FAMILY_NAME.values())


def _elements(at: str, old: Ruleset, new: Ruleset) -> list[str]:
    away, come = [], []
    for container in (*new.elements, *(c for c in old.elements if c not in new.elements)):
        before, after = old.elements.get(container, {}), new.elements.get(container, {})
        stale = [key for key, verdict in before.items() if after.get(key) != verdict]
        fresh = [(key, verdict) for key, verdict in after.items() if before.get(key) != verdict]
        if stale:
            away.append(f"delete element {at} {container} {{ {', '.join(stale)} }}")
        if fresh:
            items = ", ".join(f"{key} : {verdict}" if verdict else key for key, verdict in fresh)
            come.append(f"add element {at} {container} {{ {items} }}")
    return away + come


def _added(old: Container[str], new: Iterable[str]) -> list[str]:
    return [name for name in new if name not in old]

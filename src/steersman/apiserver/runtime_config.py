"""Which group versions are served: `--runtime-config`, upstream's switch for betas and alphas.

    api/beta=true                          every beta (likewise api/alpha, api/all)
    resource.k8s.io/v1beta2=true           one group version
    resource.k8s.io/v1beta2/deviceclasses  one resource; "=true" may be left out

The most particular switch decides. What is generally available is always served: the server itself works
with it. Pure. Source: the reference page of kube-apiserver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.api import kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steersman.api.resource import Resource

_LEVELS = ("api/all", "api/ga", "api/beta", "api/alpha")
_VALUES = {"": True, "true": True, "1": True, "false": False, "0": False}


def parse(entries: Iterable[str]) -> dict[str, bool]:
    """Return the switches by name. Raises: ValueError for names and values there are not."""
    known = {*_LEVELS}
    for row in kinds.RESOURCES:
        known |= {row.api_version, f"{row.api_version}/{row.plural}"}
    stable = {name for row in kinds.SERVED for name in (row.api_version, f"{row.api_version}/{row.plural}")}
    switches: dict[str, bool] = {}
    for entry in entries:
        name, _, text = entry.partition("=")
        name, value = name.strip().lstrip("/"), _VALUES.get(text.strip().lower())
        if value is None:
            raise ValueError(f"--runtime-config: {name}={text} is neither true nor false")
        if name not in known:
            raise ValueError(f"--runtime-config: there is no API {name}")
        if not value and (name in stable or name in ("api/all", "api/ga")):
            raise ValueError(f"--runtime-config: {name} holds stable APIs, which are always served")
        switches[name] = value
    return switches


def served(resources: Iterable[Resource], switches: Mapping[str, bool]) -> list[Resource]:
    """Return the rows to serve, in their order."""
    return [row for row in resources if _on(row, switches)]


def _on(row: Resource, switches: Mapping[str, bool]) -> bool:
    if row.level == "ga":
        return True
    for name in (f"{row.api_version}/{row.plural}", row.api_version, f"api/{row.level}", "api/all"):
        if name in switches:
            return switches[name]
    return False

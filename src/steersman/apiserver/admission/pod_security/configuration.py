"""What an AdmissionConfiguration says about PodSecurity: levels of unlabelled namespaces, and exemptions.

Source: "Enforce Pod Security Standards by Configuring the Built-in Admission Controller".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steersman.apiserver.admission.pod_security.standards import LEVELS, MODES, Standard, edition_of

if TYPE_CHECKING:
    from steersman.api.types import Object

API_VERSION = "pod-security.admission.config.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Exemptions:
    """Who and what is never judged."""

    usernames: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    runtime_classes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration; without one unlabelled namespaces ask for nothing, and nobody is exempt."""

    defaults: dict[str, Standard] = field(default_factory=lambda: dict.fromkeys(MODES, Standard()))
    exemptions: Exemptions = Exemptions()

    @property
    def asks_nothing(self) -> bool:
        """Whether pods of namespaces without labels need not be looked at."""
        return all(standard.rank == 0 for standard in self.defaults.values())


def parse(document: Object) -> Settings:
    """Make the settings of a PodSecurityConfiguration. Raises: ValueError."""
    if document.get("kind") != "PodSecurityConfiguration" or document.get("apiVersion") != API_VERSION:
        raise ValueError(f"PodSecurity needs a PodSecurityConfiguration of {API_VERSION}")
    given = _map(document, "defaults")
    unknown = sorted(set(given) - {name for mode in MODES for name in (mode, f"{mode}-version")})
    if unknown:
        raise ValueError(f"defaults.{unknown[0]}: there is no such setting")
    exempt = _map(document, "exemptions")
    return Settings(
        {mode: _standard(given, mode) for mode in MODES},
        Exemptions(
            _names(exempt, "usernames"), _names(exempt, "namespaces"), _names(exempt, "runtimeClasses")
        ),
    )


def _standard(given: Object, mode: str) -> Standard:
    level, version = given.get(mode) or LEVELS[0], str(given.get(f"{mode}-version") or "latest")
    if level not in LEVELS:
        raise ValueError(f"defaults.{mode}: {level!r} must be one of {', '.join(LEVELS)}")
    edition = edition_of(version)
    if edition is None:
        raise ValueError(f'defaults.{mode}-version: {version!r} must be "latest" or "v1.x"')
    return Standard(str(level), edition)


def _map(document: Object, name: str) -> Object:
    found: Any = document.get(name) or {}
    if not isinstance(found, dict):
        raise ValueError(f"{name}: a map is needed")
    return found


def _names(exempt: Object, name: str) -> frozenset[str]:
    found: Any = exempt.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise ValueError(f"exemptions.{name}: a list of names is needed")
    return frozenset(found)

"""Levels, editions and modes, and how a namespace's labels name them. Pure.

Source: "Pod Security Standards", "Pod Security Admission".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api.fields import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.fields import FieldError

PREFIX = "pod-security.kubernetes.io/"
LEVELS = ("privileged", "baseline", "restricted")
MODES = ("enforce", "audit", "warn")
LATEST = 10**6
"""The number that stands for the edition `latest`: newer than all."""
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Standard:
    """A level at an edition: minor version, or `LATEST`."""

    level: str = "privileged"
    edition: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.edition == LATEST else f'v1.{self.edition}'}"

    @property
    def rank(self) -> int:
        """How strict: 0, 1, 2."""
        return LEVELS.index(self.level)


def edition_of(text: str) -> int | None:
    """`latest` or `v1.<minor>`; None for anything else."""
    if text == "latest":
        return LATEST
    match = _VERSION.fullmatch(text)
    return int(match[1]) if match else None


def standards_of(
    labels: Mapping[str, str], defaults: Mapping[str, Standard] | None = None
) -> dict[str, Standard]:
    """What a namespace asks for, by mode; `defaults` where it says nothing.

    What cannot be read counts as `restricted` where pods are refused, as `privileged` where they are only
    spoken of, and as `latest`.
    """
    found = {}
    for mode in MODES:
        usual = defaults[mode] if defaults else Standard()
        level, version = labels.get(PREFIX + mode), labels.get(f"{PREFIX}{mode}-version")
        if level is None:
            level = usual.level
        elif level not in LEVELS:
            level = "restricted" if mode == "enforce" else "privileged"
        edition = usual.edition if version is None else edition_of(version)
        found[mode] = Standard(level, LATEST if edition is None else edition)
    return found


def label_errors(labels: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with a namespace's labels."""
    errors = []
    for mode in MODES:
        level, version = labels.get(PREFIX + mode), labels.get(f"{PREFIX}{mode}-version")
        if level is not None and level not in LEVELS:
            where = f"metadata.labels[{PREFIX}{mode}]"
            errors.append(invalid(where, level, f"must be one of {', '.join(LEVELS)}"))
        if version is not None and edition_of(version) is None:
            where = f"metadata.labels[{PREFIX}{mode}-version]"
            errors.append(invalid(where, version, 'must be "latest" or "v1.x"'))
    return errors

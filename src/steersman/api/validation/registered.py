"""The table of validation rules, one row per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steersman.api.kinds import Resource
    from steersman.api.validation.rules import Rules

RULES: dict[Resource, Rules] = {}

"""Secrets: field selectors see their type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.registry.strategy import Strategy

if TYPE_CHECKING:
    from steersman.api.types import Object


class SecretStrategy(Strategy):
    """Secrets; field selectors see their type."""

    extra_fields = ("type",)

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        fields["type"] = obj.get("type") or ""

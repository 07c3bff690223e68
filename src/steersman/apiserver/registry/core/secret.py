"""Secrets: `stringData` is a convenience of writing and is folded into `data`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from steersman.apiserver.registry.strategy import Context, Strategy

if TYPE_CHECKING:
    from steersman.api.types import Object


class SecretStrategy(Strategy):
    """Secrets; field selectors see their type."""

    extra_fields = ("type",)

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        _fold(obj)

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        _fold(obj)

    def add_fields(self, fields: dict[str, str], obj: Object) -> None:
        fields["type"] = obj.get("type") or ""


def _fold(secret: Object) -> None:
    text = secret.pop("stringData", None)
    if text:
        encoded = {key: base64.b64encode((value or "").encode()).decode() for key, value in text.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}

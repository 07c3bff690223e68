"""Service accounts: references to secrets carry nothing but names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.registry.strategy import Context, Strategy

if TYPE_CHECKING:
    from steersman.api.types import Object


class ServiceAccountStrategy(Strategy):
    """Service accounts."""

    def prepare_new(self, ctx: Context, obj: Object) -> None:
        _clean(obj)

    def prepare_changed(self, ctx: Context, obj: Object, old: Object) -> None:
        _clean(obj)


def _clean(account: Object) -> None:
    if account.get("secrets"):
        account["secrets"] = [{"name": reference.get("name")} for reference in account["secrets"]]

"""A request for a resource with everything looked up: what every handler gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.apiserver.authn import User
from steersman.apiserver.generic.write import Write
from steersman.apiserver.http.values import Response
from steersman.apiserver.representation.forms import form_for

if TYPE_CHECKING:
    from steersman.apiserver.api import API
    from steersman.apiserver.cache.item import Item
    from steersman.apiserver.generic.options import WriteOptions
    from steersman.apiserver.http.request_info import RequestInfo
    from steersman.apiserver.http.values import Request
    from steersman.apiserver.registry.strategy import Strategy
    from steersman.apiserver.representation.forms import Form
    from steersman.apiserver.view import View

MOST_FORMS = 64
"""Representations kept per view; clients use a handful of Accept headers."""
NOBODY = User("system:anonymous")


@dataclass(slots=True)
class Target:
    """`strategy` is that of the sub-resource, None for sub-resources that are not written through the
    registry."""

    api: API
    request: Request
    info: RequestInfo
    view: View
    strategy: Strategy | None

    def form(self) -> Form:
        """Return the representation the request asks for. Raises: NotAcceptable."""
        request = self.request
        key = (request.headers.get("Accept", ""), request.query.get("includeObject"))
        forms = self.view.forms
        found = forms.get(key)
        if found is None:
            if len(forms) >= MOST_FORMS:
                forms.clear()
            found = forms[key] = form_for(self.view, *key)
        return found

    def write(self, options: WriteOptions, *, name: str = "") -> Write:
        """Return the write this request is."""
        return Write(
            api=self.api,
            view=self.view,
            strategy=self.strategy or self.view.strategy,
            subresource=self.info.subresource,
            namespace=self.info.namespace if self.view.resource.namespaced else "",
            name=name or self.info.name,
            user=self.request.user or NOBODY,
            options=options,
            warnings=self.request.warnings,
            annotations=self.request.annotations,
        )

    def answer(self, item: Item, status: int = 200) -> Response:
        """Show one object."""
        form = self.form()
        return Response(status, form.object(item), form.content_type)

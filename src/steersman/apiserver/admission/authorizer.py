"""The variable `authorizer` of admission expressions: the server's own authorizers, about the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steersman.apiserver.authn import AUTHENTICATED, User
from steersman.apiserver.authz import Attributes as Question
from steersman.apiserver.authz import Verdict
from steersman.apiserver.authz.chain import decide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steersman.api.types import Object
    from steersman.apiserver.admission import Attributes
    from steersman.apiserver.api import API


class RequestAuthorizer:
    """What one write's expressions ask."""

    def __init__(self, api: API, attributes: Attributes) -> None:
        self._api, self._attributes = api, attributes

    @property
    def value(self) -> Object:
        """What the variable starts with: nothing said, and the request's own resource."""
        attributes = self._attributes
        said = {
            "group": attributes.resource.group,
            "resource": attributes.resource.plural,
            "subresource": attributes.subresource,
            "namespace": attributes.namespace,
            "name": attributes.name,
        }
        return {"requestResource": said}

    def ask(self, said: Mapping[str, str]) -> tuple[bool, str]:
        """Decide at once: (allowed, reason). Raises: ValueError where the authorizers would have to wait."""
        decision = decide(self._api, self._question(said))
        try:
            decision.send(None)
        except StopIteration as done:
            return done.value.verdict is Verdict.ALLOW, done.value.reason
        decision.close()
        raise ValueError("the authorizer cannot answer at once")

    def _question(self, said: Mapping[str, str]) -> Question:
        user, verb = self._user(said.get("serviceaccount", "")), said["verb"]
        if "path" in said:
            return Question(user, verb, False, said["path"])
        return Question(
            user=user,
            verb=verb,
            is_resource=True,
            group=said.get("group", ""),
            version="*",
            resource=said.get("resource", ""),
            subresource=said.get("subresource", ""),
            namespace=said.get("namespace", ""),
            name=said.get("name", ""),
        )

    def _user(self, account: str) -> User:
        if not account:
            return self._attributes.user
        namespace, _, name = account.partition("/")
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        return User(f"system:serviceaccount:{namespace}:{name}", groups=groups)

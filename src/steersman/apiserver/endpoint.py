"""Endpoints: sub-resources and virtual resources that answer by themselves, past the generic registry.

Families outside this package's core (streaming, token requests, access reviews) give their endpoints as
tuples; `apiserver.endpoints` puts the tuples together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.apiserver.http.values import Answer

if TYPE_CHECKING:
    from steersman.apiserver.handlers.target import Target

EndpointHandler = Callable[["Target"], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`pods/exec` is Endpoint("", "pods", "exec", exec_); a virtual resource has no sub-resource.

    The handler is called for every verb that the table of kinds allows there, after authorisation.
    """

    group: str
    resource: str
    subresource: str
    handle: EndpointHandler

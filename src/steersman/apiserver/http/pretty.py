"""JSON for human eyes: indented when `pretty=true` asks for it, or to browsers and command-line tools.

Source: k8s apiserver/pkg/endpoints/handlers/negotiation, which knows the same three user agents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.apiserver.http.values import Response

if TYPE_CHECKING:
    from steersman.apiserver.http.values import Answer, Request

AGENTS = ("curl", "Wget", "Mozilla/5.0")
_VERBATIM = ("proxy", "log")
"""Sub-resources whose answers are somebody else's."""


def wanted(request: Request) -> bool:
    """Say whether whoever asks is likely to read the answer themselves."""
    asked = request.query.get("pretty")
    if asked:
        return request.query.flag("pretty")
    return request.headers.get("User-Agent", "").startswith(AGENTS)


def indented(request: Request, answer: Answer) -> Answer:
    """Return an answer of the API (a whole one, in JSON) indented; any other as it is."""
    if not isinstance(answer, Response) or not answer.body or not request.path.startswith("/api"):
        return answer
    if not answer.content_type.startswith("application/json") or "Content-Encoding" in answer.headers:
        return answer
    if request.info is not None and request.info.subresource in _VERBATIM:
        return answer
    body = orjson.dumps(orjson.loads(answer.body), option=orjson.OPT_INDENT_2)
    return Response(answer.status, body, answer.content_type, answer.headers)

"""The single place where an error becomes an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from steersman.apiserver.http.values import Response

if TYPE_CHECKING:
    from steersman.api.errors import ApiError


def error_response(error: ApiError) -> Response:
    """Return the Status body, with the headers that go with some codes."""
    headers = {}
    if error.retry_after:
        headers["Retry-After"] = str(error.retry_after)
    if error.code == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="kubernetes"'
    return Response(error.code, orjson.dumps(error.to_status()), headers=headers)

"""What decoding a request body says to the client: duplicate fields, and the errors and warnings made of
problems.

`fieldValidation` decides: `Strict` refuses the body, `Warn` (the default) sends each problem as a Warning
header, `Ignore` says nothing. The caller reads the parameter; the texts are made here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from steersman.api import fields
from steersman.api.errors import BadRequest, Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence


def duplicate_fields(raw: bytes, decoded: Any) -> list[str]:
    """Fields that a JSON body has twice, as `duplicate field "spec.replicas"`; `decoded` is the body as
    decoded.

    The decoder keeps the last of two. Nearly every body has none, which comparing the number of keys shows
    cheaply; only a suspicious one is read again slowly. `decoded` must not have been changed yet.
    """
    if raw.count(b'":') == orjson.dumps(decoded).count(b'":') and not _spaced_colon(raw):
        return []
    found: list[str] = []
    pairs = json.loads(raw, object_pairs_hook=_Pairs)
    _walk(pairs, "", found)
    return [f'duplicate field "{path}"' for path in dict.fromkeys(found)]


def _spaced_colon(raw: bytes) -> bool:
    return b'" :' in raw or b'"\t:' in raw or b'"\n:' in raw or b'"\r:' in raw


class _Pairs(list[tuple[str, Any]]):
    """An object as its pairs in order."""


def _walk(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for key, item in value:
            below = f"{path}.{key}" if path else key
            if key in seen:
                found.append(below)
            seen.add(key)
            _walk(item, below, found)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            _walk(item, f"{path}[{i}]", found)


def strict_text(problems: Sequence[str]) -> str:
    """`strict decoding error: unknown field "spec.replicaz", duplicate field "spec.paused"`.

    What a YAML text sets twice (`line 3: key ...`) is one problem, over several lines.
    """
    of_text = [problem for problem in problems if problem.startswith("line ")]
    parts = [problem for problem in problems if problem not in of_text]
    if of_text:
        parts.insert(0, "\n  ".join(("yaml: unmarshal errors:", *of_text)))
    return f"strict decoding error: {', '.join(parts)}"


def cannot_handle(kind: str, version: str, why: object) -> BadRequest:
    """`Deployment in version "v1" cannot be handled as a Deployment: <why>`."""
    return BadRequest(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')


def patch_refused(patch: Any, why: object) -> Invalid:
    """The 422 for a patch whose result is not of the kind: `patch: Invalid value: "{...}": <why>`."""
    error = fields.invalid("patch", orjson.dumps(patch).decode(), str(why))
    return Invalid(f' "" is invalid: {error}', {"causes": [error.cause()]})

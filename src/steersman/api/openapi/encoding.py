"""Put documents together from encoded pieces, and name them by what they are made of."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from steersman.api.openapi.definitions import CustomSchema
    from steersman.api.resource import Resource
    from steersman.api.types import Object

REVISION = "kubernetes-1.37.0/3"
"""Part of every hash: count it up when documents change for the same resources."""


class Pieces:
    """Encoded members of one JSON object, and the definitions they refer to."""

    def __init__(self, prefix: str) -> None:
        self._pieces: dict[str, bytes] = {}
        self._pattern = re.compile(rb'"\$ref":"' + re.escape(prefix).encode() + rb'([^"]+)"')
        self.references: set[str] = set()

    def add(self, key: str, value: Object) -> None:
        """Add one member."""
        encoded = orjson.dumps(value)
        self._pieces[key] = encoded
        self.references |= {match.decode() for match in self._pattern.findall(encoded)}

    def joined(self) -> bytes:
        """The whole object, sorted by key."""
        return self.join(dict(sorted(self._pieces.items())))

    @staticmethod
    def join(pieces: Mapping[str, bytes]) -> bytes:
        """A JSON object from its encoded members."""
        members = (orjson.dumps(key) + b":" + value for key, value in pieces.items())
        return b"{" + b",".join(members) + b"}"


def etag(resources: Sequence[Resource], custom: Sequence[CustomSchema]) -> str:
    """A hash of what a document is made of."""
    digest = hashlib.sha256(REVISION.encode())
    for row in resources:
        digest.update(repr(row).encode())
    for item in custom:
        digest.update(item.resource.qualified.encode() + orjson.dumps(item.schema))
    return digest.hexdigest()[:32].upper()

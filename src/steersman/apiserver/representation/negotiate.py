"""The Accept header: which representation a client prefers of those there are.

A clause may ask for a transformation, `application/json;as=Table;v=v1;g=meta.k8s.io`; clauses are tried in
their order (clients of Kubernetes send no q values that matter). Protobuf and CBOR are not served, so their
clauses are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from steersman.api.errors import NotAcceptable

JSON = "application/json"
YAML = "application/yaml"
ACCEPTED = (JSON, YAML)
_ANY = frozenset({"*/*", "application/*"})
_TRANSFORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})


@dataclass(frozen=True, slots=True)
class Choice:
    """A media type and a transformation: "", "Table", "PartialObjectMetadata" or
    "PartialObjectMetadataList"."""

    media: str = JSON
    transform: str = ""
    version: str = "v1"


@dataclass(frozen=True, slots=True)
class Clause:
    """One element of an Accept header, parameters in lower-case names."""

    media: str
    parameters: dict[str, str]


@lru_cache(maxsize=256)
def clauses(accept: str) -> tuple[Clause, ...]:
    """Split an Accept header."""
    found = []
    for part in accept.split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        if media:
            pairs = (parameter.partition("=") for parameter in parameters)
            found.append(
                Clause(media.lower(), {name.strip().lower(): value.strip() for name, _, value in pairs})
            )
    return tuple(found)


@lru_cache(maxsize=256)
def choose(accept: str) -> Choice:
    """Pick the representation of an object or a list. Raises: NotAcceptable."""
    if not accept:
        return Choice()
    for clause in clauses(accept):
        media = JSON if clause.media in _ANY else clause.media
        if media not in ACCEPTED:
            continue
        transform = clause.parameters.get("as", "")
        if not transform:
            return Choice(media)
        group, version = clause.parameters.get("g", ""), clause.parameters.get("v", "")
        if transform in _TRANSFORMS and group == "meta.k8s.io" and version in ("v1", "v1beta1"):
            return Choice(media, transform, version)
    raise NotAcceptable.of(ACCEPTED)

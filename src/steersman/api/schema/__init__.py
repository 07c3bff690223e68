"""Schemas: what the types of the API look like, compiled for checking, pruning, patching and applying.

- `builtin`: the schemas of the built-in kinds (`schema_for(resource)`);
- `model`: the compiled form, the same for custom resources (`compile_schema(openAPIV3Schema)`);
- `decode`: a body into the form of a built-in type; `prune`: unknown fields of custom resources;
- `structural`: defaults and validation of custom resources by their `openAPIV3Schema`;
- `strict`: duplicate fields and the texts of strict decoding.
"""

from steersman.api.schema.builtin import custom_schema, schema_for, schema_named, schema_of, type_name
from steersman.api.schema.decode import DecodeError, decode
from steersman.api.schema.model import FREE, Schema, compile_schema
from steersman.api.schema.prune import prune
from steersman.api.schema.strict import cannot_handle, duplicate_fields, patch_refused, strict_text

__all__ = [
    "FREE",
    "DecodeError",
    "Schema",
    "cannot_handle",
    "compile_schema",
    "custom_schema",
    "decode",
    "duplicate_fields",
    "patch_refused",
    "prune",
    "schema_for",
    "schema_named",
    "schema_of",
    "strict_text",
    "type_name",
]

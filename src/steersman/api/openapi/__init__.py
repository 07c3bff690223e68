"""OpenAPI documents of the served resources, for `kubectl explain`, client-side validation and generators.

`v2.document` and `v3.document` return encoded JSON. They take the rows of what is served and, for custom
resources, their schemas. Nothing is kept between calls: prose is read for a document and dropped with it.
"""

from steersman.api.openapi.definitions import CustomSchema

__all__ = ["CustomSchema"]

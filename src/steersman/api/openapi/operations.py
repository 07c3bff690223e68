"""The operations of a resource as OpenAPI path items, in either version.

What clients rely on: `x-kubernetes-action`, `x-kubernetes-group-version-kind`, the query parameters
(kubectl looks for `fieldValidation`), the media types a patch accepts, and operation ids in upstream's
form (`listAppsV1NamespacedDeployment`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steersman.api.openapi import parameters
from steersman.api.openapi.definitions import V2, V3, custom_name, definition_name
from steersman.api.schema import builtin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steersman.api.resource import Resource, Subresource
    from steersman.api.types import Object

JSON = "application/json"
_YAML = "application/yaml"
_WATCH = "application/json;stream=watch"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
DELETE_OPTIONS = f"{_META}.DeleteOptions"
STATUS = f"{_META}.Status"
PATCH_BODY = f"{_META}.Patch"
PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
CUSTOM_PATCH_TYPES = tuple(one for one in PATCH_TYPES if "strategic" not in one)
_METHOD_OF_VERB = {"create": "post", "delete": "delete", "get": "get", "patch": "patch", "update": "put"}


@dataclass(frozen=True, slots=True)
class Body:
    """What an operation takes and gives: definition names, empty for free-form text."""

    takes: str
    gives: str
    codes: tuple[str, ...] = ("200",)
    patch: bool = False
    optional: bool = False


def path_items(resource: Resource, *, v3: bool) -> Iterator[tuple[str, Object]]:
    """Every path of a resource with its operations."""
    yield from _Paths(resource, v3).items()


class _Paths:
    def __init__(self, resource: Resource, v3: bool) -> None:
        self.resource = resource
        self.v3 = v3
        self.name = definition_name(resource)
        # kubectl apply reads from this which patches it may send.
        self._patches = CUSTOM_PATCH_TYPES if resource.custom else PATCH_TYPES
        self.list_name = (
            f"{custom_name(resource)}List"
            if resource.custom
            else builtin.type_name(resource.group, resource.version, resource.list_kind)
        )

    def items(self) -> Iterator[tuple[str, Object]]:
        resource = self.resource
        if resource.namespaced:
            if "list" in resource.verbs:
                yield self._path(), self._item({"get": self._list("ForAllNamespaces")}, spaced=False)
            collection = self._path("{namespace}")
            one = self._path("{namespace}", "{name}")
        else:
            collection, one = self._path(), self._path(name="{name}")
        if item := self._collection():
            yield collection, self._item(item, spaced=resource.namespaced)
        if item := self._object():
            yield one, self._item(item, spaced=resource.namespaced, named=True)
        for row in resource.subresources:
            yield f"{one}/{row.name}", self._item(self._sub(row), spaced=resource.namespaced, named=True)

    def _path(self, namespace: str = "", name: str = "") -> str:
        return self.resource.path(namespace or None, name)

    def _item(self, operations: Object, *, spaced: bool, named: bool = False) -> Object:
        shared = []
        if named:
            text = f"name of the {self.resource.kind}"
            shared.append(parameters.in_path("name", text, v3=self.v3))
        if spaced:
            text = "object name and auth scope, such as for teams and projects"
            shared.append(parameters.in_path("namespace", text, v3=self.v3))
        return {**operations, "parameters": shared} if shared else operations

    def _collection(self) -> Object:
        kind, item = self.resource.kind, {}
        if "list" in self.resource.verbs:
            item["get"] = self._list("")
        if "create" in self.resource.verbs:
            body = Body(self.name, self.name, ("200", "201", "202"))
            item["post"] = self._operation("create", "post", f"create a {kind}", parameters.WRITE, body)
        if "deletecollection" in self.resource.verbs:
            body = Body(DELETE_OPTIONS, STATUS, optional=True)
            item["delete"] = self._operation(
                "deleteCollection",
                "deletecollection",
                f"delete collection of {kind}",
                parameters.DELETE_COLLECTION,
                body,
            )
        return item

    def _list(self, suffix: str) -> Object:
        text = f"list or watch objects of kind {self.resource.kind}"
        body = Body("", self.list_name)
        return self._operation("list", "list", text, parameters.LIST, body, suffix=suffix)

    def _object(self) -> Object:
        kind, verbs, item = self.resource.kind, self.resource.verbs, {}
        if "get" in verbs:
            body = Body("", self.name)
            item["get"] = self._operation("read", "get", f"read the specified {kind}", parameters.READ, body)
        if "update" in verbs:
            body = Body(self.name, self.name, ("200", "201"))
            text = f"replace the specified {kind}"
            item["put"] = self._operation("replace", "put", text, parameters.WRITE, body)
        if "delete" in verbs:
            body = Body(DELETE_OPTIONS, STATUS, ("200", "202"), optional=True)
            item["delete"] = self._operation("delete", "delete", f"delete a {kind}", parameters.DELETE, body)
        if "patch" in verbs:
            body = Body(PATCH_BODY, self.name, ("200", "201"), patch=True)
            text = f"partially update the specified {kind}"
            item["patch"] = self._operation("patch", "patch", text, parameters.PATCH, body)
        return item

    def _sub(self, row: Subresource) -> Object:
        name = self.name
        if row.version:
            name = builtin.type_name(row.group, row.version, row.kind)
        item = {}
        for verb in row.verbs:
            method = _METHOD_OF_VERB[verb]
            if not name or row.name == "log":
                item[method] = self._connect(row, method)
                continue
            codes = ("200", "201", "202") if verb == "create" else ("200", "201")
            body = {
                "get": Body("", name),
                "patch": Body(PATCH_BODY, name, ("200", "201"), patch=True),
            }.get(verb, Body(name, name, codes))
            word = {"get": "read", "update": "replace"}.get(verb, verb)
            asked = {"get": parameters.READ, "patch": parameters.PATCH}.get(verb, parameters.WRITE)
            text = f"{word} {row.name} of the specified {self.resource.kind}"
            action = {"create": "post", "update": "put"}.get(verb, verb)
            item[method] = self._operation(word, action, text, asked, body, row=row)
        return item

    def _connect(self, row: Subresource, method: str) -> Object:
        """An operation that streams instead of exchanging objects."""
        action = "get" if row.name == "log" else "connect"
        word = "read" if row.name == "log" else f"connect{method.capitalize()}"
        text = f"connect {method.upper()} requests to {row.name} of {self.resource.kind}"
        return self._operation(word, action, text, (), Body("", ""), row=row)

    def _operation(
        self,
        word: str,
        action: str,
        text: str,
        asked: tuple[str, ...],
        body: Body,
        *,
        suffix: str = "",
        row: Subresource | None = None,
    ) -> Object:
        resource = self.resource
        operation: Object = {
            "description": text,
            "tags": [_tag(resource)],
            "operationId": self._id(word, suffix, row),
            "parameters": [parameters.query(name, v3=self.v3) for name in asked],
            "responses": self._responses(body, streams=action == "list"),
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": _gvk(resource, row),
        }
        self._add_body(operation, body)
        return operation

    def _id(self, word: str, suffix: str, row: Subresource | None) -> str:
        resource = self.resource
        group = _camel(resource.group)
        verb, _, collection = word.partition("Collection")
        middle = "Collection" if collection or word.endswith("Collection") else ""
        spaced = "Namespaced" if resource.namespaced and not suffix else ""
        version = resource.version.capitalize()
        tail = row.name.capitalize() if row is not None else ""
        return f"{verb}{group}{version}{middle}{spaced}{resource.kind}{tail}{suffix}"

    def _add_body(self, operation: Object, body: Body) -> None:
        if not self.v3:
            operation["consumes"] = list(self._patches) if body.patch else ["*/*"]
            operation["produces"] = [JSON, _YAML] if body.gives else ["*/*"]
        if not body.takes:
            return
        if self.v3:
            types = self._patches if body.patch else ("*/*",)
            content = {media: {"schema": {"$ref": V3 + body.takes}} for media in types}
            operation["requestBody"] = {"content": content} | ({} if body.optional else {"required": True})
        else:
            parameter: Object = {"name": "body", "in": "body", "schema": {"$ref": V2 + body.takes}}
            operation["parameters"].append(parameter | ({} if body.optional else {"required": True}))

    def _responses(self, body: Body, *, streams: bool) -> Object:
        text = {"200": "OK", "201": "Created", "202": "Accepted"}
        responses: Object = {}
        for code in body.codes:
            responses[code] = {"description": text[code], **self._answer(body.gives, streams)}
        responses["401"] = {"description": "Unauthorized"}
        return responses

    def _answer(self, name: str, streams: bool) -> Object:
        if not self.v3:
            return {"schema": {"$ref": V2 + name}} if name else {"schema": {"type": "string"}}
        if not name:
            return {"content": {"*/*": {"schema": {"type": "string"}}}}
        types = (JSON, _YAML, _WATCH) if streams else (JSON, _YAML)
        return {"content": {media: {"schema": {"$ref": V3 + name}} for media in types}}


def _gvk(resource: Resource, row: Subresource | None) -> Object:
    if row is not None and row.version:
        return {"group": row.group, "version": row.version, "kind": row.kind}
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _camel(group: str) -> str:
    """`rbac.authorization.k8s.io` -> `RbacAuthorization`; the core group is `Core`."""
    if not group:
        return "Core"
    return "".join(part.capitalize() for part in group.removesuffix(".k8s.io").split("."))


def _tag(resource: Resource) -> str:
    camel = _camel(resource.group)
    return f"{camel[0].lower()}{camel[1:]}_{resource.version}"

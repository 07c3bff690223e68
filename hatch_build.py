"""Build hook: compiles what the wheel needs and the repository does not hold.

Two generators, both idempotent and both run for editable installs too:

- `src/steersman/api/schema/data/`: the published Kubernetes schemas, compacted;
- `src/steersman/wire/*/*_pb2.py`: protobuf modules from our own `.proto` files.
"""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from typing import Any

import orjson
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KUBERNETES = "1.37.0"
"""The release whose published schemas are compiled."""


class SteersmanBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        compile_schemas(root)
        compile_protos(root)


def compile_schemas(root: Path) -> None:
    """Write `data/types.json` (structure) and `data/descriptions.json` (prose, for OpenAPI only).

    Both map a definition name to one JSON text, so that a reader parses only the types it needs.
    """
    schema = root / "src" / "steersman" / "api" / "schema"
    definitions = read_definitions()
    facts = tomllib.loads((schema / "facts.toml").read_text())
    types, prose = {}, {}
    for name, definition in sorted(definitions.items()):
        types[name] = orjson.dumps(compact_type(name, definition, facts)).decode()
        texts = {key: prop["description"] for key, prop in properties(definition) if "description" in prop}
        texts[""] = definition.get("description", "")
        prose[name] = orjson.dumps(texts).decode()
    kinds = {
        "/".join((gvk["group"], gvk["version"], gvk["kind"])): name
        for name, definition in definitions.items()
        for gvk in definition.get("x-kubernetes-group-version-kind", ())
        if name.rsplit(".", 1)[1] == gvk["kind"]
    }
    data = schema / "data"
    data.mkdir(exist_ok=True)
    write_when_changed(data / "types.json", {"kinds": kinds, "types": types})
    write_when_changed(data / "descriptions.json", prose)


def read_definitions() -> dict[str, Any]:
    """The published definitions, from the build dependency that carries them."""
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the build needs the package kubernetes-validate")
    folder = Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema" / f"v{KUBERNETES}-local"
    definitions: dict[str, Any] = orjson.loads((folder / "_definitions.json").read_bytes())["$defs"]
    return definitions


def properties(definition: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(definition.get("properties", {}).items())


def compact_type(name: str, definition: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    """One definition without prose, with the facts of `facts.toml` folded in."""
    compact = compact_value(definition)
    short = ".".join(name.split(".")[-3:])
    for fact, key in (("keeps_zero", "x-keeps-zero"), ("always_there", "x-always-there")):
        fields = [field for field in facts[fact].get(short, ()) if field in compact.get("properties", {})]
        if fields and name.startswith("io.k8s."):
            compact[key] = fields
    for field, value in facts["defaults"].get(short, {}).items():
        compact["properties"][field]["default"] = value
    return compact


def compact_value(value: dict[str, Any]) -> dict[str, Any]:
    """A schema value as OpenAPI has it: one type, plain references, no prose, no enumeration of its own
    kind."""
    compact: dict[str, Any] = {}
    for key, item in value.items():
        if key in ("description", "enum", "oneOf"):
            continue
        if key == "type":
            compact[key] = item if isinstance(item, str) else item[0]
        elif key == "$ref":
            compact[key] = item.rsplit("/", 1)[1]
        elif key == "properties":
            compact[key] = {name: compact_value(child) for name, child in sorted(item.items())}
        elif key in ("items", "additionalProperties") and isinstance(item, dict):
            compact[key] = compact_value(item)
        else:
            compact[key] = item
    return compact


def write_when_changed(path: Path, value: object) -> None:
    text = orjson.dumps(value)
    if not path.exists() or path.read_bytes() != text:
        path.write_bytes(text)


def compile_protos(root: Path) -> None:
    """Compile every `.proto` below `src/steersman/wire` next to its source."""
    import grpc_tools
    from grpc_tools import protoc

    source = root / "src"
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    for proto in sorted((source / "steersman" / "wire").rglob("*.proto")):
        arguments = [
            "protoc",
            f"-I{source}",
            f"-I{well_known}",
            f"--python_out={source}",
            f"--pyi_out={source}",
        ]
        if protoc.main([*arguments, f"--grpc_python_out={source}", str(proto)]) != 0:
            raise RuntimeError(f"protoc failed on {proto}")

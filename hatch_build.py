"""Build hook: compiles what the wheel needs and the repository does not hold.

Two generators, both idempotent and both run for editable installs too:

- `src/steersman/api/schema/data/`: the published Kubernetes schemas, compacted;
- `src/steersman/wire/*/*_pb2.py`: protobuf modules from our own `.proto` files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class SteersmanBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        compile_protos(root)


def compile_protos(root: Path) -> None:
    """Compile every `.proto` below `src/steersman/wire` next to its source."""
    import grpc_tools
    from grpc_tools import protoc

    source = root / "src"
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    for proto in sorted((source / "steersman" / "wire").rglob("*.proto")):
        arguments = ["protoc", f"-I{source}", f"-I{well_known}", f"--python_out={source}", f"--pyi_out={source}"]
        if protoc.main([*arguments, f"--grpc_python_out={source}", str(proto)]) != 0:
            raise RuntimeError(f"protoc failed on {proto}")

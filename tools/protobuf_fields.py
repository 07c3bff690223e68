"""Write the table of protobuf field numbers, `src/steersman/api/protobuf/fields.txt`.

usage: protobuf_fields.py API_CHECKOUT APIMACHINERY_CHECKOUT > fields.txt

Kubernetes' protobuf encoding is defined by field numbers, which its repositories `api` and `apimachinery`
publish in `generated.proto` files. This keeps what decoding needs and nothing else, a line a message:

    core.v1.Container name=1s command=3*s ports=6*core.v1.ContainerPort

s string, i integer, b boolean, d double, y bytes, else a message; * repeated; @ a map from strings; ~ before
a name: its members belong to the object around it in JSON.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from steersman.api.schema import schema_named

SCALARS = {"string": "s", "int32": "i", "int64": "i", "bool": "b", "double": "d", "bytes": "y"}
_PACKAGE = re.compile(r"^package ([\w.]+);", re.MULTILINE)
_MESSAGE = re.compile(r"^message (\w+) \{(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(
    r"^\s*(optional|repeated|map)\s*(?:<string,\s*([.\w]+)>|([.\w]+))\s+(\w+)\s*=\s*(\d+)", re.MULTILINE
)


def short(name: str) -> str:
    """`k8s.io.api.core.v1.Pod` -> `core.v1.Pod`."""
    for prefix in ("k8s.io.apimachinery.pkg.apis.", "k8s.io.apimachinery.pkg.", "k8s.io.api."):
        name = name.removeprefix(prefix)
    return name


def properties(message: str) -> set[str]:
    """Return the JSON names of a published type's fields."""
    for prefix in ("io.k8s.api.", "io.k8s.apimachinery.pkg.apis.", "io.k8s.apimachinery.pkg."):
        try:
            return set(schema_named(prefix + message).fields)
        except KeyError:
            continue
    return set()


def lines(path: Path) -> list[str]:
    """Return the lines of one file's messages."""
    text = re.sub(r"//[^\n]*", "", path.read_text())
    package = _PACKAGE.search(text)
    if package is None:
        return []
    found = []
    for name, body in _MESSAGE.findall(text):
        message = f"{short(package[1])}.{name}"
        known = properties(message)
        fields = []
        for label, value, plain, field, number in _FIELD.findall(body):
            kind = value or plain
            code = SCALARS.get(kind) or short(kind.lstrip(".") if "." in kind else f"{package[1]}.{kind}")
            mark = {"repeated": "*", "map": "@"}.get(label, "")
            if label == "repeated" and known and field not in known:
                field = field[0].lower() + field[1:]
            inline = "~" if known and field not in known and code not in SCALARS.values() else ""
            fields.append(f"{inline}{field}={number}{mark}{code}")
        found.append(" ".join([message, *fields]))
    return found


def main() -> None:
    """Print the table of every v1 and v2 group version."""
    paths = [path for root in sys.argv[1:] for path in sorted(Path(root).rglob("generated.proto"))]
    wanted = [
        path
        for path in paths
        if not re.search(r"alpha|beta|/testapigroup/|/apidiscovery/|/admission/", str(path))
    ]
    print("\n".join(sorted({line for path in wanted for line in lines(path)})))


main()

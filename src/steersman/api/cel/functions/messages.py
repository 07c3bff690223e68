"""The opaque types of the extension functions: quantities, addresses, networks, URLs, versions, formats.

To the expression library they are messages; the text in them is canonical, so that equality is what users
expect.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)

PACKAGE = "kubernetes"
NAMES = ("Quantity", "IP", "CIDR", "URL", "Semver", "NamedFormat")
QUANTITY, IP, CIDR, URL, SEMVER, NAMED_FORMAT = (f"{PACKAGE}.{name}" for name in NAMES)
_TEXT = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_WELL_KNOWN = (timestamp_pb2, struct_pb2, duration_pb2, wrappers_pb2, any_pb2)


def new_pool() -> descriptor_pool.DescriptorPool:
    """Return a pool with the well-known types and the opaque ones."""
    pool = descriptor_pool.DescriptorPool()
    for module in _WELL_KNOWN:
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        pool.Add(file)
    file = descriptor_pb2.FileDescriptorProto(name="kubernetes.proto", package=PACKAGE, syntax="proto3")
    for name in NAMES:
        file.message_type.add(name=name).field.add(name="text", number=1, type=_TEXT, label=1)
    pool.Add(file)
    return pool


POOL = new_pool()
"""The pool of everything that is evaluated."""
_CLASSES: dict[str, Any] = {
    name: message_factory.GetMessageClass(POOL.FindMessageTypeByName(name))
    for name in (QUANTITY, IP, CIDR, URL, SEMVER, NAMED_FORMAT)
}


def make(type_: str, text: str) -> Any:
    """Return a message of an opaque type."""
    return _CLASSES[type_](text=text)


def type_of(value: Any) -> str:
    """Return the full name of a message's type, empty for anything else."""
    descriptor = getattr(value, "DESCRIPTOR", None)
    return str(descriptor.full_name) if descriptor is not None else ""

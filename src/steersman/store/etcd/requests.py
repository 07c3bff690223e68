"""The messages that reads and writes become. Pure."""

from __future__ import annotations

from steersman.wire.etcd import etcd_pb2 as pb

_ALL = b"\0"
"""As a key: the first one; as the end of a range: no end."""


def end_of(prefix: bytes) -> bytes:
    """Return the end of the range of keys with a prefix."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes((stem[-1] + 1,)) if stem else _ALL


def keys(prefix: str, start: str = "", *, limit: int = 0, revision: int = 0) -> pb.RangeRequest:
    """Read the keys with a prefix, from `start` on."""
    first = max(prefix, start).encode() or _ALL
    return pb.RangeRequest(key=first, range_end=end_of(prefix.encode()), limit=limit, revision=revision)


def one(key: str, revision: int = 0) -> pb.RangeRequest:
    """Read one key."""
    return pb.RangeRequest(key=key.encode(), revision=revision)


def probe(key: str, revision: int = 0) -> pb.RangeRequest:
    """Read nothing but the revision the cluster is at."""
    return pb.RangeRequest(key=key.encode(), count_only=True, revision=revision)


def put(key: str, value: bytes, expect: int | None, lease: int, *, show: bool) -> pb.TxnRequest:
    """Write when the key is at `expect`.

    On success the second response has the key without its value; on failure the only one has it, with its
    value when `show`.
    """
    name = key.encode()
    write = pb.RequestOp(request_put=pb.PutRequest(key=name, value=value, lease=lease))
    return pb.TxnRequest(
        compare=[_at(name, expect)] if expect is not None else [],
        success=[write, _look(name, keys_only=True)],
        failure=[_look(name, keys_only=not show)],
    )


def delete(key: str, expect: int | None) -> pb.TxnRequest:
    """Delete when the key is at `expect`, or exists at all; on failure the only response has the key."""
    name = key.encode()
    there = pb.Compare(target=pb.Compare.CREATE, result=pb.Compare.GREATER, key=name, create_revision=0)
    return pb.TxnRequest(
        compare=[there] if expect is None else [there, _at(name, expect)],
        success=[pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=name))],
        failure=[_look(name, keys_only=True)],
    )


def watch(prefix: str, after: int) -> pb.WatchRequest:
    """Follow the keys with a prefix from the revision behind `after`."""
    first = prefix.encode()
    create = pb.WatchCreateRequest(
        key=first or _ALL, range_end=end_of(first), start_revision=after + 1, progress_notify=True
    )
    return pb.WatchRequest(create_request=create)


def _at(name: bytes, revision: int) -> pb.Compare:
    return pb.Compare(target=pb.Compare.MOD, result=pb.Compare.EQUAL, key=name, mod_revision=revision)


def _look(name: bytes, *, keys_only: bool) -> pb.RequestOp:
    return pb.RequestOp(request_range=pb.RangeRequest(key=name, keys_only=keys_only))

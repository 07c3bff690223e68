"""The SPDY/3 header block: name/value pairs, zlib-compressed with the protocol's dictionary.

Each direction of a connection is one zlib stream that lives as long as the connection, so a `HeaderWriter` or
`HeaderReader` belongs to exactly one direction. Names are lower case on the wire; several values of one name
are joined by NUL. Source: SPDY protocol draft 3, section 2.6.10.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence

MAX_BLOCK_BYTES = 64 * 1024
"""Longest header block accepted, after decompression: far above what any Kubernetes client sends."""

_LENGTH_PREFIXED = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language "
    "accept-ranges age "
    "allow authorization cache-control connection content-base content-encoding content-language "
    "content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer "
    "transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_STATUS_CODES = (
    "100 101 201 202 205 206 300 302 303 304 305 306 307 402 405 406 407 408 409 410 411 412 413 414 415 "
    "416 417 "
    "502 504 505"
)
_TAIL = (
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)

Headers = dict[str, str]


class HeaderError(ValueError):
    """The header block is malformed; the connection cannot go on, for its compression state is lost."""


def _dictionary() -> bytes:
    words = [*_LENGTH_PREFIXED.split(), "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie"]
    words += ["keep-alive", "origin"]
    prefixed = b"".join(struct.pack(">I", len(word)) + word.encode() for word in words)
    return prefixed + _STATUS_CODES.replace(" ", "").encode() + _TAIL.encode()


DICTIONARY = _dictionary()


class HeaderWriter:
    """Compresses the header blocks of one direction."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zdict=DICTIONARY)

    def encode(self, headers: Mapping[str, str | Sequence[str]]) -> bytes:
        parts = [struct.pack(">I", len(headers))]
        for name, value in headers.items():
            text = value if isinstance(value, str) else "\0".join(value)
            for item in (name.lower().encode(), text.encode()):
                parts.append(struct.pack(">I", len(item)))
                parts.append(item)
        return self._zlib.compress(b"".join(parts)) + self._zlib.flush(zlib.Z_SYNC_FLUSH)


class HeaderReader:
    """Decompresses the header blocks of one direction; names come out in lower case."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zdict=DICTIONARY)

    def decode(self, block: bytes) -> Headers:
        """Raises HeaderError when the block does not decompress, is too long or is cut short."""
        try:
            data = self._zlib.decompress(block, MAX_BLOCK_BYTES)
        except zlib.error as error:
            raise HeaderError(f"header block does not decompress: {error}") from error
        if self._zlib.unconsumed_tail:
            raise HeaderError(f"header block is longer than {MAX_BLOCK_BYTES} bytes")
        return _parse(data)


def _parse(data: bytes) -> Headers:
    if len(data) < 4:
        raise HeaderError("header block is shorter than its count")
    (count,) = struct.unpack_from(">I", data)
    if count * 8 > len(data):
        raise HeaderError(f"header block announces {count} headers in {len(data)} bytes")
    headers: Headers = {}
    position = 4
    for _ in range(count):
        name, position = _item(data, position)
        value, position = _item(data, position)
        headers[name.lower()] = value
    return headers


def _item(data: bytes, position: int) -> tuple[str, int]:
    if position + 4 > len(data):
        raise HeaderError("header block is cut short")
    (length,) = struct.unpack_from(">I", data, position)
    start, end = position + 4, position + 4 + length
    if end > len(data):
        raise HeaderError("header block is cut short")
    return data[start:end].decode("utf-8", "surrogateescape"), end

"""String formats of custom resources' schemas; a format that is not here is not checked, as upstream has
it."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from datetime import date
from typing import TYPE_CHECKING

from steersman.api import times

if TYPE_CHECKING:
    from collections.abc import Callable

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:[^\s]*")
_LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOSTNAME = re.compile(rf"(?=.{{1,255}}$){_LABEL}(\.{_LABEL})*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_MAC = re.compile(r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}|([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}")
_DURATION = re.compile(r"[+-]?(0|(\d+(\.\d*)?(ns|us|µs|μs|ms|s|m|h|d|w))+)")


def _tries(parse: Callable[[str], object]) -> Callable[[str], bool]:
    """A check out of a parser that raises ValueError."""

    def fits(text: str) -> bool:
        try:
            parse(text)
        except ValueError:
            return False
        return True

    return fits


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


_is_network = _tries(lambda text: ipaddress.ip_network(text, strict=False))

FORMATS: dict[str, Callable[[str], bool]] = {
    "byte": _tries(_base64),
    "cidr": lambda text: "/" in text and _is_network(text),
    "date": _tries(date.fromisoformat),
    "date-time": _tries(times.parse_time),
    "duration": _matches(_DURATION),
    "email": _matches(_EMAIL),
    "hostname": _matches(_HOSTNAME),
    "ipv4": _tries(ipaddress.IPv4Address),
    "ipv6": _tries(ipaddress.IPv6Address),
    "mac": _matches(_MAC),
    "uri": _matches(_URI),
    "uuid": _matches(_UUID),
}

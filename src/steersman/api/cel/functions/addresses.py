"""IP addresses, networks and URLs."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from steersman.api.cel.functions.function import Function
from steersman.api.cel.functions.messages import CIDR, IP, URL, make, type_of

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def _address(text: str) -> Address:
    found = ipaddress.ip_address(text)
    if isinstance(found, ipaddress.IPv6Address) and (found.ipv4_mapped or found.scope_id):
        raise ValueError(f"IP Address {text!r} parse error: IPv4-mapped addresses and zones are not allowed")
    return found


def _interface(text: str) -> Interface:
    if "/" not in text:
        raise ValueError(f'network address parse error during conversion from string: no "/" in {text!r}')
    return ipaddress.ip_interface(text)


def _tries(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _ip(value: Any) -> Any:
    if isinstance(value, str):
        return make(IP, str(_address(value)))
    return make(IP, str(_interface(value.text).ip))


def _family(value: Any) -> int:
    return _address(value.text).version


def _global(value: Any) -> bool:
    address = _address(value.text)
    return (
        not (address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local)
        and str(address) != "255.255.255.255"
    )


def _is_canonical(text: str) -> bool:
    return str(_address(text)) == text


def _link_local_multicast(value: Any) -> bool:
    address = _address(value.text)
    where = "224.0.0.0/24" if address.version == 4 else "ff02::/16"
    return address in ipaddress.ip_network(where)


def _contains_ip(network: Any, other: Any) -> bool:
    address = _address(other if isinstance(other, str) else other.text)
    return address in _interface(network.text).network


def _contains_network(network: Any, other: Any) -> bool:
    inner = _interface(other if isinstance(other, str) else other.text)
    outer = _interface(network.text).network
    if inner.version != outer.version:
        return False
    return inner.ip in outer and inner.network.prefixlen >= outer.prefixlen


def _url(text: str) -> Any:
    found = _split(text)
    if not (found.scheme and found.netloc) and not text.startswith("/"):
        raise ValueError(
            f"URL parse error during conversion from string: parse {text!r}: invalid URI for request"
        )
    return make(URL, text)


def _split(text: str) -> SplitResult:
    found = urlsplit(text)
    _ = found.port  # ValueError for a port that is none
    return found


def _hostname(value: Any) -> str:
    return _split(value.text).hostname or ""


def _port(value: Any) -> str:
    port = _split(value.text).port
    return "" if port is None else str(port)


def _query(value: Any) -> dict[str, list[str]]:
    return parse_qs(_split(value.text).query, keep_blank_values=True)


def _text(value: Any) -> str:
    return str(_interface(value.text)) if type_of(value) == CIDR else str(value.text)


ADDRESSES = (
    Function("ip", ((("string",), IP),), _ip, member=False),
    Function("ip", (((CIDR,), IP),), _ip),
    Function("isIP", ((("string",), "bool"),), lambda text: _tries(_address, text), member=False),
    Function("ip.isCanonical", ((("string",), "bool"),), _is_canonical, member=False),
    Function("family", (((IP,), "int"),), _family),
    Function("isUnspecified", (((IP,), "bool"),), lambda value: _address(value.text).is_unspecified),
    Function("isLoopback", (((IP,), "bool"),), lambda value: _address(value.text).is_loopback),
    Function("isLinkLocalMulticast", (((IP,), "bool"),), _link_local_multicast),
    Function("isLinkLocalUnicast", (((IP,), "bool"),), lambda value: _address(value.text).is_link_local),
    Function("isGlobalUnicast", (((IP,), "bool"),), _global),
    Function("cidr", ((("string",), CIDR),), lambda text: make(CIDR, str(_interface(text))), member=False),
    Function("isCIDR", ((("string",), "bool"),), lambda text: _tries(_interface, text), member=False),
    Function("containsIP", (((CIDR, IP), "bool"), ((CIDR, "string"), "bool")), _contains_ip),
    Function("containsCIDR", (((CIDR, CIDR), "bool"), ((CIDR, "string"), "bool")), _contains_network),
    Function("masked", (((CIDR,), CIDR),), lambda value: make(CIDR, str(_interface(value.text).network))),
    Function("prefixLength", (((CIDR,), "int"),), lambda value: _interface(value.text).network.prefixlen),
    Function("string", (((IP,), "string"), ((CIDR,), "string")), _text, member=False, runtime=(IP,)),
    Function("url", ((("string",), URL),), _url, member=False),
    Function("isURL", ((("string",), "bool"),), lambda text: _tries(_url, text), member=False),
    Function("getScheme", (((URL,), "string"),), lambda value: _split(value.text).scheme),
    Function("getHost", (((URL,), "string"),), lambda value: _split(value.text).netloc.rpartition("@")[2]),
    Function("getHostname", (((URL,), "string"),), _hostname),
    Function("getPort", (((URL,), "string"),), _port),
    Function("getEscapedPath", (((URL,), "string"),), lambda value: _split(value.text).path),
    Function("getQuery", (((URL,), "map<string,list<string>>"),), _query),
)

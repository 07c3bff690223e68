"""Rules for names: DNS labels and subdomains, qualified names, label values, ports, environment variables.

Each `is_…` function returns the list of complaints, empty when the text is fine; the wording is what
clients of the API know.  :func:`generate_name` completes `metadata.generateName`.

Source: RFC 1123, RFC 1035 and the API conventions' section on names.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

LABEL_MAX = 63
SUBDOMAIN_MAX = 253
GENERATED_SUFFIX = 5
"""Random characters behind a `generateName`."""
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"  # no vowels and no look-alikes: no words, no misreading

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = rf"({_QUALIFIED})?"
_CONFIG_KEY = r"[-._a-zA-Z0-9]+"
_HTTP_HEADER = r"[-A-Za-z0-9]+"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_C_IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_]*"

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_VALUE_TEXT = f"a valid label must be an empty string or {_QUALIFIED_TEXT.removeprefix('must ')}"
_CONFIG_KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_HTTP_HEADER_TEXT = "a valid HTTP header must consist of alphanumeric characters or '-'"
_WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
    "must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)


def _regex_error(message: str, pattern: str, *examples: str) -> str:
    quoted = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {quoted}regex used for validation is '{pattern}')"


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern + r"\Z", re.ASCII)


def _too_long(text: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} bytes"] if len(text) > limit else []


def _check(text: str, limit: int, pattern: str, message: str, *examples: str) -> list[str]:
    problems = _too_long(text, limit) if limit else []
    if not _compiled(pattern).match(text):
        problems.append(_regex_error(message, pattern, *examples))
    return problems


@lru_cache(maxsize=4096)
def _dns1123_label(text: str) -> tuple[str, ...]:
    return tuple(_check(text, LABEL_MAX, _LABEL, _LABEL_TEXT, "my-name", "123-abc"))


@lru_cache(maxsize=4096)
def _dns1123_subdomain(text: str) -> tuple[str, ...]:
    return tuple(_check(text, SUBDOMAIN_MAX, _SUBDOMAIN, _SUBDOMAIN_TEXT, "example.com"))


def is_dns1123_label(text: str) -> list[str]:
    return list(_dns1123_label(text))


def is_dns1123_subdomain(text: str) -> list[str]:
    return list(_dns1123_subdomain(text))


def is_dns1035_label(text: str) -> list[str]:
    return _check(text, LABEL_MAX, _LABEL_1035, _LABEL_1035_TEXT, "my-name", "abc-123")


def is_wildcard_subdomain(text: str) -> list[str]:
    return _check(text, SUBDOMAIN_MAX, _WILDCARD, _WILDCARD_TEXT, "*.example.com")


def is_config_key(text: str) -> list[str]:
    """Check a key of a ConfigMap or Secret, which also becomes a file name."""
    problems = _check(text, SUBDOMAIN_MAX, _CONFIG_KEY, _CONFIG_KEY_TEXT, "key.name", "KEY_NAME", "key-name")
    if text in (".", ".."):
        problems.append(f"must not be '{text}'")
    elif text.startswith(".."):
        problems.append("must not start with '..'")
    return problems


def is_http_header(text: str) -> list[str]:
    return _check(text, 0, _HTTP_HEADER, _HTTP_HEADER_TEXT, "X-Header-Name")


def is_env_var(text: str) -> list[str]:
    """Check the name of an environment variable: printable ASCII without `=`."""
    if not text:
        return ["environment variable name must not be empty"]
    if all(" " <= character <= "~" and character != "=" for character in text):
        return []
    return [
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
    ]


def is_c_identifier(text: str) -> list[str]:
    return _check(
        text,
        0,
        _C_IDENTIFIER,
        "a valid C identifier must start with alphabetic character or '_', followed by a string of "
        "alphanumeric characters or '_'",
        "my_name",
        "MY_NAME",
        "MyName",
    )


@lru_cache(maxsize=4096)
def _qualified_name(text: str) -> tuple[str, ...]:
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        whole = f"a qualified name {_QUALIFIED_TEXT}"
        return (
            _regex_error(whole, _QUALIFIED, "MyName", "my.name", "123-abc")
            + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        )
    problems: list[str] = []
    if slash:
        if not prefix:
            problems.append("prefix part must be non-empty")
        else:
            problems += [f"prefix part {problem}" for problem in _dns1123_subdomain(prefix)]
    if not name:
        problems.append("name part must be non-empty")
    problems += [f"name part {problem}" for problem in _too_long(name, LABEL_MAX)]
    if not _compiled(_QUALIFIED).match(name):
        problems.append(
            f"name part {_regex_error(_QUALIFIED_TEXT, _QUALIFIED, 'MyName', 'my.name', '123-abc')}"
        )
    return tuple(problems)


def is_qualified_name(text: str) -> list[str]:
    """Check `[prefix/]name`: label and annotation keys, resource names, condition types, finalizers."""
    return list(_qualified_name(text))


@lru_cache(maxsize=4096)
def _label_value(text: str) -> tuple[str, ...]:
    return tuple(_check(text, LABEL_MAX, _LABEL_VALUE, _LABEL_VALUE_TEXT, "MyValue", "my_value", "12345"))


def is_label_value(text: str) -> list[str]:
    return list(_label_value(text))


def is_port_number(port: int) -> list[str]:
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]


def is_port_name(text: str) -> list[str]:
    """Check the name of a container port: at most 15 characters, at least one letter (RFC 6335)."""
    problems = [] if len(text) <= 15 else ["must be no more than 15 bytes"]
    if not re.fullmatch(r"[-a-z0-9]+", text, re.ASCII):
        problems.append("must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search(r"[a-z]", text):
        problems.append("must contain at least one letter (a-z)")
    if "--" in text:
        problems.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def is_path_segment(text: str) -> list[str]:
    """Check a name that may hold anything but must fit one URL path segment (RBAC names)."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{part}'" for part in ("/", "%") if part in text]


def generate_name(base: str, random: Random) -> str:
    """Return `base` (cut to 58 characters) with five random characters behind it."""
    suffix = "".join(random.choice(_ALPHABET) for _ in range(GENERATED_SUFFIX))
    return base[: LABEL_MAX - GENERATED_SUFFIX] + suffix

"""Request headers as a connection receives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """Case-insensitive; a header sent several times reads as one value joined by ", " (RFC 9110, section
    5.3)."""

    __slots__ = ("_repeated", "_values")

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._repeated: dict[str, list[str]] | None = None

    def add(self, name: str, value: str) -> None:
        """Add a line; `name` is in lower case."""
        before = self._values.get(name)
        if before is None:
            self._values[name] = value
            return
        if self._repeated is None:
            self._repeated = {}
        self._repeated.setdefault(name, [before]).append(value)
        self._values[name] = f"{before}, {value}"

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        return self._values.get(name.lower(), default)

    def getall(self, name: str, default: list[str] | None = None) -> list[str]:
        """Return the values of every line of a header, in order."""
        lower = name.lower()
        if self._repeated is not None and lower in self._repeated:
            return list(self._repeated[lower])
        value = self._values.get(lower)
        return [value] if value is not None else list(default or ())

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

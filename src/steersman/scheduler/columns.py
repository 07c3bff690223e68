"""Node labels as columns of small integers, built for the keys somebody asks about.

A requirement on a label then costs one array operation over all nodes, and the domain of a topology key is
the column itself: `np.bincount(column.codes, weights=...)` sums over domains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

__all__ = ["NAME_KEY", "LabelColumn", "LabelColumns", "sums_by_code"]

NAME_KEY = "\0metadata.name"
"""Pseudo label that holds the node's name, for selectors over fields; no label can be called so."""


class LabelColumn:
    """One label key: `codes[row]` is an index into `values`, -1 where the node lacks the label."""

    def __init__(self, capacity: int) -> None:
        self.values: list[str] = []
        self.codes: NDArray[np.int64] = np.full(capacity, -1, dtype=np.int64)
        self._ids: dict[str, int] = {}

    def set(self, row: int, value: str | None) -> None:
        self.codes[row] = -1 if value is None else self._code(value)

    def code(self, value: str) -> int:
        """-1 for a value no node has or had."""
        return self._ids.get(value, -1)

    def grow(self, capacity: int) -> None:
        longer = np.full(capacity, -1, dtype=np.int64)
        longer[: len(self.codes)] = self.codes
        self.codes = longer

    def _code(self, value: str) -> int:
        code = self._ids.get(value)
        if code is None:
            code = self._ids[value] = len(self.values)
            self.values.append(value)
        return code


class LabelColumns:
    """The columns in use. `labels_of(row)` gives a row's labels, None for a row without a node."""

    def __init__(self, labels_of: Callable[[int], Mapping[str, str] | None]) -> None:
        self._labels_of = labels_of
        self._columns: dict[str, LabelColumn] = {}

    def column(self, key: str, capacity: int, rows: int) -> LabelColumn:
        column = self._columns.get(key)
        if column is None:
            column = self._columns[key] = LabelColumn(capacity)
            for row in range(rows):
                labels = self._labels_of(row)
                column.set(row, labels.get(key) if labels is not None else None)
        return column

    def update(self, row: int) -> None:
        """Take over a row whose labels changed, came or went."""
        labels = self._labels_of(row)
        for key, column in self._columns.items():
            column.set(row, labels.get(key) if labels is not None else None)

    def grow(self, capacity: int) -> None:
        for column in self._columns.values():
            column.grow(capacity)


def sums_by_code(codes: NDArray[np.int64], amounts: NDArray[np.int64], values: int) -> NDArray[np.float64]:
    """The sum of `amounts` for each of `values` codes; one more entry, of zero, answers for code -1."""
    return np.bincount(codes, weights=amounts, minlength=values + 1).astype(np.float64)

"""Static bearer tokens from a file: `token,user,uid,"group1,group2"`, one a line; the groups may be missing.

Source: "Authenticating", static token file.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from steersman.apiserver.authn import User, authenticated
from steersman.apiserver.authn.bearer import Identified

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def parse_token_file(text: str) -> dict[str, User]:
    """Users by token. Raises ValueError naming the line that is malformed; `#` begins a comment line."""
    users: dict[str, User] = {}
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for number, row in enumerate(csv.reader(lines, skipinitialspace=True), start=1):
        if len(row) < 3 or not row[0]:
            raise ValueError(f"line {number}: expected token,user,uid and perhaps groups")
        groups = tuple(group.strip() for group in row[3].split(",") if group.strip()) if len(row) > 3 else ()
        users[row[0]] = authenticated(User(name=row[1], uid=row[2], groups=groups))
    return users


def read_token_file(path: Path) -> dict[str, User]:
    """Raises ValueError naming the file when it is malformed."""
    try:
        return parse_token_file(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


class TokenTable:
    """Static tokens as a source for the bearer authenticator."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = users

    def use(self, users: Mapping[str, User]) -> None:
        """Put other tokens in their place."""
        self._users = users

    async def identify(self, token: str, audiences: tuple[str, ...] = ()) -> Identified | None:
        user = self._users.get(token)
        return None if user is None else Identified(user)

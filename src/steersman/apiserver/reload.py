"""Certificates and keys that are renewed on disk, taken up without a restart.

    api.files.follow((path, ...), reload)

Files are looked at every few seconds. What cannot be loaded (a certificate whose key is not written yet) is
logged, what was loaded before stays in use, and the next change is tried again.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from steersman.runtime.clock import Clock

log = logging.getLogger("steersman.apiserver.reload")
INTERVAL = 10.0
"""Seconds between two looks: one stat a file."""
Stamps = tuple[tuple[int, int, int] | None, ...]


class Files:
    """What is to be done when files change."""

    def __init__(self) -> None:
        self._followed: list[tuple[tuple[Path, ...], Callable[[], object]]] = []
        self._stamps: list[Stamps] = []

    def follow(self, paths: Iterable[str | Path], reload: Callable[[], object]) -> None:
        """Call `reload` after any of the files has changed; empty paths are none."""
        given = tuple(Path(path) for path in paths if path)
        if given:
            self._followed.append((given, reload))
            self._stamps.append(_stamps(given))

    def look(self) -> None:
        """Look at all files once."""
        for index, (paths, reload) in enumerate(self._followed):
            stamps = _stamps(paths)
            if stamps == self._stamps[index]:
                continue
            self._stamps[index] = stamps
            names = ", ".join(str(path) for path in paths)
            try:
                reload()
            except (OSError, ValueError, ssl.SSLError) as error:
                log.error("%s changed and cannot be used yet: %s", names, error)
            else:
                log.info("%s changed and was loaded again", names)

    async def run(self, clock: Clock) -> None:
        """Look at the files for ever."""
        while True:
            await clock.sleep(INTERVAL)
            self.look()


def _stamps(paths: tuple[Path, ...]) -> Stamps:
    found: list[tuple[int, int, int] | None] = []
    for path in paths:
        try:
            state = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((state.st_mtime_ns, state.st_ino, state.st_size))
    return tuple(found)

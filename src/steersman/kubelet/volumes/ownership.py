"""fsGroup: make a volume belong to a group so that a pod's processes may write to it.

Source: the documented meaning of PodSecurityContext.fsGroup and fsGroupChangePolicy.
"""

from __future__ import annotations

import os
import stat


def give_to_group(path: str, group: int, *, only_root_mismatch: bool = False) -> None:
    """Give everything below `path` to `group`: files rw, directories rwx and set-group-ID.

    With `only_root_mismatch`, nothing is done when the top directory is already right.
    """
    if only_root_mismatch and _is_right(path, group):
        return
    for base, directories, files in os.walk(path, topdown=False):
        for name in files:
            _give(os.path.join(base, name), group)
        for name in directories:
            _give(os.path.join(base, name), group)
    _give(path, group)


def _is_right(path: str, group: int) -> bool:
    facts = os.lstat(path)
    return facts.st_gid == group and facts.st_mode & 0o2070 == 0o2070


def _give(path: str, group: int) -> None:
    facts = os.lstat(path)
    if stat.S_ISLNK(facts.st_mode):
        os.lchown(path, -1, group)
        return
    wanted = stat.S_IMODE(facts.st_mode) | (0o2070 if stat.S_ISDIR(facts.st_mode) else 0o060)
    if facts.st_gid != group:
        os.chown(path, -1, group)
    if stat.S_IMODE(facts.st_mode) != wanted:
        os.chmod(path, wanted)

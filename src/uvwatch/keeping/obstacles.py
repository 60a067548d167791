"""What lies in a tree that whoever reads it waits for, or cannot read: named when a build took too long.

It knows the kinds of directory entries. It must not know which of them a backend reads: that is why it is asked only
when a build did not end, for which a FIFO somewhere in the tree is the likely cause.
"""

import os
import stat
from collections.abc import Iterator

from anyio import to_thread

from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.keeping.keeper import Keeper
from uvwatch.watching.scan import KINDS

NAMED = 3

_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__"})


async def with_obstacles(keeper: Keeper, error: CycleFailed) -> CycleFailed:
    """The same failure; where a build took too long, with what it may have waited for in its message."""
    if error.kind is not FailureKind.TIMEOUT:
        return error
    found = await to_thread.run_sync(_first_of, keeper.distribution.root)
    if not found:
        return error
    return CycleFailed(
        error.kind,
        f"{error}; it may have waited for {', '.join(f'{path} ({what})' for path, what in found)}",
        path=error.path or found[0][0],
        line=error.line,
        column=error.column,
        output=error.output,
    )


def _first_of(root: str) -> list[tuple[str, str]]:
    return [found for found, _ in zip(obstacles(root), range(NAMED), strict=False)]


def obstacles(root: str) -> Iterator[tuple[str, str]]:
    """What is neither a file, a directory nor a link in a tree, and what it is: path relative to the root, and words.

    Version control's directories, ``node_modules`` and environments are left out; links are not followed.
    """
    pending = [""]
    while pending:
        below = pending.pop()
        try:
            with os.scandir(os.path.join(root, below)) as listing:  # noqa: PTH118 - a str, as scandir gives them
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue
        if below and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED:
                    pending.append(f"{below}{entry.name}/")
            elif not entry.is_file(follow_symlinks=False) and not entry.is_symlink():
                yield f"{below}{entry.name}", KINDS.get(_kind(entry), "neither a file nor a directory")


def _kind(entry: os.DirEntry[str]) -> int:
    try:
        return stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode)
    except OSError:  # it vanished
        return 0

"""git's index locks around the trees: whether a git command is in the middle of changing files.

It knows where repositories keep their index, worktrees and submodules included (gitrepository-layout(5)), and which
locks nobody takes away. It must not know what waits for them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_GITDIR = "gitdir:"


class Held(NamedTuple):
    """A lock file as found: another one at its path is another lock."""

    path: Path
    inode: int
    mtime_ns: int


class GitLocks:
    """Remembers which locks were waited for in vain: a git that was killed leaves its lock behind for ever."""

    def __init__(self) -> None:
        self._stale: frozenset[Held] = frozenset()

    def held(self, roots: Iterable[Path]) -> tuple[Held, ...]:
        """The index locks of the repositories that these directories lie in, without those that were given up."""
        found = frozenset(_locks({above for root in roots for above in (root, *root.parents)}))
        self._stale &= found
        return tuple(sorted(found - self._stale))

    def give_up(self, locks: Iterable[Held]) -> None:
        """Wait for these no more; the same file, written anew, counts again."""
        self._stale |= frozenset(locks)


def _locks(directories: Iterable[Path]) -> Iterator[Held]:
    for directory in directories:
        path = git_directory(directory / ".git") / "index.lock"
        try:
            status = path.stat()
        except OSError:  # there is none; or it is nobody's lock that this user cannot see: a repository of root's above
            continue
        yield Held(path, status.st_ino, status.st_mtime_ns)


def git_directory(git: Path) -> Path:
    """Where a repository keeps what is its own; ``.git`` is a file that says so in a worktree and in a submodule."""
    try:
        line, _, _ = git.read_text(encoding="utf-8", errors="surrogateescape").partition("\n")
    except OSError:
        return git
    return git.parent / line.removeprefix(_GITDIR).strip() if line.startswith(_GITDIR) else git

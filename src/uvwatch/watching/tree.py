"""What a distribution's tree holds, as values: directories, signatures, problems, and the difference of two scans.

It knows what a scan found. It must not touch the file system, and knows nothing of events or wheels.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from uvwatch.core.model import Signature


class Problem(NamedTuple):
    """Something wrong at ``path`` (relative to the root); ``what`` is a clause in words.

    ``blocks`` says that a build which takes the file up fails for sure, or waits for ever (a FIFO).
    """

    path: str
    what: str
    blocks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One directory that is looked at. All keys are names, without a path.

    Attributes:
        files: the files that can matter; a link to a file has the signature of its target, a broken one its own.
        directories: the child directories that are looked at, sorted.
        excluded: the child directories that are not, with the rule that says so.
        problems: what is wrong directly in this directory, sorted.
        links: the symbolic links among files and directories, with the real path that each leads to.
        inode: its own inode number, 0 for the root: another number under the same name is another directory.
    """

    files: Mapping[str, Signature] = field(default_factory=dict)
    directories: tuple[str, ...] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    inode: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All directories that are looked at, by path relative to the root, which is ``""``; empty if there is no root."""

    directories: Mapping[str, Directory] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems, sorted by path."""
        return tuple(sorted(problem for found in self.directories.values() for problem in found.problems))

    def files(self) -> Iterator[tuple[str, Signature]]:
        """Each file's path and signature, in no order."""
        for path, found in self.directories.items():
            prefix = path + "/" if path else ""
            for name, signature in found.files.items():
                yield prefix + name, signature

    def elsewhere(self) -> dict[str, frozenset[str]]:
        """Real directories whose events concern other places of the tree: absolute path → paths of directories here.

        For a link to a file, the directory that holds its target; for a link to a directory, that directory itself
        and, below it, each one that is looked at. They are to be watched too: a watch has one path, and an event in a
        directory that is reached by two is told under one of them.
        """
        if not any(found.links for found in self.directories.values()):
            return {}
        places: dict[str, set[str]] = {}
        real: dict[str, str] = {}
        for path in sorted(self.directories, key=lambda each: each.split("/")):
            found = self.directories[path]
            for name in found.directories:
                child = join(path, name)
                if name in found.links:
                    real[child] = found.links[name]
                elif path in real:
                    real[child] = join(real[path], name)
                if child in real and child in self.directories:
                    places.setdefault(real[child], set()).add(child)
            for name in found.files:
                if name in found.links:
                    places.setdefault(found.links[name].rpartition("/")[0] or "/", set()).add(path)
        return {directory: frozenset(paths) for directory, paths in places.items()}


class Difference(NamedTuple):
    """Paths of files, sorted, by signature alone: whether a changed one holds other bytes is for a reader to say."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def difference(before: Tree, after: Tree) -> Difference:
    """What two scans of the same root tell apart; directories that a partial scan carried over cost nothing."""
    added: list[str] = []
    changed: list[str] = []
    removed: list[str] = []
    nothing = Directory()
    for path in before.directories.keys() | after.directories.keys():
        old = before.directories.get(path, nothing)
        new = after.directories.get(path, nothing)
        if old is new:
            continue
        for name, signature in new.files.items():
            known = old.files.get(name)
            if known is None:
                added.append(join(path, name))
            elif known != signature:
                changed.append(join(path, name))
        removed.extend(join(path, name) for name in old.files if name not in new.files)
    return Difference(tuple(sorted(added)), tuple(sorted(changed)), tuple(sorted(removed)))


def join(path: str, name: str) -> str:
    """``name`` below ``path``, which is ``""`` for the root."""
    return f"{path}/{name}" if path else name

"""What git ignores in a tree, read from the files that say so.

It knows ``.gitignore`` files, from the repository's top down, and ``.git/info/exclude`` (gitignore(5)). It must not
know what follows from git's opinion. The user's global excludes file is left out: to look at too much does no harm.
"""

import os
from pathlib import Path
from typing import NamedTuple

from uvwatch.core.patterns import decide

NAME = ".gitignore"


class Layer(NamedTuple):
    """The patterns of the file at ``path``; ``prefix`` leads, with a ``/`` at its end if any, from its directory."""

    patterns: tuple[str, ...]
    prefix: str
    path: str


class Reason(NamedTuple):
    """Why git ignores something: the absolute path of the file that says so, and the pattern in it."""

    path: str
    pattern: str


class GitIgnores:
    """git's opinion on the paths of one tree, as of the moment when each file was first needed."""

    def __init__(self, root: str) -> None:
        """``root``: the tree's absolute directory."""
        self._root = root
        self._layers: dict[str, tuple[Layer, ...]] = {}

    def ignored(self, directory: str, name: str) -> bool:
        """Whether git ignores what lies in a directory of the tree: the nearest file that says anything decides.

        Args:
            directory: relative to the root, ``""`` for the root.
            name: what lies in it; a directory with a ``/`` at its end.
        """
        for patterns, prefix, _path in self._at(directory):
            include = decide(patterns, prefix + name).include
            if include is not None:
                return include
        return False

    def reason(self, directory: str, name: str) -> Reason | None:
        """Why git ignores what :meth:`ignored` asks about; None if it does not."""
        for patterns, prefix, path in self._at(directory):
            include, position = decide(patterns, prefix + name)
            if include is not None and position is not None:
                return Reason(path, patterns[position]) if include else None
        return None

    def _at(self, directory: str) -> tuple[Layer, ...]:
        """What speaks of the entries of a directory, nearest first."""
        known = self._layers.get(directory)
        if known is None:
            path = f"{self._root}/{directory}/{NAME}" if directory else f"{self._root}/{NAME}"
            own = read(path)
            if directory:
                parent, _, last = directory.rpartition("/")
                above = tuple(layer._replace(prefix=f"{layer.prefix}{last}/") for layer in self._at(parent))
            else:
                above = _outer(Path(self._root))
            known = self._layers[directory] = (Layer(own, "", path), *above) if own else above
        return known


def read(path: str) -> tuple[str, ...]:
    """The patterns in the file at ``path``; none if it cannot be read."""
    try:
        text = Path(path).read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ()
    return tuple(line.rstrip("\r") for line in text.split("\n") if line.strip())


def _outer(root: Path) -> tuple[Layer, ...]:
    """What speaks of the root's entries from above it, nearest first."""
    layers: list[Layer] = []
    prefix = ""
    directory = root
    while not os.path.lexists(directory / ".git"):
        if directory == directory.parent:
            return ()  # no repository: what lies above the root is not part of one
        prefix = f"{directory.name}/{prefix}"
        directory = directory.parent
        layers.append(_layer(directory / NAME, prefix))
    layers.append(_layer(_exclude(directory / ".git"), prefix))
    if prefix and any(decide(layer.patterns, layer.prefix).include for layer in layers):
        # The root lies in an ignored directory of somebody else's repository, which has no opinion on its parts.
        return ()
    return tuple(layer for layer in layers if layer.patterns)


def _layer(path: Path, prefix: str) -> Layer:
    return Layer(read(str(path)), prefix, str(path))


def _exclude(git: Path) -> Path:
    """Where ``info/exclude`` lies; ``.git`` is a file in a worktree and in a submodule (gitrepository-layout(5))."""
    if git.is_file():
        named = read(str(git))
        git = git.parent / named[0].partition("gitdir:")[2].strip() if named else git
        common = read(str(git / "commondir"))
        git = git / common[0] if common else git
    return git / "info" / "exclude"

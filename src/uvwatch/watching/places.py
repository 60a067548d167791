"""From the paths that events named to the directories of a tree that have to be scanned again.

It knows a tree and absolute paths. It must not know watchers, and decides nothing about contents: an event says where
to look, never what happened.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

from uvwatch.core.watchplan import is_below
from uvwatch.watching.tree import Tree


class Places(NamedTuple):
    """Directories relative to a root, as ``scan`` takes them: to be listed again, and to be walked again."""

    only: frozenset[str]
    whole: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.only or self.whole)


EVERYWHERE = Places(only=frozenset(), whole=frozenset({""}))
"""All of a tree."""


def places(root: str, tree: Tree, paths: Iterable[str]) -> Places:
    """Where the tree at ``root`` has to be scanned again, after events on the absolute ``paths``.

    The directory that a path lies in is listed. A directory of the tree that is named itself was made, removed or
    moved: what was done in it before it was watched was not told, so all of it is walked. Paths that do not concern the
    tree give nothing; a path that leads to a known place by way of a symbolic link gives that place too.
    """
    return _Asked(root, tree).about(paths)


def concerning(root: str, tree: Tree, paths: Iterable[str]) -> frozenset[str]:
    """Those of the paths that :func:`places` makes anything of."""
    asked = _Asked(root, tree)
    return frozenset(path for path in paths if asked.about((path,)))


class _Asked:
    """Asked about many paths: what follows from the directory alone is worked out once for each directory."""

    def __init__(self, root: str, tree: Tree) -> None:
        self._root = root
        self._tree = tree
        self._elsewhere = tree.elsewhere()
        self._listed: dict[str, frozenset[str]] = {}
        self._real: dict[str, str] = {}

    def about(self, paths: Iterable[str]) -> Places:
        only: set[str] = set()
        whole: set[str] = set()
        for path in paths:
            directory, _, name = path.rpartition("/")
            only |= self._to_list(directory or "/")
            whole |= self._to_walk(path)
            if self._elsewhere:
                real = self._really(directory or "/")
                only |= self._to_list(real)
                whole |= self._to_walk(f"{real.rstrip('/')}/{name}")
        return Places(frozenset(only), frozenset(whole))

    def _to_list(self, directory: str) -> frozenset[str]:
        """What is to be listed again after an event on anything in this directory."""
        if directory not in self._listed:
            found = set(self._elsewhere.get(directory, ()))
            if is_below(directory, self._root):
                relative = directory[len(self._root) :].strip("/")
                if _looked_at(self._tree, relative):
                    found.add(relative)
            self._listed[directory] = frozenset(found)
        return self._listed[directory]

    def _to_walk(self, path: str) -> frozenset[str]:
        """What is to be walked again after an event on this path itself."""
        if is_below(self._root, path):
            return frozenset({""})
        found = self._elsewhere.get(path, frozenset()) & self._tree.directories.keys()
        relative = path[len(self._root) :].strip("/")
        if is_below(path, self._root) and relative in self._tree.directories:
            found |= {relative}
        return found

    def _really(self, directory: str) -> str:
        if directory not in self._real:
            self._real[directory] = os.path.realpath(directory)
        return self._real[directory]


def _looked_at(tree: Tree, path: str) -> bool:
    """Whether the directory is known, or may be a new one: an excluded one, and all below it, is not."""
    name = ""
    while path not in tree.directories:
        if not path:
            return True  # nothing is known: the root is new
        path, _, name = path.rpartition("/")
    return name not in tree.directories[path].excluded

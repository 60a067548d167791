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


def places(root: str, tree: Tree, paths: Iterable[str]) -> Places:
    """Where the tree at ``root`` has to be scanned again, after events on the absolute ``paths``.

    The directory that a path lies in is listed. A directory of the tree that is named itself was made, removed or
    moved: what was done in it before it was watched was not told, so all of it is walked. Paths that do not concern the
    tree give nothing; a path that leads to a known place by way of a symbolic link gives that place too.
    """
    elsewhere = tree.elsewhere()
    only: set[str] = set()
    whole: set[str] = set()
    for path in paths:
        spellings = {path}
        if elsewhere:
            spellings.add(os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)))  # noqa: PTH118, PTH119, PTH120
        for spelling in spellings:
            directory = spelling.rpartition("/")[0] or "/"
            only |= elsewhere.get(directory, frozenset())
            whole |= elsewhere.get(spelling, frozenset()) & tree.directories.keys()
            if is_below(root, spelling):
                whole.add("")
            elif is_below(spelling, root):
                relative = spelling[len(root) :].strip("/")
                if relative in tree.directories:
                    whole.add(relative)
                if _looked_at(tree, parent := relative.rpartition("/")[0]):
                    only.add(parent)
    return Places(frozenset(only), frozenset(whole))


def _looked_at(tree: Tree, path: str) -> bool:
    """Whether the directory is known, or may be a new one: an excluded one, and all below it, is not."""
    name = ""
    while path not in tree.directories:
        if not path:
            return True  # nothing is known: the root is new
        path, _, name = path.rpartition("/")
    return name not in tree.directories[path].excluded

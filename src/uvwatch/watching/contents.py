"""Reads what the files of a scanned tree hold, each no oftener than its signature asks for.

It knows trees and ``project.files``. It must not know rules, events or wheels.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from uvwatch.core.model import Known
from uvwatch.project.files import read
from uvwatch.watching.tree import Directory, Problem, Tree, join

_NOTHING = Directory()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What the files hold, by path, and those that could not be read, sorted."""

    known: Mapping[str, Known]
    problems: tuple[Problem, ...] = ()


def contents(
    root: str,
    tree: Tree,
    known: Mapping[str, Known],
    *,
    before: Tree | None = None,
    listed: Collection[str] = (),
) -> Contents:
    """What the tree's files hold, reading those whose signature is not that of ``known``.

    A file that vanished since the scan is left out: the next scan says so. A signature that was too young when its
    file was read (``project.files``) never compares equal, so that such a file is read once more.

    Args:
        root: the tree's absolute directory.
        tree: a scan of it.
        known: what was read before, as of ``before``.
        before: the scan that ``tree`` was made from: what it carried over is not considered again, but for
            ``listed``. None: everything is considered.
        listed: the directories that events named, relative to the root. Their files are considered even where no
            signature changed: a second write within one tick of the clock shows in none.
    """
    found: dict[str, Known] = {}
    places: Iterable[str] = tree.directories
    if before is not None:
        places = {*before.directories, *tree.directories}
        places = [p for p in places if p in listed or before.directories.get(p) is not tree.directories.get(p)]
        if not places:
            return Contents(known=known)  # the very same: a comparison sees it at once
        found.update(known)
    problems = []
    for directory in places:
        listing = tree.directories.get(directory, _NOTHING)
        if before is not None:
            for name in before.directories.get(directory, _NOTHING).files.keys() - listing.files.keys():
                found.pop(join(directory, name), None)
        for name, signature in listing.files.items():
            path = join(directory, name)
            old = known.get(path)
            if old is not None and old.signature == signature:
                found[path] = old
                continue
            found.pop(path, None)
            try:
                found[path] = read(f"{root}/{path}")
            except FileNotFoundError:
                continue
            except OSError as error:
                problems.append(Problem(path, f"it cannot be read: {error.strerror or error}"))
    return Contents(known=found, problems=tuple(sorted(problems)))

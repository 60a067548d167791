"""Reads a tree from the disk: all of it, or the directories that a hint named.

It knows ``scandir`` and ``stat``, and asks ``core.rules`` what to look at. It must not know events, contents or wheels.

Nothing is opened but directories, so that no FIFO is waited for. What vanishes during the scan was not there.
"""

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from uvwatch.core.model import Signature
from uvwatch.core.rules import GIT_IGNORED, Place, Rules, directory, file_in, never_by_name, place
from uvwatch.core.watchplan import is_below
from uvwatch.project.files import DIRECTORY, signature
from uvwatch.watching.ignores import NAME as GITIGNORE
from uvwatch.watching.ignores import GitIgnores
from uvwatch.watching.tree import Directory, Problem, Tree, join

_NOTHING = Directory()

ENVIRONMENT = "it is an environment (it holds pyvenv.cfg)"

KINDS = {
    stat.S_IFIFO: "a FIFO: whoever opens it waits",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}
"""What an entry is that is neither a file, a directory nor a link, in words."""


def scan(
    root: str,
    rules: Rules,
    *,
    before: Tree | None = None,
    only: Collection[str] | None = None,
    whole: Collection[str] = (),
) -> Tree:
    """The tree at the absolute directory ``root``; empty if there is no such directory.

    Args:
        root: the distribution's directory.
        rules: what to look at; with others than those of ``before`` nothing of it may be taken over.
        before: the scan before, from which a partial scan takes what it does not look at.
        only: directories, relative to the root, to be listed again without those below them; None: all. New
            directories in them are walked, vanished ones dropped with all that was below. A directory that ``before``
            does not know stands for its nearest ancestor that it does.
        whole: directories to be walked again with everything below; what the events of a directory itself ask for,
            for what was done in it before it was watched was not told.
    """
    walk = _Walk(root, rules, before if before is not None else Tree())
    if before is None or only is None or "" not in before.directories or "" in whole:
        walk.start_anew()
    else:
        walk.start_from(before, only, whole)
    return walk.finish()


@dataclass(slots=True)
class _Draft:
    """A directory while it is put together; its children may still turn out not to be looked at."""

    files: dict[str, Signature] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    excluded: dict[str, str] = field(default_factory=dict)
    problems: set[Problem] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)
    inode: int = 0


class _Walk:
    def __init__(self, root: str, rules: Rules, before: Tree) -> None:
        self._root = root
        self._rules = rules
        self._git = GitIgnores(root)
        self._before = before
        self._kept: dict[str, Directory] = {}
        self._drafts: dict[str, _Draft] = {}
        self._pending: list[tuple[str, int]] = []

    def start_anew(self) -> None:
        self._pending.append(("", 0))
        self._walk()

    def start_from(self, before: Tree, only: Collection[str], whole: Collection[str]) -> None:
        self._kept = dict(before.directories)
        for path in sorted(_nearest(before, whole)):
            self._renew(path)
        for path in sorted(_nearest(before, only), key=lambda each: each.split("/")):
            # An ancestor that was listed just before may have dropped it, or a walk may have listed it.
            if path in self._kept:
                self._list(path, self._kept[path].inode)
        self._walk()

    def finish(self) -> Tree:
        for path, draft in self._drafts.items():
            made = Directory(
                files=draft.files,
                directories=tuple(sorted(draft.directories)),
                excluded=draft.excluded,
                problems=tuple(sorted(draft.problems)),
                links=draft.links,
                inode=draft.inode,
            )
            old = self._before.directories.get(path)
            # The same object tells a comparison at once that nothing changed.
            self._kept[path] = old if old == made and old is not None else made
        return Tree(directories=self._kept)

    def _renew(self, path: str) -> None:
        """Forget a known directory with all below it, and walk it."""
        inode = self._kept[path].inode if path in self._kept else 0
        self._drop(path)
        self._pending.append((path, inode))

    def _drop(self, path: str) -> None:
        gone = [path]
        while gone:
            each = gone.pop()
            kept, draft = self._kept.pop(each, None), self._drafts.pop(each, None)
            names = draft.directories if draft is not None else kept.directories if kept is not None else ()
            gone.extend(join(each, name) for name in names)

    def _walk(self) -> None:
        while self._pending:
            self._list(*self._pending.pop())

    def _list(self, path: str, inode: int) -> None:
        """List one directory; one that cannot be looked at after all is taken out of its parent."""
        try:
            with _opened(join(self._root, path) if path else self._root) as top, os.scandir(top) as found:
                self._take_all(path, inode, found)
        except (FileNotFoundError, NotADirectoryError):
            self._take_out(path, None)
        except OSError as error:
            self._take_out(path, f"it cannot be read: {error.strerror}")

    def _take_all(self, path: str, inode: int, found: Iterable[os.DirEntry[str]]) -> None:
        """Take in what a directory holds."""
        there = place(self._rules, path)
        plain = there.certain is not None and there.certain.look and not self._rules.ignore
        before = self._before.directories.get(path, _NOTHING)
        known = before.files if plain and not before.problems else _NOTHING.files
        draft = _Draft(inode=inode)
        entries = _take_known(draft, found, known)
        if path and any(entry.name == "pyvenv.cfg" for entry in entries):
            self._take_out(path, ENVIRONMENT)
            return
        self._drafts[path] = draft
        kept = self._kept.pop(path, None)
        for entry in entries:
            name = entry.name
            # Most files of most trees lie in a package, where their name alone decides: no further question for them.
            if plain and name.isascii() and entry.is_file(follow_symlinks=False) and not _breaks(name):
                if not never_by_name(name):
                    self._stat(draft, path, entry)
            else:
                self._entry(draft, path, entry, there)
        if kept is not None:
            self._compare_children(path, draft, kept)

    def _compare_children(self, path: str, draft: _Draft, kept: Directory) -> None:
        """Of a directory listed again: drop what is gone. Children that stayed, by inode, are as they were."""
        for name in kept.directories:
            if name not in draft.directories:
                self._drop(join(path, name))
        if draft.files.get(GITIGNORE) != kept.files.get(GITIGNORE):
            for name in draft.directories:
                self._drop(join(path, name))
                self._pending.append((join(path, name), 0))

    def _take_out(self, path: str, rule: str | None) -> None:
        """``path`` is not looked at after all: it is gone (``rule`` is None), or cannot be."""
        self._drop(path)
        if not path:
            if rule is not None:
                self._drafts[""] = _Draft(problems={Problem("", rule)})
            return
        parent, _, name = path.rpartition("/")
        draft = self._drafts.get(parent)
        if draft is None:
            old = self._kept.pop(parent, None)
            if old is None:
                return
            draft = _Draft(
                dict(old.files), set(old.directories), dict(old.excluded), set(old.problems), dict(old.links), old.inode
            )
            self._drafts[parent] = draft
        draft.directories.discard(name)
        draft.links.pop(name, None)
        if rule is not None:
            draft.excluded[name] = rule
            if rule is not ENVIRONMENT:
                draft.problems.add(Problem(path, rule))

    def _stat(self, draft: _Draft, path: str, entry: os.DirEntry[str]) -> None:
        try:
            draft.files[entry.name] = signature(entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            return
        except OSError as error:
            draft.problems.add(Problem(join(path, entry.name), f"it cannot be read: {error.strerror}"))

    def _entry(self, draft: _Draft, path: str, entry: os.DirEntry[str], there: Place) -> None:
        try:
            self._take(draft, path, entry, there)
        except FileNotFoundError:
            return
        except OSError as error:
            draft.problems.add(Problem(join(path, entry.name), f"it cannot be read: {error.strerror}"))

    def _take(self, draft: _Draft, path: str, entry: os.DirEntry[str], there: Place) -> None:
        name = entry.name
        if entry.is_file(follow_symlinks=False):
            if self._wants(path, name, there):
                self._stat(draft, path, entry)
                _check_name(draft, path, name)
        elif entry.is_dir(follow_symlinks=False):
            self._child(draft, path, name, entry.inode())
        elif entry.is_symlink():
            self._link(draft, path, entry, there)
        elif self._wants(path, name, there):
            draft.problems.add(Problem(join(path, name), _kind(entry.stat(follow_symlinks=False).st_mode), blocks=True))

    def _link(self, draft: _Draft, path: str, entry: os.DirEntry[str], there: Place) -> None:
        name = entry.name
        child = join(path, name)
        try:
            target = entry.stat()
        except OSError as error:  # nothing there, or links that lead to each other
            if self._wants(path, name, there):
                draft.files[name] = signature(entry.stat(follow_symlinks=False))
                draft.problems.add(Problem(child, f"a symbolic link to nothing: {error.strerror}"))
            return
        here = join(self._root, path)
        real = os.path.realpath(join(here, name))
        if stat.S_ISDIR(target.st_mode):
            if is_below(os.path.realpath(here), real):
                # It would be descended for ever, and a recursive watch would: so it is not looked at, and said to be.
                draft.excluded[name] = "it is a link that leads back to where it lies"
                return
            self._child(draft, path, name, target.st_ino)
            if name in draft.directories:
                draft.links[name] = real
        elif self._wants(path, name, there):
            if stat.S_ISREG(target.st_mode):
                draft.files[name] = signature(target)
                draft.links[name] = real
                _check_name(draft, path, name)
            else:
                draft.problems.add(Problem(child, _kind(target.st_mode), blocks=True))

    def _child(self, draft: _Draft, path: str, name: str, inode: int) -> None:
        child = join(path, name)
        verdict = directory(self._rules, child, git_ignored=True)
        if verdict is GIT_IGNORED and not self._git.ignored(path, name + "/"):
            verdict = directory(self._rules, child, git_ignored=False)
        if not verdict.look:
            draft.excluded[name] = verdict.rule
            return
        _check_name(draft, path, name)
        if not _is_utf8(name):
            draft.excluded[name] = "its name is not UTF-8"  # nor can it be watched
            return
        draft.directories.add(name)
        known = self._drafts.get(child) or self._kept.get(child)
        if known is None or known.inode != inode:
            self._drop(child)
            self._pending.append((child, inode))

    def _wants(self, path: str, name: str, there: Place) -> bool:
        """Whether a file is looked at; git is asked only where its opinion decides."""
        if never_by_name(name):
            return False
        verdict = file_in(self._rules, there, join(path, name))
        if verdict is not None:
            return verdict.look
        return there.otherwise.look and not self._git.ignored(path, name)


def _take_known(
    draft: _Draft, found: Iterable[os.DirEntry[str]], known: Mapping[str, Signature]
) -> list[os.DirEntry[str]]:
    """Take in the files that are as they were, without a question about their names; gives the other entries.

    In a large tree nearly every entry is one, and each look goes over all of them.
    """
    files = draft.files
    others = []
    for entry in found:
        name = entry.name
        old = known.get(name)
        if old is not None:
            try:
                st = entry.stat(follow_symlinks=False)
            except OSError:
                others.append(entry)
                continue
            # A plain tuple equals a Signature of the same fields and is made in half the time.
            if old == (st.st_size, st.st_mtime_ns, st.st_ctime_ns, st.st_ino, st.st_mode):
                files[name] = old
                continue
        others.append(entry)
    return others


@contextmanager
def _opened(path: str) -> Iterator[int | str]:
    """Have a directory open, by which its entries are looked at in half the time that their whole paths take.

    Raises:
        OSError: it cannot be opened.
    """
    if os.scandir not in os.supports_fd:
        yield path
        return
    descriptor = os.open(path, DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _nearest(before: Tree, paths: Collection[str]) -> set[str]:
    """Each path, or its nearest ancestor that ``before`` knows; none for one that lies in an excluded directory."""
    found = set()
    for path in paths:
        name = ""
        while path not in before.directories:
            path, _, name = path.rpartition("/")  # noqa: PLW2901 - a walk up
        if name not in before.directories[path].excluded:
            found.add(path)
    return found


def _check_name(draft: _Draft, path: str, name: str) -> None:
    if _breaks(name):
        draft.problems.add(Problem(join(path, name), "its name holds a line break, which no wheel may", blocks=True))
    if not _is_utf8(name):
        draft.problems.add(Problem(join(path, name), "its name is not UTF-8, which no wheel may hold", blocks=True))


def _is_utf8(name: str) -> bool:
    """Whether ``name``, as the system gave it, is UTF-8: other bytes stand in it as lone surrogates (PEP 383)."""
    return name.isascii() or not any("\udc80" <= character <= "\udcff" for character in name)


def _breaks(name: str) -> bool:
    return "\n" in name or "\r" in name


def _kind(mode: int) -> str:
    return KINDS.get(stat.S_IFMT(mode), "neither a file nor a directory")

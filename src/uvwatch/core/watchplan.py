"""Which directories to arm a watcher on, recursively or one by one, and what to change of what is armed.

It knows which directories are looked at and which are not. It must not know what a watcher is: paths are strings, with
``/`` between the parts.

A subtree that is looked at in full is one recursive watch at its top: a quarter of the cost of one watch a directory.
Where something in it is not looked at, its top and the way to it are armed one by one, so that what cannot matter (a
``node_modules``) costs no watch.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Listing(Protocol):
    """What a scan says of one directory: the directories in it that are looked at, and those that are not."""

    @property
    def directories(self) -> Sequence[str]:
        """Names of the child directories that are looked at."""

    @property
    def excluded(self) -> Collection[str]:
        """Names of the child directories that exist and are not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPlan:
    """Directories to watch with all that is below them, and directories to watch by themselves; sorted."""

    recursive: tuple[str, ...] = ()
    single: tuple[str, ...] = ()

    def under(self, root: str) -> "WatchPlan":
        """The same plan, its relative paths made absolute below ``root``; ``""`` is the root itself."""
        return WatchPlan(
            recursive=tuple(_join(root, path) for path in self.recursive),
            single=tuple(_join(root, path) for path in self.single),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """How to come from what is armed to what is wanted; arm ``add`` before ``drop`` is given up."""

    keep: WatchPlan
    add: WatchPlan
    drop: WatchPlan


def plan(listings: Mapping[str, Listing]) -> WatchPlan:
    """The plan for a tree: its directories by their path relative to the root, which is ``""``.

    A child that is listed and has no entry of its own (it vanished) is not armed.
    """
    # Parents come before their children in this order: a parent's path is a proper prefix, by parts.
    downward = sorted(listings, key=_parts)
    partly = set()
    for path in reversed(downward):
        listing = listings[path]
        if listing.excluded or any(_join(path, name) in partly for name in listing.directories):
            partly.add(path)
    recursive: list[str] = []
    single: list[str] = []
    covered: set[str] = set()
    for path in downward:
        if path in partly:
            single.append(path)
            continue
        if path not in covered:
            recursive.append(path)
        covered.update(_join(path, name) for name in listings[path].directories)
    return WatchPlan(recursive=tuple(recursive), single=tuple(single))


def combined(plans: Iterable[WatchPlan]) -> WatchPlan:
    """One plan for several trees and their extra directories: nothing is named twice or below a recursive one."""
    plans = tuple(plans)
    tops = _Tops({path for each in plans for path in each.recursive})
    return WatchPlan(
        recursive=tuple(sorted(path for path in tops.paths if not tops.hold_above(path))),
        single=tuple(sorted({path for each in plans for path in each.single if not tops.hold(path)})),
    )


def renew(armed: WatchPlan, wanted: WatchPlan) -> Renewal:
    """What to arm and what to give up. What is armed as wanted, or covered by what stays, is not armed again."""
    keep = WatchPlan(
        recursive=tuple(sorted({*armed.recursive} & {*wanted.recursive})),
        single=tuple(sorted({*armed.single} & {*wanted.single})),
    )
    tops = _Tops(keep.recursive)
    singles = {*keep.single}
    return Renewal(
        keep=keep,
        add=WatchPlan(
            recursive=tuple(sorted(path for path in {*wanted.recursive} if not tops.hold(path))),
            single=tuple(sorted(path for path in {*wanted.single} - singles if not tops.hold(path))),
        ),
        drop=WatchPlan(
            recursive=tuple(sorted({*armed.recursive} - {*keep.recursive})),
            single=tuple(sorted({*armed.single} - singles)),
        ),
    )


def is_below(path: str, top: str) -> bool:
    """Whether ``path`` is ``top`` or lies below it, by parts; both absolute, or both relative to the same root."""
    if not top or path == top:
        return True
    return path.startswith(top if top.endswith("/") else top + "/")


class _Tops:
    """A set of directories that is asked for ancestors: a walk up the path, whatever the size of the set."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = frozenset(paths)

    def hold(self, path: str) -> bool:
        return path in self.paths or self.hold_above(path)

    def hold_above(self, path: str) -> bool:
        return any(ancestor in self.paths for ancestor in _ancestors(path))


def _ancestors(path: str) -> Iterable[str]:
    """Those above ``path``, nearest first: to ``/`` for an absolute one, to ``""`` for a relative one."""
    while path and path != "/":
        parent, slash, _ = path.rpartition("/")
        path = parent or slash
        yield path


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")) if path else ()


def _join(parent: str, name: str) -> str:
    if not name:
        return parent
    return f"{parent.rstrip('/')}/{name}" if parent else name

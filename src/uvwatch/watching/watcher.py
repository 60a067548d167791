"""A group of ``RustNotify`` instances that together watch what is wanted, and one mailbox for what they tell.

It knows which paths are armed in which instance. It must not know trees, rules, or what a hint leads to: it passes
hints on at once, and says when it cannot vouch for them.

An instance's list of paths is fixed. So what is new goes to a small further instance, and small ones are merged; what
takes over is armed before what it replaces is given up, and nothing that stays is armed again but by a merge.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Protocol

import anyio
import anyio.abc
import anyio.to_thread

from uvwatch.core.watchplan import WatchPlan, combined, is_below, renew
from uvwatch.watching.instance import Instance, WatchLimit
from uvwatch.watching.mailbox import Mailbox

_ADDED, _DELETED = 1, 3
_NOTHING = WatchPlan()

_MANY = 2_000
"""Paths in one delivery from which on its instance's word is not taken: some are likely to have been lost."""

_ATTEMPTS = 10
_LATELY = 1.0
_SMALL = 1_000


class Opener(Protocol):
    """What arms an instance; a test may put another in its place."""

    def __call__(self, paths: Sequence[str], *, recursive: bool, polling: bool) -> Instance:
        """As :class:`uvwatch.watching.instance.Instance`."""


class Watcher:
    """Watches directories, as an asynchronous context; ``hints`` is what it has to say.

    Attributes:
        hints: an async iterator of ``Hint`` and ``Doubt``, for one reader.
        fallen_back: why some directories are polled though events were asked for, ``""`` if none are.
    """

    def __init__(self, *, limit: int = 8, polling: bool = False, opener: Opener = Instance) -> None:
        """Prepare.

        Args:
            limit: how many instances may be alive when nothing is being replaced, four at least.
            polling: look every 300 ms instead of waiting for events.
            opener: what arms an instance.
        """
        self.hints = Mailbox()
        self.fallen_back = ""
        self._limit = limit
        self._polling = polling
        self._opener = opener
        self._instances: list[Instance] = []
        self._listening: set[Instance] = set()
        self._changing = anyio.Lock()
        # Threads of its own: those that wait for events must not take the places of those that read files.
        self._threads = anyio.CapacityLimiter(4 * limit)
        self._contexts = AsyncExitStack()
        self._tasks: anyio.abc.TaskGroup

    async def __aenter__(self) -> "Watcher":  # noqa: PYI034 - typing.Self is younger than Python 3.10
        self._tasks = await self._contexts.enter_async_context(anyio.create_task_group())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self._tasks.cancel_scope.cancel()
        # Their threads have to be waited for: one that is in watchfiles when the interpreter ends aborts the process.
        for instance in self._listening:
            instance.pulse.stop()
        return await self._contexts.__aexit__(kind, error, traceback)

    @property
    def armed(self) -> WatchPlan:
        """What is watched now, absolute and sorted. What was removed or moved, or is new under its name, is not."""
        return WatchPlan(
            recursive=tuple(sorted({path for each in self._instances if each.recursive for path in each.paths})),
            single=tuple(sorted({path for each in self._instances if not each.recursive for path in each.paths})),
        )

    @property
    def instances(self) -> int:
        """How many instances are alive, but for those that only tell what they still have."""
        return len(self._instances)

    async def follow(self, wanted: WatchPlan, *, polled: WatchPlan = _NOTHING) -> None:
        """Watch what is wanted, absolute paths, and no more: arm what is not armed, then forget the rest.

        Args:
            wanted: what to watch; what is polled already for want of watches stays so.
            polled: what to watch by polling, because its file system sends no events.

        Raises:
            WatchLimit: what was armed before still is, and perhaps a part of what is wanted.
        """
        armed = self.armed
        slow = renew(armed, polled).add
        await self.arm(slow.recursive, slow.single, polling=True)
        fast = renew(armed, wanted).add
        await self.arm(fast.recursive, fast.single)
        self.release(renew(armed, combined([wanted, polled])).drop)

    async def arm(self, recursive: Sequence[str], single: Sequence[str], *, polling: bool = False) -> None:
        """Watch these directories too; returns once they are armed: what happens from now on is told.

        What is not there is told as a hint. What happened before, and in new directories before they were armed, only
        a scan can tell.

        Args:
            recursive: absolute directories, with everything below them.
            single: absolute directories by themselves.
            polling: these by polling, whatever the rest does.

        Raises:
            WatchLimit: the system allows no more.
        """
        async with self._changing:
            if len(self._instances) + bool(recursive) + bool(single) > self._limit:
                await self._merge(all_of_them=False)
            for paths, deep in ((recursive, True), (single, False)):
                if not paths:
                    continue
                await self._start(paths, recursive=deep, polling=polling or self._polling)

    def release(self, paths: WatchPlan) -> None:
        """These need not be watched any more: they may still be told, until a merge."""
        for instance in self._instances:
            gone = instance.paths.intersection(paths.recursive if instance.recursive else paths.single)
            instance.paths -= gone
            instance.forgotten += len(gone)
        self._close_empty()

    async def merge(self) -> None:
        """Join small instances, and give up watches that are not wanted any more: for when there is nothing to do."""
        async with self._changing:
            await self._merge(all_of_them=True)

    async def _start(self, paths: Collection[str], *, recursive: bool, polling: bool) -> Instance | None:
        """Open an instance and listen to it; None if none of the paths is there."""
        if unfit := [path for path in paths if not _is_utf8(path)]:
            self.fallen_back = f"names that are not UTF-8 cannot be watched ({len(unfit)} directories)"
            self.hints.doubt(self.fallen_back)
            paths = set(paths).difference(unfit)
        for _ in range(_ATTEMPTS):
            opening = partial(_open, self._opener, paths, recursive=recursive, polling=polling)
            instance, missing = await anyio.to_thread.run_sync(opening, limiter=self._threads)
            self.hints.hint(missing)
            if instance is not None:
                self._instances.append(instance)
                for each in self._instances:
                    each.pulse.excuse()
                self._listening.add(instance)
                self._tasks.start_soon(self._listen, instance)
            if instance is not None or len(missing) == len(paths):
                return instance
        self.hints.doubt("directories vanished, or cannot be read, where they were to be watched")
        return None

    async def _merge(self, *, all_of_them: bool) -> None:
        """Of each kind, one instance for all paths, or one for all but the largest where that one costs too much."""
        kinds: dict[tuple[bool, bool], list[Instance]] = {}
        for instance in self._instances:
            kinds.setdefault((instance.recursive, instance.polling), []).append(instance)
        for (recursive, polling), instances in kinds.items():
            *rest, largest = sorted(instances, key=lambda each: len(each.paths))
            moved = sum(len(each.paths) for each in rest)
            idle = largest.forgotten + sum(each.forgotten for each in rest)
            whole = (
                all_of_them
                and (moved or idle)
                and (len(largest.paths) < _SMALL or moved + idle > len(largest.paths) / 4)
            )
            joined = instances if whole else rest
            if whole or len(rest) > 1:
                try:
                    await self._take_over(joined, recursive=recursive, polling=polling)
                except WatchLimit:
                    continue  # for a moment both would be needed: it stays as it is

    async def _take_over(self, old: Sequence[Instance], *, recursive: bool, polling: bool) -> None:
        """Arm in one new instance what the old ones watch, then let them tell what they still have, and end."""
        paths = _all_paths(old)
        new = await self._start(paths, recursive=recursive, polling=polling)
        if new is not None:
            # What was lost while the new instance was armed may be lost in it too: it is armed again when asked for.
            lost = new.paths & (paths - _all_paths(old))
            new.paths -= lost
            new.forgotten += len(lost)
        for each in old:
            if each in self._instances:
                self._instances.remove(each)
            each.pulse.retire()
        self._close_empty()

    async def _listen(self, instance: Instance) -> None:
        """Pass on what an instance tells, until it is stopped or breaks."""
        try:
            while True:
                told = await anyio.to_thread.run_sync(instance.wait, limiter=self._threads)
                if told is None:
                    self._tell(instance, ())
                    return
                self._tell(instance, told)
        except RuntimeError as error:
            self._tasks.start_soon(self._replace, instance, str(error))
        finally:
            self._listening.discard(instance)
            instance.close()

    def _tell(self, instance: Instance, told: Iterable[tuple[int, str]]) -> None:
        paths = {path for _, path in told}
        for kind, path in told:
            if kind in (_ADDED, _DELETED):
                self._lost(path)
        if len(paths) > _MANY:
            self.hints.doubt(f"{len(paths)} paths changed at once")
        if reason := instance.pulse.doubt():
            self.hints.doubt(reason)
        self.hints.hint(paths)

    def _lost(self, path: str) -> None:
        """A directory was made, removed or moved: a watch under its name, or below it, is one of another directory."""
        if not any(path in instance.paths for instance in self._instances):
            return
        for instance in self._instances:
            gone = {each for each in instance.paths if is_below(each, path)}
            instance.paths -= gone
            instance.forgotten += len(gone)
        self._close_empty()
        if not self._told_of(path):
            self.hints.doubt(f"{path} was removed, moved or made anew")

    def _told_of(self, path: str) -> bool:
        """Whether the directory that ``path`` lies in is watched, so that its return will be told."""
        parent = os.path.dirname(path)  # noqa: PTH120
        return any(
            parent in each.paths or (each.recursive and any(is_below(parent, top) for top in each.paths))
            for each in self._instances
        )

    def _close_empty(self) -> None:
        for instance in [each for each in self._instances if not each.paths]:
            self._instances.remove(instance)
            instance.pulse.retire()

    async def _replace(self, broken: Instance, reason: str) -> None:
        """Arm anew what a broken instance watched, at most once a second."""
        if anyio.current_time() - broken.born < _LATELY:
            await anyio.sleep(_LATELY)
        async with self._changing:
            if broken not in self._instances:
                return
            try:
                await self._take_over([broken], recursive=broken.recursive, polling=broken.polling)
            except (WatchLimit, OSError, RuntimeError) as error:
                self.fallen_back = str(error)
                await self._take_over([broken], recursive=broken.recursive, polling=True)
        self.hints.doubt(reason)


def can_be_watched(path: str) -> bool:
    """Whether it is a directory that can be armed: one that is there, can be read, and whose whole name is UTF-8."""
    return _is_utf8(path) and os.path.isdir(path) and os.access(path, os.R_OK)  # noqa: PTH112 - as below


def _open(
    opener: Opener, paths: Collection[str], *, recursive: bool, polling: bool
) -> tuple[Instance | None, set[str]]:
    """An instance for the directories that can be read, and the other paths; None if one more ceased to be one."""
    there = [path for path in paths if os.path.isdir(path) and os.access(path, os.R_OK)]  # noqa: PTH112 - thousands
    missing = set(paths).difference(there)
    if not there:
        return None, missing
    try:
        return opener(there, recursive=recursive, polling=polling), missing
    except (FileNotFoundError, PermissionError):
        return None, missing


def _all_paths(instances: Iterable[Instance]) -> set[str]:
    return {path for each in instances for path in each.paths}


def _is_utf8(path: str) -> bool:
    return path.isascii() or not any("\ud800" <= character <= "\udfff" for character in path)

"""Where the watchers stand: trees, settings and the environment, and which of their hints are worth waking for.

It arms what the keepers' trees ask for, and sorts hints into the inbox. What a hint means only a look can tell.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

import anyio
import structlog
from anyio import to_thread
from anyio.abc import TaskGroup

from uvwatch.core.config import Polling
from uvwatch.core.model import Warned, WarningCode
from uvwatch.core.rules import never_by_name
from uvwatch.core.watchplan import WatchPlan, combined, is_below, plan
from uvwatch.inbox import Hints, Inbox
from uvwatch.pipeline import Pipeline
from uvwatch.project.installed import site_of
from uvwatch.tasks import background
from uvwatch.watching.instance import STEP_MS, WatchLimit
from uvwatch.watching.mailbox import Doubt
from uvwatch.watching.mounts import eventless
from uvwatch.watching.resume import notice_sleep, notice_stop
from uvwatch.watching.watcher import Watcher, can_be_watched

IDLE = 2.0
"""Seconds after the last arming at which the watchers that it added are merged."""

AGAIN = 1.5
"""Seconds after which what polling told is looked at once more.

It compares whole seconds of a file's time: a second save within the same one is not told.
"""

log = structlog.get_logger()


def read_mountinfo() -> str:
    """What the system says of its file systems; empty where it is no Linux."""
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


class Sentry:
    """Watches for a pipeline, as an asynchronous context; hints that matter go to the inbox."""

    _tasks: TaskGroup

    def __init__(self, pipeline: Pipeline, inbox: Inbox, *, mountinfo: Callable[[], str] = read_mountinfo) -> None:
        """Prepare.

        Args:
            pipeline: whose trees and environment.
            inbox: where hints go.
            mountinfo: the text of ``/proc/self/mountinfo``, asked for whenever the watches are armed.
        """
        self._pipeline = pipeline
        self._inbox = inbox
        self._mountinfo = mountinfo
        self._polling = pipeline.site.config.polling is Polling.ALWAYS
        # Whether anything is polled, asked for or not.
        self._polls = self._polling
        self._watcher = Watcher(polling=self._polling)
        self._contexts = AsyncExitStack()
        self._armed: frozenset[str] | None = None
        # Whether installed copies are to be watched: not where watches are too few for the trees, nor by polling.
        self._guarding = not self._polling
        self._arming = anyio.Event()

    async def __aenter__(self) -> "Sentry":  # noqa: PYI034 - typing.Self is younger than Python 3.10
        await self._contexts.enter_async_context(self._watcher)
        self._tasks = await self._contexts.enter_async_context(background())
        self._tasks.start_soon(self._listen)
        self._tasks.start_soon(self._merge_when_idle)
        self._tasks.start_soon(notice_sleep, self._doubt)
        self._tasks.start_soon(notice_stop, self._doubt)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Without the body's error, which a task group would wrap; it goes on by itself.
        await self._contexts.__aexit__(None, None, None)

    @property
    def directories(self) -> int:
        """How many directories of the distributions' trees are looked at."""
        return sum(keeper.directories for keeper in self._pipeline.keepers.values())

    @property
    def backend(self) -> str:
        """How changes are noticed."""
        return "polling" if self._polling else "inotify"

    @property
    def lag(self) -> float:
        """Seconds that have passed at least since what an event tells of; 0 where anything is polled."""
        return 0.0 if self._polls else STEP_MS / 1000

    async def arm(self) -> None:
        """Watch what is to be watched now; what is armed already is not armed again."""
        self._arming.set()
        above = self._above()
        events, polled = self._wanted()
        guarded = await to_thread.run_sync(self._pipeline.guards.directories) if self._guarding else frozenset()
        armed = guarded.intersection(self._watcher.armed.single)
        try:
            await self._watcher.follow(combined([events, _singly(armed)]), polled=polled)
        except WatchLimit as limit:
            self._warn_limit(limit)
            self._leave_to_audit(limit)
            await self._poll(events)
        else:
            await self._guard(guarded - armed)
        if self._watcher.fallen_back:
            log.warning("watch.fallen_back", reason=self._watcher.fallen_back)
            self._watcher.fallen_back = ""
        self._polls = self._polls or polled != WatchPlan()
        directories = self._looked_at()
        if self._polls and directories != self._armed:
            self._tasks.start_soon(self._doubt_again)
        if self._armed is not None and (new := directories - self._armed):
            # A directory may have been filled while the watch on it was armed: what is new is looked at once more.
            self._inbox.put(new)
        self._armed = directories
        if above != self._above():
            # A root that is awaited has come nearer while its way was armed.
            self._inbox.doubt()

    async def _guard(self, directories: frozenset[str]) -> None:
        """Watch more directories of installed copies, last: the trees have a better claim to the system's watches."""
        directories -= {*self._watcher.armed.single}
        try:
            await self._watcher.arm((), sorted(directories))
        except WatchLimit as limit:
            self._leave_to_audit(limit)
        if self._armed is not None and directories:
            # As below: what was done there before the watch was armed was not told.
            self._inbox.put((), installed=directories)

    def _leave_to_audit(self, limit: WatchLimit) -> None:
        if self._guarding:
            log.warning("installed.not_watched", reason=str(limit), message="installed copies are left to the audit")
        self._guarding = False

    async def _merge_when_idle(self) -> None:
        """Once nothing was armed for a while, have few watchers again, and no watch on what is gone."""
        while True:
            await self._arming.wait()
            self._arming = anyio.Event()
            with anyio.move_on_after(IDLE) as idle:
                await self._arming.wait()
            if idle.cancelled_caught:
                await self._watcher.merge()

    def _above(self) -> frozenset[str]:
        """Where roots are, or are awaited."""
        return frozenset(_nearest(Path(keeper.distribution.root)) for keeper in self._pipeline.keepers.values())

    def _looked_at(self) -> frozenset[str]:
        return frozenset(
            f"{keeper.distribution.root}/{path}"
            for keeper in self._pipeline.keepers.values()
            for path in (keeper.tree.directories if keeper.tree is not None else ())
            if path
        )

    async def _poll(self, rest: WatchPlan) -> None:
        self._polls = True
        armed = self._watcher.armed
        singles = [path for path in rest.single if path not in armed.single]
        recursive = [path for path in rest.recursive if path not in armed.recursive]
        await self._watcher.arm(recursive, singles, polling=True)

    def _wanted(self) -> tuple[WatchPlan, WatchPlan]:
        """What to watch by events, and what lies where none are sent."""
        site = self._pipeline.site
        around = {str(site.workspace.root), str(site.workspace.project), str(site.prefix.parent), str(site.prefix)}
        plans = []
        polled = []
        for keeper in self._pipeline.keepers.values():
            root = keeper.distribution.root
            around |= {root, _nearest(Path(root).parent), *map(str, keeper.env.libraries), *keeper.beside}
            around.add(str(site_of(keeper.env, keeper.distribution) / keeper.distribution.dist_info))
            if keeper.tree is None:
                continue
            own = plan(keeper.tree.directories).under(root)
            around |= keeper.tree.elsewhere().keys()
            if site.config.polling is Polling.AUTO and (kind := eventless(self._mountinfo(), os.path.realpath(root))):
                self._warn_polling(root, kind)
                polled.append(own)
            else:
                plans.append(own)
        # What cannot be armed would be missed anew each time, and looked for: it is the audit's.
        single = _singly(filter(can_be_watched, around))
        return combined([*plans, single]), combined(polled)

    async def _listen(self) -> None:
        async for said in self._watcher.hints:
            if isinstance(said, Doubt):
                self._doubt(said.reason)
                continue
            hints = await to_thread.run_sync(self._sorted, said.paths)
            if hints.paths or hints.installed or hints.environment:
                log.debug(
                    "watch.hint",
                    paths=sorted(hints.paths)[:5],
                    count=len(hints.paths),
                    installed=sorted(hints.installed)[:5],
                    environment=hints.environment,
                )
                self._inbox.put(hints.paths, installed=hints.installed, environment=hints.environment)
                if self._polls and hints.paths:
                    self._tasks.start_soon(self._put_again, hints.paths)

    async def _put_again(self, paths: frozenset[str]) -> None:
        await anyio.sleep(AGAIN)
        self._inbox.put(paths)

    async def _doubt_again(self) -> None:
        await anyio.sleep(AGAIN)
        self._inbox.doubt()

    def _doubt(self, reason: str) -> None:
        log.info("watch.doubt", reason=reason)
        self._inbox.doubt()

    def _sorted(self, paths: Iterable[str]) -> Hints:
        """Keep those paths that a look is worth, each with its side."""
        site_files = set(self._pipeline.site.files())
        prefix = str(self._pipeline.site.prefix)
        known = list(self._pipeline.roster.known.values())
        # A project may lie in its environment (env/src/project), as tools before uv had it.
        inside = [root for keeper in known if prefix != (root := keeper.distribution.root) and is_below(root, prefix)]
        within = set()
        kept = set()
        of_trees = set()
        for path in paths:
            if is_below(path, prefix) and not any(is_below(path, root) for root in inside):
                within.add(path)
            elif path in site_files:
                kept.add(path)
            elif not never_by_name(path.rpartition("/")[2]):
                of_trees.add(path)
        # What is told of the tree of one that is just being reinstalled waits until it is there again.
        for keeper in known:
            kept |= keeper.concerning(of_trees)
        return Hints(
            paths=frozenset(kept),
            installed=self._pipeline.guards.concerning(within),
            environment=any(_installs(path, prefix) and not self._pipeline.guards.is_as_read(path) for path in within),
        )

    def _warn_limit(self, limit: WatchLimit) -> None:
        sizes: Counter[str] = Counter()
        for keeper in self._pipeline.keepers.values():
            tops = (path.partition("/")[0] for path in (keeper.tree.directories if keeper.tree else ()))
            sizes.update(f"{keeper.distribution.root}/{top}" for top in tops if top)
        largest = ", ".join(f"{path} ({count})" for path, count in sizes.most_common(3))
        self._pipeline.warn_once(
            Warned(
                code=WarningCode.WATCH_LIMIT,
                message=f"{limit}; the largest directories are {largest}; what cannot be watched is polled",
                remedy=f"sudo sysctl {limit.sysctl}={_enough(limit)}, or name what need not be watched in"
                " tool.uvwatch.ignore",
            )
        )

    def _warn_polling(self, root: str, kind: str) -> None:
        self._pipeline.warn_once(
            Warned(
                code=WarningCode.POLLING,
                message=f"{root} lies on a file system that sends no events ({kind}): it is polled",
                remedy='move the project to a local disk, or set polling = "never" to rely on the audit alone',
            )
        )


def _nearest(directory: Path) -> str:
    """A directory, or what is left above it: there its return is told, step by step."""
    return str(next((each for each in (directory, *directory.parents) if os.path.isdir(each)), directory))  # noqa: PTH112


def _singly(paths: Iterable[str]) -> WatchPlan:
    return WatchPlan(single=tuple(sorted(paths)))


def _installs(path: str, prefix: str) -> bool:
    """Whether something was installed: the environment itself, or a dist-info, came, went or changed."""
    parts = path[len(prefix) + 1 :].split("/")
    return path == prefix or parts == ["pyvenv.cfg"] or any(part.endswith(".dist-info") for part in parts)


def _enough(limit: WatchLimit) -> int:
    """A round number that would do."""
    return 1024 if limit.sysctl.endswith("instances") else max(524_288, 2 * limit.needed)

"""The long-running part: hints wake it, a scan tells what is true, the pipeline acts.

One task takes hints in, the main task settles, looks and runs cycles, one at a time; what happens during a cycle is the
next batch. This module knows when to look; what a change means it leaves to the pipeline.
"""

import os
from dataclasses import replace
from pathlib import Path

import anyio
import structlog
from anyio import to_thread
from anyio.abc import TaskGroup

from uvwatch import __version__
from uvwatch.advice import Advice
from uvwatch.core import phase
from uvwatch.core.model import Batch, CycleFinished, Event, Outcome, Ready, Stopped, Trigger
from uvwatch.core.phase import Move, Phase
from uvwatch.display import LAST_WORDS, Display, display_for, tell_passed_over
from uvwatch.errors import FailureKind
from uvwatch.hooks import Hooks
from uvwatch.inbox import Inbox, until_quiet
from uvwatch.keeping.site import Request, Site, find_site
from uvwatch.keeping.workshop import Workshop
from uvwatch.lockcheck import LockCheck
from uvwatch.pipeline import Pipeline
from uvwatch.sentry import Sentry
from uvwatch.serving import systemd
from uvwatch.serving.stream import StdoutClosed
from uvwatch.serving.systemd import Notifier
from uvwatch.signals import stopped_by_signals
from uvwatch.tasks import background

RETRY = (2.0, 5.0, 15.0, 60.0)
"""Seconds until a failure whose cause lies outside is tried again: the first time, the second, ... and from then on."""

REMEMBER = 1.0
"""Seconds after an update until what it taught is written down: a burst of updates is written once."""

AUDIT_SHARE = 1000
"""An audit that takes a second is due every thousand seconds at the most: 0.1 % of a core."""

log = structlog.get_logger()


async def watch(request: Request, *, as_json: bool, color: str) -> None:
    """Bring the environment up to date, then keep it so until a signal, or until nobody reads stdout.

    Raises:
        Fatal: it cannot begin: no project, no uv, nothing to keep fresh, or a daemon runs already.
    """
    notifier = Notifier(request.environ.get(systemd.VARIABLE))
    site = await to_thread.run_sync(find_site, replace(request, environ=systemd.without(request.environ)))
    tell_passed_over(site.uv)
    with site.locks.instance():
        display = display_for(request, as_json=as_json, color=color)
        try:
            async with stopped_by_signals(), Workshop(site) as workshop:
                await Daemon(site, display, workshop, notifier).run()
            display.show(Phase.STOPPING)
            display.close()
            display.publish(Stopped())
            notifier.publish(Stopped())
        except StdoutClosed:
            log.info("stdout.closed")
        finally:
            display.close()
            display.finish(LAST_WORDS)


class Daemon:
    """Keeps one environment fresh."""

    _tasks: TaskGroup

    def __init__(self, site: Site, display: Display, workshop: Workshop, notifier: Notifier) -> None:
        self._display = display
        self._notifier = notifier
        self._inbox = Inbox()
        self._pipeline = Pipeline(site, self._publish, workshop, display.output)
        self._hooks = Hooks(lambda: self._pipeline.site.config, project=site.workspace.project, environ=site.environ)
        self._lock_check = LockCheck(self._pipeline.roster, display.publish)
        self._advice = Advice(display.publish)
        self._phase = Phase.STARTING
        self._failures = 0
        self._retry_at = float("inf")
        self._audit_at = float("inf")
        self._remember_at = float("inf")

    async def run(self) -> None:
        """Live until cancelled.

        Raises:
            Fatal: it cannot begin.
            StdoutClosed: nobody reads any more.
        """
        self._display.show(self._phase)
        async with background() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._display.run)
            tasks.start_soon(self._notifier.run)
            tasks.start_soon(self._hooks.run)
            await self._pipeline.roster.open()
            async with Sentry(self._pipeline, self._inbox) as sentry:
                # Armed before the first cycle looks, so that nothing falls between the two.
                await sentry.arm()
                await self._cycle(Trigger.START)
                await sentry.arm()
                self._publish(
                    Ready(
                        version=__version__,
                        project=str(self._pipeline.site.workspace.project),
                        environment=str(self._pipeline.site.prefix),
                        pid=os.getpid(),
                        distributions=self._pipeline.roster.distributions,
                        directories=sentry.directories,
                        backend=sentry.backend,
                    )
                )
                self._plan_audit(0.0)
                try:
                    while True:
                        await self._turn(sentry)
                finally:
                    with anyio.CancelScope(shield=True):
                        await self._pipeline.remember()

    def _publish(self, event: Event) -> None:
        self._display.publish(event)
        self._notifier.publish(event)
        self._hooks.publish(event)

    async def _turn(self, sentry: Sentry) -> None:
        """Wait for something to do, let it settle, look, and act."""
        trigger = await self._wait()
        if trigger is Trigger.CHANGE:
            self._move(Move.CHANGED)
            config = self._pipeline.site.config
            await until_quiet(self._inbox, quiet=config.settle, cap=config.settle_max, busy=self._pipeline.is_busy)
        else:
            self._inbox.doubt()
        hints = self._inbox.take()
        began = anyio.current_time()
        batches = await self._pipeline.look(hints)
        settings = self._pipeline.site_files_changed()
        installed = (hints.environment or hints.everything) and await self._pipeline.environment_changed()
        if trigger is Trigger.AUDIT and not installed:
            installed = await self._pipeline.copies_changed()
        if hints.everything:
            self._plan_audit(anyio.current_time() - began)
        paths = tuple(dict.fromkeys((*self._named(batches), *settings)))
        if trigger is Trigger.RETRY or settings or installed:
            cause = trigger if trigger is not Trigger.CHANGE or paths else Trigger.ENVIRONMENT
            await self._cycle(cause, None, paths)
        elif batches:
            await self._cycle(trigger, batches, paths)
        elif self._phase is Phase.SETTLING:
            self._move(Move.NOTHING_TO_DO if self._pipeline.fresh else Move.STILL_FAILED)
        elif trigger is Trigger.AUDIT:
            await self._advice.tell(self._pipeline.keepers.values(), trigger)
        await sentry.arm()

    async def _wait(self) -> Trigger:
        """Sleep until a hint, a retry or an audit is due; while it is quiet, keep what was learned."""
        with anyio.CancelScope(deadline=self._remember_at):
            await self._inbox.wait()
        if self._remember_at <= anyio.current_time():
            self._remember_at = float("inf")
            await self._pipeline.remember()
        with anyio.CancelScope(deadline=min(self._retry_at, self._audit_at)):
            await self._inbox.wait()
            return Trigger.CHANGE
        return Trigger.RETRY if self._retry_at <= anyio.current_time() else Trigger.AUDIT

    async def _cycle(
        self, trigger: Trigger, batches: dict[str, Batch] | None = None, paths: tuple[str, ...] = ()
    ) -> None:
        self._move(Move.UPDATE)
        finished = await self._pipeline.cycle(trigger, batches, paths)
        failed = finished.outcome is Outcome.FAILED
        self._move(Move.UPDATE_FAILED if failed else Move.UPDATED)
        self._plan_retry(finished)
        self._remember_at = anyio.current_time() + REMEMBER
        if await self._pipeline.changed_meanwhile():
            self._inbox.doubt()
        await self._advice.tell(self._pipeline.keepers.values(), trigger)
        self._tasks.start_soon(self._lock_check.run)

    def _plan_retry(self, finished: CycleFinished) -> None:
        """A cause outside (network, lock, disk) may go away by itself; a build error waits for a change."""
        outside = any(result.error and result.error.kind is not FailureKind.BUILD for result in finished.results)
        self._failures = self._failures + 1 if outside else 0
        delay = RETRY[min(self._failures, len(RETRY)) - 1] if outside else float("inf")
        self._retry_at = anyio.current_time() + delay

    def _plan_audit(self, cost: float) -> None:
        interval = self._pipeline.site.config.audit
        self._audit_at = anyio.current_time() + max(interval, cost * AUDIT_SHARE) if interval else float("inf")

    def _named(self, batches: dict[str, Batch]) -> tuple[str, ...]:
        """The changed paths, relative to the project where they lie in it."""
        project = self._pipeline.site.workspace.project
        roots = {keeper.name: Path(keeper.distribution.root) for keeper in self._pipeline.keepers.values()}
        return tuple(
            os.path.relpath(roots[name] / path, project)
            for name, batch in sorted(batches.items())
            for path in batch.paths
        )

    def _move(self, move: Move) -> None:
        self._phase = phase.after(self._phase, move)
        names = ", ".join(each.name for each in self._pipeline.roster.distributions)
        self._display.show(self._phase, names or None)

"""The long-running part: hints wake it, a scan tells what is true, the pipeline acts.

One task takes hints in, the main task settles, looks and runs cycles, one at a time; what happens during a cycle is the
next batch. This module knows when to look; what a change means it leaves to the pipeline.
"""

import os
import shlex
import time
from collections.abc import Mapping
from contextlib import nullcontext

import anyio
import structlog
from anyio import to_thread
from anyio.abc import TaskGroup

from uvwatch import __version__
from uvwatch.advice import Advice
from uvwatch.core import phase, settle
from uvwatch.core.model import (
    Action,
    Batch,
    CycleFinished,
    CycleStarted,
    Event,
    Outcome,
    Ready,
    Result,
    Trigger,
)
from uvwatch.core.pace import NEVER, audit_interval, retry_delay
from uvwatch.core.phase import Move, Phase
from uvwatch.core.plan import AS_BUILT
from uvwatch.desk import Barrier, Desk
from uvwatch.display import Display
from uvwatch.errors import FailureKind, Fatal
from uvwatch.hooks import Hooks
from uvwatch.inbox import Inbox, until_quiet
from uvwatch.keeping.site import Site
from uvwatch.keeping.wanted import Wanted, wanted_by
from uvwatch.keeping.workshop import Workshop
from uvwatch.lockcheck import LockCheck
from uvwatch.office import Office
from uvwatch.pipeline import Pipeline
from uvwatch.presence import Presence
from uvwatch.seeing import Seen, see
from uvwatch.sentry import Sentry
from uvwatch.serving.hub import Hub
from uvwatch.serving.report import utc_now
from uvwatch.serving.status import Status
from uvwatch.serving.stream import StdoutClosed
from uvwatch.serving.systemd import Notifier
from uvwatch.tasks import background

REMEMBER = 1.0
"""Seconds after an update until what it taught is written down: a burst of updates is written once."""

log = structlog.get_logger()


class Daemon:
    """Keeps one environment fresh.

    Attributes:
        office: answers clients, from the start on.
    """

    _tasks: TaskGroup

    def __init__(
        self, site: Site, display: Display, workshop: Workshop, hub: Hub, notifier: Notifier, presence: Presence
    ) -> None:
        self._display = display
        self._hub = hub
        self._notifier = notifier
        self._presence = presence
        self._inbox = Inbox()
        self._desk = Desk(self._inbox.nudge, self._publish_aside)
        self._life = anyio.CancelScope()
        self._pipeline = Pipeline(site, self._publish, workshop, display.output)
        self._hooks = Hooks(lambda: self._pipeline.site.config, project=site.workspace.project, environ=site.environ)
        self._lock_check = LockCheck(self._pipeline.roster, self._publish)
        self._advice = Advice(self._publish)
        self._barrier: Barrier | None = None
        self.office = Office(self._desk, hub, status=self._status, stop=self._life.cancel)
        self._phase = Phase.STARTING
        self._since = utc_now()
        self._sentry: Sentry | None = None
        self._failures = 0
        self._settle_by = NEVER
        self._retry_at = NEVER
        self._audit_at = NEVER
        self._remember_at = NEVER

    async def run(self) -> None:
        """Live until cancelled, or stopped by a client.

        Raises:
            Fatal: it cannot begin.
            StdoutClosed: nobody reads any more.
        """
        with self._life:
            await self._run()

    def stopping(self) -> None:
        """Say that the end has begun: who waits for a look waits in vain."""
        self._desk.close()
        self._move(Move.STOP)

    async def _run(self) -> None:
        self._display.show(self._phase)
        async with background() as tasks:
            self._tasks = tasks
            tasks.start_soon(self._display.run)
            tasks.start_soon(self._notifier.run)
            tasks.start_soon(self._hooks.run)
            await self._pipeline.roster.open()
            async with Sentry(self._pipeline, self._inbox) as sentry:
                self._sentry = sentry
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

    async def _turn(self, sentry: Sentry) -> None:
        """Wait for something to do, let it settle, look, and act."""
        trigger = await self._wait()
        settled, over = trigger is not Trigger.CHANGE, False
        while not over:
            if not settled or self._desk.holds:
                await self._settle(sentry.lag)
            if trigger is not Trigger.CHANGE:
                self._inbox.doubt()
            self._pipeline.roster.take(await self._presence.follow(self._pipeline.site))
            with self._desk.work() as barrier:
                over = await (self._look(trigger) if barrier is None else self._satisfy(barrier))
            settled = False
            await sentry.arm()

    async def _wait(self) -> Trigger:
        """Sleep until a hint, a client, a retry or an audit is due; while it is quiet, keep what was learned.

        What was hinted comes before what is due: it has to settle, which neither a retry nor an audit waits for.
        """
        while not self._inbox.filled:
            with anyio.CancelScope(deadline=min(self._remember_at, self._retry_at, self._audit_at)):
                await self._inbox.wait()
                return Trigger.CHANGE
            now = anyio.current_time()
            if self._retry_at <= now:
                return Trigger.RETRY
            if self._audit_at <= now:
                return Trigger.AUDIT
            if self._remember_at <= now:
                self._remember_at = NEVER
                await self._pipeline.remember()
        return Trigger.CHANGE

    async def _settle(self, lag: float) -> None:
        """Wait until nobody writes and nobody holds; a barrier ends the quiet window, not the rest.

        ``lag`` is how old what was told is at least, in seconds: so much of the window is over.
        """
        self._move(Move.CHANGED)
        desk, config = self._desk, self._pipeline.site.config
        while True:
            if desk.holds:
                self._move(Move.HOLD)
                await desk.released()
                self._move(Move.RELEASED)
                self._inbox.doubt()
                self._settle_by = NEVER  # nothing could start before: who is busy now has all the time
            self._settle_by = min(self._settle_by, anyio.current_time() + config.settle_max)
            busy = await until_quiet(
                self._inbox,
                quiet=max(0.0, config.settle - lag),
                cap=max(0.0, self._settle_by - anyio.current_time()),
                busy=self._pipeline.busy.is_busy,
                hurry=lambda: bool(desk.asked or desk.holds),
            )
            if busy:
                self._pipeline.busy.give_up()
            if not desk.holds:
                return

    async def _satisfy(self, barrier: Barrier) -> bool:
        """Make a barrier true: all trees are looked at, and what is stale is updated; returns as ``_look``."""
        self._inbox.doubt()
        own = self._pipeline.site
        try:
            wanted = await to_thread.run_sync(wanted_by, barrier.wishes, own)
        except Fatal as refusal:
            barrier.tell(refusal)
            return await self._look(Trigger.CHANGE)
        with nullcontext() if wanted.site is own else self._pipeline.by(wanted.site):
            over = await self._look(Trigger.SYNC, barrier, wanted)
            if wanted.forced:
                # By the mode that was asked for: it is the one to keep from now on.
                await self._pipeline.remember(wanted.only)
            return over

    async def _look(self, trigger: Trigger, barrier: Barrier | None = None, wanted: Wanted | None = None) -> bool:
        """Find out what is another than before, and act.

        Returns:
            False where somebody writes still: nothing was done, and once that is over it is to be looked at again.
        """
        wanted = wanted or Wanted(site=self._pipeline.site)
        hints = self._inbox.take()
        seen = await see(self._pipeline, hints, trigger, wanted.only)
        if hints.everything:
            self._plan_audit(seen.seconds)
        # Where a tree changed, its copy is stale by that alone: what an audit finds elsewhere it finds again.
        unsettled = not seen.elsewhere if trigger is Trigger.CHANGE else bool(seen.batches)
        if barrier is None and unsettled and self._is_restless(seen):
            log.debug("settle.again", paths=seen.paths[:5])
            self._pipeline.postpone(seen.batches)
            return False
        self._settle_by = NEVER
        if trigger is Trigger.RETRY or seen.elsewhere or wanted.forced:
            cause = trigger if trigger is not Trigger.CHANGE or seen.paths else Trigger.ENVIRONMENT
            await self._cycle(cause, seen, None, barrier, wanted.only)
        elif seen.batches or (barrier is not None and self._pipeline.is_dirty(wanted.only)):
            await self._cycle(trigger, seen, seen.batches, barrier, wanted.only)
        else:
            if self._phase is Phase.SETTLING:
                self._move(Move.NOTHING_TO_DO if self._pipeline.fresh else Move.STILL_FAILED)
            if trigger is Trigger.AUDIT:
                began = anyio.current_time()
                await self._advice.tell(self._pipeline.keepers.values(), trigger)
                self._plan_audit(seen.seconds + anyio.current_time() - began)
            if barrier is not None:
                self._nothing_to_do(barrier, wanted.only, seen.seconds)
        if seen.later:
            self._pipeline.postpone(seen.later)
            self._inbox.doubt()
        if seen.elsewhere and wanted.only is not None:
            # It may have been seen of the copy of one that was not meant, and is as read now: no event tells it again.
            self._audit_at = anyio.current_time()
        return True

    def _is_restless(self, seen: Seen) -> bool:
        """Whether the files, or git, say that somebody writes still, and there is time left to wait for the end."""
        keepers, quiet = self._pipeline.keepers, self._pipeline.site.config.settle
        changed = max((keepers[name].changed_at(batch) for name, batch in seen.batches.items()), default=0.0)
        restless = settle.is_restless(changed, time.time(), quiet=quiet) or self._pipeline.busy.is_busy()
        return restless and anyio.current_time() < self._settle_by

    def _nothing_to_do(self, barrier: Barrier, only: frozenset[str] | None, seconds: float) -> None:
        """Answer a barrier that is true already: no cycle is told to anybody else."""
        number = self._pipeline.cycles
        results = tuple(
            Result(name=name, action=Action.NONE, reason=AS_BUILT)
            for name in sorted(self._pipeline.keepers)
            if only is None or name in only
        )
        barrier.tell(CycleStarted(cycle=number, trigger=Trigger.SYNC))
        barrier.tell(
            CycleFinished(cycle=number, outcome=Outcome.UNCHANGED, duration_ms=seconds * 1000, results=results)
        )

    async def _cycle(
        self,
        trigger: Trigger,
        seen: Seen | None = None,
        batches: Mapping[str, Batch] | None = None,
        barrier: Barrier | None = None,
        only: frozenset[str] | None = None,
    ) -> None:
        self._move(Move.UPDATE)
        self._barrier = barrier
        finished = await self._pipeline.cycle(trigger, batches, seen.paths if seen is not None else (), only)
        if barrier is not None:
            barrier.tell(finished)
        failed = finished.outcome is Outcome.FAILED
        self._move(Move.UPDATE_FAILED if failed else Move.UPDATED)
        self._plan_retry(finished)
        self._remember_at = anyio.current_time() + REMEMBER
        self._desk.rest()
        if await self._pipeline.changed_meanwhile():
            self._inbox.doubt()
        await self._advice.tell(self._pipeline.keepers.values(), trigger)
        self._tasks.start_soon(self._lock_check.run)

    def _plan_retry(self, finished: CycleFinished) -> None:
        """A cause outside (network, lock, disk) may go away by itself; a build error waits for a change."""
        outside = any(result.error and result.error.kind is not FailureKind.BUILD for result in finished.results)
        self._failures = self._failures + 1 if outside else 0
        self._retry_at = anyio.current_time() + retry_delay(self._failures)

    def _plan_audit(self, cost: float) -> None:
        self._audit_at = anyio.current_time() + audit_interval(self._pipeline.site.config.audit, cost)

    def _move(self, move: Move) -> None:
        before, self._phase = self._phase, phase.after(self._phase, move)
        if self._phase is not before:
            self._since = utc_now()
        about = [shlex.join(hold.command) for hold in self._desk.holds]
        if self._phase is not Phase.HELD:
            about = [each.name for each in self._pipeline.roster.distributions]
        self._display.show(self._phase, ", ".join(about) or None)

    def _publish(self, event: Event) -> None:
        if self._barrier is not None and isinstance(event, CycleStarted):
            self._barrier.tell(event)
        self._hub.publish(event)
        self._display.publish(event)
        self._notifier.publish(event)
        self._hooks.publish(event)

    def _publish_aside(self, event: Event) -> None:
        """Tell an event of a client's making: that nobody reads stdout must not hit the client."""
        try:
            self._publish(event)
        except StdoutClosed:
            self._life.cancel()

    def _status(self) -> Status:
        pipeline, known = self._pipeline, self._phase in (Phase.IDLE, Phase.HELD)
        return Status(
            version=__version__,
            pid=os.getpid(),
            environment=str(pipeline.site.prefix),
            phase=self._phase,
            since=self._since,
            fresh=known and not self._inbox.filled and pipeline.fresh,
            cycle=pipeline.cycles,
            last=self._hub.last.object if self._hub.last is not None else None,
            failed=self._hub.failed.object if self._hub.failed is not None else None,
            holds=tuple((hold.pid, hold.command) for hold in self._desk.holds),
            distributions=pipeline.roster.distributions,
            directories=self._sentry.directories if self._sentry is not None else 0,
            backend=self._sentry.backend if self._sentry is not None else "",
        )
